# ---- files that are put in place, with a memory of what was there ----

# make_folder PATH: with its parents, each of which is taken away again if it was not there.
make_folder() {
	[ -d "$ROOT$1" ] && return 0
	make_folder "$(dirname "$1")"
	journal folder "$1"
	mkdir "$ROOT$1"
}

# install_file SOURCE PATH MODE
install_file() {
	file=$ROOT$2
	if [ -f "$file" ] && cmp -s "$1" "$file"; then
		say kept "$2"
		return 0
	fi
	CHANGES=$((CHANGES + 1))
	if [ "$APPLY" != 1 ]; then
		if [ -e "$file" ]; then say would "$2 (replaces a file)"; else say would "$2 (new)"; fi
		return 0
	fi
	open_state
	if ! known file "$2" && ! known new "$2"; then
		if [ -e "$file" ]; then
			mkdir -p "$STATE/old$(dirname "$2")"
			cp -p "$file" "$STATE/old$2"
			journal file "$2"
		else
			make_folder "$(dirname "$2")"
			journal new "$2"
		fi
	fi
	# Whole or not at all.
	if cp "$1" "$file.plumb-new" && chmod "$3" "$file.plumb-new" && mv -f "$file.plumb-new" "$file"; then
		mkdir -p "$STATE/new$(dirname "$2")"
		cp "$file" "$STATE/new$2"
		say installed "$2"
	else
		rm -f "$file.plumb-new"
		fail "$2 cannot be installed"
	fi
}

# enable_unit NAME: starts it at every boot.
enable_unit() {
	link=/etc/systemd/system/multi-user.target.wants/$1
	if [ -L "$ROOT$link" ]; then
		say kept "$link"
		return 0
	fi
	CHANGES=$((CHANGES + 1))
	if [ "$APPLY" != 1 ]; then
		say would "$link (new)"
		return 0
	fi
	make_folder "$(dirname "$link")"
	journal new "$link"
	mkdir -p "$STATE/new$(dirname "$link")"
	cp "$ROOT/etc/systemd/system/$1" "$STATE/new$link"
	if ln -s "../$1" "$ROOT$link"; then say enabled "$1"; else fail "$link cannot be made"; fi
}

