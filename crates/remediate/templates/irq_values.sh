# device ADDRESS CPUS: numbers of interrupt lines differ from boot to boot, so they are looked up by device.
device() {
	folder=/sys/bus/pci/devices/$1/msi_irqs
	lines=$(each_file "$folder/*")
	if [ -z "$lines" ]; then
		say absent "$folder"
		return 0
	fi
	while IFS= read -r number; do
		path=/proc/irq/${number##*/}/smp_affinity_list
		[ -e "$ROOT$path" ] || continue
		if ! before=$(value_of "$ROOT$path"); then
			fail "$path cannot be read"
			continue
		fi
		if [ "$APPLY" = 1 ] && [ "$before" != "$2" ] && ! put_value "$ROOT$path" "$before"; then
			# The kernel places the queues of some drivers itself and refuses any list, its own included.
			say managed "$path stays at $before: the kernel manages it"
			continue
		fi
		set_files "$path" "$2"
	done <<EOF
$lines
EOF
}

