# moved UNIT...: true if all run in inference.slice. One that does not would lose most of its CPUs to system.slice.
moved() {
	for unit in "$@"; do
		if [ -d "$ROOT/sys/fs/cgroup/inference.slice/$unit" ] || [ "$FORCE" = 1 ]; then continue; fi
		if [ "$APPLY" = 1 ]; then
			say waits "$unit does not run in inference.slice yet: restart it, then apply this topic again"
			return 1
		fi
		say first "$unit has to run in inference.slice: apply its topic and restart it before this one"
	done
}

