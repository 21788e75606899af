usage() {
	cat <<'EOF'
@USAGE@
EOF
}

FORCE=0
while [ $# -gt 0 ]; do
	case $1 in
	--apply) APPLY=1 ;;
	--force) FORCE=1 ;;
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

