# topic ID: true if it is to be looked at.
topic() {
	if [ "$ONLY" != " " ]; then
		case $ONLY in
		*" $1 "*) ;;
		*) return 1 ;;
		esac
	fi
	printf '\n[%s]\n' "$1"
}

# sysctl_value NAME VALUE: as set_value, by dotted name.
sysctl_value() {
	set_value "/proc/sys/$(printf '%s' "$1" | tr . /)" "$2"
}

