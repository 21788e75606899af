#!/bin/busybox sh
# The first process of the guest: makes it usable, runs the payload, hands /out to the host, powers off.
# Lines for the host begin with @@.
export PATH=/opt/plumb:/bin
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /etc /out
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t cgroup2 cgroup /sys/fs/cgroup 2>/dev/null
# Programs of the host have gone before: what is there already stays.
for applet in $(/bin/busybox --list); do
    [ -e "/bin/$applet" ] || /bin/busybox ln -s busybox "/bin/$applet"
done
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mount -t tmpfs out /out
mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
for module in $(cat /modules.list 2>/dev/null); do
    insmod "/modules/$module" || echo "@@MODULE $module failed"
done
ip link set lo up
hostname rig
cd /out || exit 1
echo "@@INIT $(cut -d' ' -f1 /proc/uptime)"
sh /payload 2>&1
echo "@@CODE $?"
tar -c -f /dev/nvme0n1 -C /out . && sync && echo "@@END $(cut -d' ' -f1 /proc/uptime)"
poweroff -f
