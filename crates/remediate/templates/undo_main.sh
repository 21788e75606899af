if [ ! -f "$STATE/journal" ]; then
	printf 'nothing to undo: there is no %s\n' "$STATE/journal"
	exit 0
fi

# same PATH: true if the file is still the one that was installed.
same() {
	[ "$FORCE" = 1 ] || { [ -f "$STATE/new$1" ] && cmp -s "$STATE/new$1" "$ROOT$1"; }
}

undo() {
	case $1 in
	value) restore_value "$2" "$3" "$4" ;;
	new)
		if [ ! -e "$ROOT$2" ] && [ ! -L "$ROOT$2" ]; then
			say kept "$2 is not there"
		elif ! same "$2"; then
			fail "$2 was changed since; --force takes it away all the same"
		else
			CHANGES=$((CHANGES + 1))
			if [ "$APPLY" != 1 ]; then
				say would "take $2 away"
			elif rm -f "$ROOT$2"; then
				say removed "$2"
			else
				fail "$2 cannot be taken away"
			fi
		fi
		;;
	file)
		if cmp -s "$STATE/old$2" "$ROOT$2"; then
			:
		elif ! same "$2"; then
			fail "$2 was changed since; --force puts the old one back all the same"
		else
			CHANGES=$((CHANGES + 1))
			if [ "$APPLY" != 1 ]; then
				say would "put the old $2 back"
			elif cp -p "$STATE/old$2" "$ROOT$2.plumb-old" && mv -f "$ROOT$2.plumb-old" "$ROOT$2"; then
				say restored "$2"
			else
				fail "$2 cannot be put back"
			fi
		fi
		;;
	folder)
		# Somebody else's files keep it.
		[ "$APPLY" != 1 ] || rmdir "$ROOT$2" 2>/dev/null || true
		;;
	esac
}

# The last change first.
while IFS='|' read -r kind path old new; do
	undo "$kind" "$path" "$old" "$new"
done <<EOF
$(last_first)
EOF

if [ "$APPLY" = 1 ] && [ "$FAILURES" = 0 ]; then
	rm -rf "$STATE"
	if [ "$CHANGES" -gt 0 ] && [ -z "$ROOT" ] && [ -d /run/systemd/system ]; then
		systemctl daemon-reload || fail "systemctl daemon-reload"
	fi
fi
printf '\n'
if [ "$APPLY" = 1 ]; then
	printf '%s changes taken back, %s failures.\n' "$CHANGES" "$FAILURES"
	[ "$FAILURES" = 0 ] || printf 'What is left is in %s.\n' "$STATE"
else
	printf '%s changes to take back. Nothing was changed: --apply takes them back.\n' "$CHANGES"
fi
[ "$FAILURES" = 0 ]
