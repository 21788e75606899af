# ---- values below /sys and /proc, with a memory of what they were ----

# Everything is relative to this folder; empty on a real node.
ROOT=${PLUMB_ROOT:-}
# What things were before the first change.
STATE=${PLUMB_STATE:-$ROOT/var/lib/plumb-remediation}
APPLY=0
CHANGES=0
FAILURES=0

say() {
	printf '%-9s %s\n' "$1" "$2"
}

fail() {
	FAILURES=$((FAILURES + 1))
	say failed "$1" >&2
}

# The value of a file; of `always [madvise] never` the word in brackets.
value_of() {
	{ IFS= read -r line <"$1" || [ -n "$line" ]; } 2>/dev/null || return 1
	case $line in
	*\[*\]*)
		line=${line#*\[}
		line=${line%%\]*}
		;;
	esac
	printf '%s' "$line"
}

# Writes a value; the kernel answers by an error what it does not take.
put_value() {
	{ printf '%s\n' "$2" >"$1"; } 2>/dev/null
}

# journal: appends lines KIND|PATH|OLD|NEW, which are on disk before anything is changed.
journal() {
	if [ ! -d "$STATE" ]; then
		mkdir -p "$STATE"
		chmod 700 "$STATE"
	fi
	cat >>"$STATE/journal"
	sync "$STATE/journal" 2>/dev/null || sync
}

# The journal, the last change first.
last_first() {
	sed -n '1!G;h;$p' "$STATE/journal"
}

# each_file PATTERN: the files that match, without ROOT, one a line.
each_file() {
	(
		# No splitting at blanks, but patterns are expanded.
		IFS=
		# shellcheck disable=SC2086
		for file in $ROOT$1; do
			if [ -e "$file" ]; then printf '%s\n' "${file#"$ROOT"}"; fi
		done
	)
}

# different PATTERN VALUE [NAME]: PATH|OLD|NEW of each file that holds something else. With NAME, the file of that name
# beside it has the value.
different() {
	each_file "$1" | while IFS= read -r path; do
		new=$2
		if [ -n "${3:-}" ] && ! new=$(value_of "$ROOT${path%/*}/$3"); then continue; fi
		old=$(value_of "$ROOT$path") || old='(cannot be read)'
		if [ "$old" != "$new" ]; then printf '%s|%s|%s\n' "$path" "$old" "$new"; fi
	done
}

# set_files PATTERN VALUE [NAME]
set_files() {
	if [ -z "$(each_file "$1")" ]; then
		say absent "$1"
		return 0
	fi
	list=$(different "$@")
	if [ -z "$list" ]; then
		say kept "$1"
		return 0
	fi
	CHANGES=$((CHANGES + $(printf '%s\n' "$list" | wc -l)))
	word=would
	if [ "$APPLY" = 1 ]; then word=setting; fi
	printf '%s\n' "$list" | cut -d '|' -f 2- | sort | uniq -c | while read -r count change; do
		say "$word" "$1: ${change%%|*} -> ${change#*|} ($count)"
	done
	[ "$APPLY" = 1 ] || return 0
	printf '%s\n' "$list" | while IFS= read -r line; do printf 'value|%s\n' "$line"; done | journal
	while IFS='|' read -r path old new; do
		put_value "$ROOT$path" "$new" || fail "$path stays at $old: it does not take $new"
	done <<EOF
$list
EOF
}

# restore_value PATH OLD NEW: gives a value back, if it is still the one that was set.
restore_value() {
	if [ ! -e "$ROOT$1" ]; then
		say absent "$1"
		return 0
	fi
	now=$(value_of "$ROOT$1") || now='(cannot be read)'
	if [ "$now" = "$2" ]; then return 0; fi
	if [ "$now" != "$3" ] && [ -n "$3" ] && [ "${FORCE:-0}" != 1 ]; then
		fail "$1 is $now, which these files did not set; --force restores $2 all the same"
		return 0
	fi
	CHANGES=$((CHANGES + 1))
	if [ "$APPLY" != 1 ]; then
		say would "$1: $now -> $2"
	elif put_value "$ROOT$1" "$2"; then
		say restored "$1: $now -> $2"
	else
		fail "$1 does not take $2 back"
	fi
}

