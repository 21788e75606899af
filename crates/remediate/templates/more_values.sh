# set_from PATTERN NAME: sets each file to what the file NAME beside it holds.
set_from() {
	files=$(each_file "$1")
	if [ -z "$files" ]; then
		say absent "$1"
		return 0
	fi
	while IFS= read -r path; do
		if wanted=$(value_of "$ROOT${path%/*}/$2"); then
			set_value "$path" "$wanted"
		else
			say absent "${path%/*}/$2"
		fi
	done <<EOF
$files
EOF
}

