STATE=${PLUMB_STATE:-$ROOT/var/lib/plumb-remediation}/interrupts

usage() {
	cat <<'EOF'
usage: irq_affinity.sh [status | apply | undo]
  status  says where interrupts go now, and changes nothing; the default
  apply   moves them; where they went before is kept
  undo    moves them back
PLUMB_ROOT names another root for tests, PLUMB_STATE another folder for old values.
EOF
}

undo() {
	APPLY=1
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
status) all_devices ;;
apply)
	APPLY=1
	all_devices
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
