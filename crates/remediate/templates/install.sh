# ---- files that are put in place, with a memory of what was there ----

# known KIND PATH: true if the journal has it.
known() {
	[ -f "$STATE/journal" ] && grep -qxF -- "$1|$2||" "$STATE/journal"
}

# keep WHERE PATH: a copy of what is at PATH, in STATE/WHERE.
keep() {
	mkdir -p "$STATE/$1${2%/*}"
	cp -p "$ROOT$2" "$STATE/$1$2"
}

# make_folder PATH: with its parents, each of which is taken away again if it was not there.
make_folder() {
	[ -d "$ROOT$1" ] && return 0
	make_folder "${1%/*}"
	printf 'folder|%s||\n' "$1" | journal
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
	if ! known file "$2" && ! known new "$2"; then
		if [ -e "$file" ]; then
			keep old "$2"
			printf 'file|%s||\n' "$2" | journal
		else
			make_folder "${2%/*}"
			printf 'new|%s||\n' "$2" | journal
		fi
	fi
	# Whole or not at all.
	if cp "$1" "$file.plumb-new" && chmod "$3" "$file.plumb-new" && mv -f "$file.plumb-new" "$file"; then
		keep new "$2"
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
	make_folder "${link%/*}"
	printf 'new|%s||\n' "$link" | journal
	if ln -s "../$1" "$ROOT$link"; then
		keep new "$link"
		say enabled "$1"
	else
		fail "$link cannot be made"
	fi
}

