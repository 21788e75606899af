POLICIES='/sys/devices/system/cpu/cpufreq/policy*'
# Kernels before 4.3 have a folder at each CPU instead.
if [ -z "$(each_file "$POLICIES")" ]; then POLICIES='/sys/devices/system/cpu/cpu[0-9]*/cpufreq'; fi

# set_governors GOVERNOR: on every policy; empty for none.
set_governors() {
	[ -n "$1" ] || return 0
	for path in $(each_file "$POLICIES/scaling_available_governors"); do
		if ! grep -qwF -- "$1" "$ROOT$path"; then
			fail "$path does not offer $1"
			return 0
		fi
	done
	# Drivers change the preference together with the governor, and not all of them change it back.
	if [ "$APPLY" = 1 ] && [ -n "$(different "$POLICIES/scaling_governor" "$1")" ]; then
		for path in $(each_file "$POLICIES/energy_performance_preference"); do
			printf 'value|%s|%s|\n' "$path" "$(value_of "$ROOT$path")"
		done | journal
	fi
	set_files "$POLICIES/scaling_governor" "$1"
}

