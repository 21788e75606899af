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
	IFS= read -r line <"$1" || [ -n "$line" ] || return 1
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

# journal KIND PATH: says durably that PATH is about to be changed. What it was is in STATE already.
journal() {
	sync
	printf '%s\t%s\n' "$1" "$2" >>"$STATE/journal"
	sync
}

known() {
	[ -f "$STATE/journal" ] && grep -qxF "$(printf '%s\t%s' "$1" "$2")" "$STATE/journal"
}

open_state() {
	if [ ! -d "$STATE" ]; then
		mkdir -p "$STATE"
		chmod 700 "$STATE"
	fi
}

# keep_value PATH VALUE: what a file holds before its first change.
keep_value() {
	open_state
	known value "$1" && return 0
	mkdir -p "$STATE/old$(dirname "$1")"
	printf '%s\n' "$2" >"$STATE/old$1"
	journal value "$1"
}

# new_value PATH VALUE: what it is made to hold; undo touches nothing that somebody else changed since.
new_value() {
	mkdir -p "$STATE/new$(dirname "$1")"
	printf '%s\n' "$2" >"$STATE/new$1"
}

# set_value PATH VALUE: PATH without ROOT.
set_value() {
	file=$ROOT$1
	if [ ! -e "$file" ]; then
		say absent "$1"
		return 0
	fi
	if ! old=$(value_of "$file"); then
		fail "$1 cannot be read"
		return 0
	fi
	if [ "$old" = "$2" ]; then
		say kept "$1 is $2"
		return 0
	fi
	CHANGES=$((CHANGES + 1))
	if [ "$APPLY" != 1 ]; then
		say would "$1: $old -> $2"
		return 0
	fi
	keep_value "$1" "$old"
	new_value "$1" "$2"
	if put_value "$file" "$2"; then
		say set "$1: $old -> $2"
	else
		fail "$1 does not take $2"
	fi
}

# each_file PATTERN: the files that match, without ROOT, one a line.
each_file() {
	(
		# No splitting at blanks, but patterns are expanded.
		IFS=
		# shellcheck disable=SC2086
		for file in $ROOT$1; do
			[ -e "$file" ] && printf '%s\n' "${file#"$ROOT"}"
		done
		true
	)
}

# set_each PATTERN VALUE
set_each() {
	files=$(each_file "$1")
	if [ -z "$files" ]; then
		say absent "$1"
		return 0
	fi
	while IFS= read -r path; do
		set_value "$path" "$2"
	done <<EOF
$files
EOF
}

# restore_value PATH: gives a value back, if it is still the one that was set.
restore_value() {
	file=$ROOT$1
	if [ ! -e "$file" ]; then
		say absent "$1"
		return 0
	fi
	old=$(cat "$STATE/old$1")
	new=$(cat "$STATE/new$1" 2>/dev/null || true)
	now=$(value_of "$file" || true)
	if [ "$now" = "$old" ]; then
		say kept "$1 is $old"
		return 0
	fi
	if [ "$now" != "$new" ] && [ "${FORCE:-0}" != 1 ]; then
		fail "$1 is $now, which these files did not set; --force restores $old all the same"
		return 0
	fi
	CHANGES=$((CHANGES + 1))
	if [ "$APPLY" != 1 ]; then
		say would "$1: $now -> $old"
	elif put_value "$file" "$old"; then
		say restored "$1: $now -> $old"
	else
		fail "$1 does not take $old back"
	fi
}

