POLICIES='/sys/devices/system/cpu/cpufreq/policy*'

# set_governors GOVERNOR: on every policy; empty for none.
set_governors() {
	[ -n "$1" ] || return 0
	for path in $(each_file "$POLICIES/scaling_governor"); do
		folder=${path%/*}
		offered=$ROOT$folder/scaling_available_governors
		if [ -e "$offered" ] && ! grep -qwF -- "$1" "$offered"; then
			fail "$path: $1 is not offered"
			continue
		fi
		# Drivers change the preference together with the governor, and not all of them change it back.
		preference=$folder/energy_performance_preference
		if [ "$APPLY" = 1 ] && [ "$(value_of "$ROOT$path" || true)" != "$1" ] && [ -e "$ROOT$preference" ]; then
			keep_value "$preference" "$(value_of "$ROOT$preference" || true)"
			set_value "$path" "$1"
			new_value "$preference" "$(value_of "$ROOT$preference" || true)"
		else
			set_value "$path" "$1"
		fi
	done
}

