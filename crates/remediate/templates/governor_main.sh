UNIT=/etc/systemd/system/inference-governor.service
PROGRAM=/usr/local/sbin/plumb-set-governor
STATE=${PLUMB_STATE:-$ROOT/var/lib/plumb-remediation}/governor

usage() {
	cat <<'EOF'
usage: set_governor.sh [status | apply | persist | undo]
  status   says what is set, and changes nothing; the default
  apply    sets it now; what was before is kept
  persist  sets it at every boot as well, by a unit of systemd
  undo     gives back what was before, and takes the unit away
PLUMB_ROOT names another root for tests, PLUMB_STATE another folder for old values.
EOF
}

# One line for each value and file name, with the number of policies.
status() {
	for name in scaling_driver scaling_governor energy_performance_preference; do
		for path in $(each_file "$POLICIES/$name"); do
			value_of "$ROOT$path" && printf '\n'
		done | sort | uniq -c | while read -r count value; do
			printf '%s: %s (%s policies)\n' "$name" "$value" "$count"
		done
	done
	if [ -e "$ROOT$UNIT" ]; then printf 'set at boot by %s\n' "$UNIT"; else printf 'not set at boot by this script\n'; fi
	if [ -f "$STATE/journal" ]; then printf 'old values are in %s\n' "$STATE"; fi
}

apply() {
	APPLY=1
	set_governors "$GOVERNOR"
	if [ -n "$PREFERENCE" ]; then set_files "$POLICIES/energy_performance_preference" "$PREFERENCE"; fi
	if [ -n "$BIAS" ]; then set_files "/sys/devices/system/cpu/cpu*/power/energy_perf_bias" "$BIAS"; fi
}

persist() {
	if [ "$(readlink -f "$0")" != "$(readlink -f "$ROOT$PROGRAM" || true)" ]; then
		mkdir -p "$ROOT${PROGRAM%/*}"
		cp "$0" "$ROOT$PROGRAM"
		chmod 755 "$ROOT$PROGRAM"
	fi
	mkdir -p "$ROOT${UNIT%/*}"
	cat >"$ROOT$UNIT.plumb-new" <<'EOF'
[Unit]
Description=Frequency governor for inference

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/plumb-set-governor apply

[Install]
WantedBy=multi-user.target
EOF
	mv -f "$ROOT$UNIT.plumb-new" "$ROOT$UNIT"
	say installed "$UNIT"
	if [ -z "$ROOT" ] && [ -d /run/systemd/system ]; then
		systemctl daemon-reload
		systemctl enable inference-governor.service
	fi
}

undo() {
	APPLY=1
	if [ -e "$ROOT$UNIT" ]; then
		if [ -z "$ROOT" ] && [ -d /run/systemd/system ]; then
			systemctl disable inference-governor.service || true
		fi
		rm -f "$ROOT$UNIT" "$ROOT$PROGRAM"
		say removed "$UNIT"
	fi
	[ -f "$STATE/journal" ] || return 0
	while IFS='|' read -r _ path old new; do
		restore_value "$path" "$old" "$new"
	done <<EOF
$(last_first)
EOF
	if [ "$FAILURES" = 0 ]; then
		rm -rf "$STATE"
		rmdir "${STATE%/*}" 2>/dev/null || true
	fi
}

FORCE=0
case ${1:-status} in
status) status ;;
apply) apply ;;
persist)
	apply
	persist
	;;
undo)
	[ "${2:-}" != --force ] || FORCE=1
	undo
	;;
-h | --help) usage ;;
*)
	usage >&2
	exit 2
	;;
esac
[ "$FAILURES" = 0 ]
