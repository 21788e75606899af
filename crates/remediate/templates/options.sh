usage() {
	cat <<'EOF'
@USAGE@
EOF
}

TOPICS="@TOPICS@"
ONLY=" "
FORCE=0
while [ $# -gt 0 ]; do
	case $1 in
	--apply) APPLY=1 ;;
	--force) FORCE=1 ;;
	--only)
		[ $# -ge 2 ] || { usage >&2; exit 2; }
		case " $TOPICS " in
		*" $2 "*) ;;
		*) printf 'no topic %s in this plan; there are: %s\n' "$2" "$TOPICS" >&2; exit 2 ;;
		esac
		ONLY="$ONLY$2 "
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		usage >&2
		exit 2
		;;
	esac
	shift
done

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

