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

