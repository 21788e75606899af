
# systemd reads unit files when it is told to; nothing is restarted here.
if [ "$APPLY" = 1 ] && [ "$CHANGES" -gt 0 ] && [ -z "$ROOT" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload || fail "systemctl daemon-reload"
fi
printf '\n'
if [ "$APPLY" = 1 ]; then
	printf '%s changes, %s failures. What was before is in %s; undo.sh takes it back.\n' "$CHANGES" "$FAILURES" "$STATE"
else
	printf '%s changes to make. Nothing was changed: --apply makes them.\n' "$CHANGES"
fi
[ "$FAILURES" = 0 ]
