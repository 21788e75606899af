//! Configuration of the honest node: kernel, boot loader, services, containers, Kubernetes.

use std::collections::BTreeMap;

use super::node::STAT;

/// What Docker was told of the container of the server.
pub(super) const HOST_CONFIG: &str = "raw/var/lib/docker/containers/4f1c8a7be2d0935c6ab1d4e8f0975312c4f1c8a7be2d0935c6ab1d4e8f097531/hostconfig.json";
/// What Docker keeps of it.
pub(super) const CONTAINER_STATE: &str = "raw/var/lib/docker/containers/4f1c8a7be2d0935c6ab1d4e8f0975312c4f1c8a7be2d0935c6ab1d4e8f097531/config.v2.json";
/// What the runtime was told.
pub(super) const RUNTIME_SPEC: &str = "raw/run/containerd/io.containerd.runtime.v2.task/moby/4f1c8a7be2d0935c6ab1d4e8f0975312c4f1c8a7be2d0935c6ab1d4e8f097531/config.json";

pub(super) fn add(files: &mut BTreeMap<String, Vec<u8>>) {
    for (path, text) in [
        // Of the server in a container; `unit` and `cgroup` put others here.
        (
            "raw/proc/7/cgroup",
            "0::/system.slice/docker-4f1c8a7be2d0935c6ab1d4e8f0975312c4f1c8a7be2d0935c6ab1d4e8f097531.scope\n",
        ),
        (
            "raw/dev/kmsg",
            "6,1,1000,-;Linux version 6.8.0\n4,900,55000000,-;NVRM: Xid (PCI:0000:01:00): 79, pid=7, name=vllm\n \
             SUBSYSTEM=pci\n3,901,56000000,-;mce: CPU0: Package temperature above threshold\n",
        ),
        (
            "raw/var/log/kern.log",
            "2026-01-01T00:00:00 node kernel: [    0.000000] Linux version 6.8.0\nJan  1 00:00:00 node kernel: [   55.1] \
             EDAC MC0: 1 CE\n",
        ),
        ("raw/proc/uptime", "100.25 50.0\n"),
        ("raw/proc/modules", "nvidia 56717312 3 nvidia_uvm, Live 0x0\nbonding 1 0 - Live 0x0\n"),
        ("raw/boot/config-6.8.0", "# CONFIG_KASAN is not set\nCONFIG_HZ=250\nCONFIG_PREEMPT_DYNAMIC=y\n"),
        ("raw/sys/devices/system/cpu/vulnerabilities/meltdown", "Mitigation: PTI\n"),
        (
            "raw/etc/default/grub",
            "# x\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet $X\"\nGRUB_CMDLINE_LINUX='isolcpus=1 nohz_full=1' \\\n# y\n",
        ),
        ("raw/etc/default/grub.d/50-cloud.cfg", "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX console=tty1\"\n"),
        ("raw/etc/kernel/cmdline", "ro quiet\n"),
        (
            "raw/boot/loader/entries/a-6.8.0.conf",
            "title X (6.8.0)\nversion 6.8.0\nlinux /vmlinuz\noptions root=/dev/sda1 $kernelopts mitigations=off\n",
        ),
        ("raw/boot/grub2/grubenv", "# GRUB Environment Block\nkernelopts=ro quiet\n####\n"),
        ("raw/etc/chrony/chrony.conf", "pool 2.debian.pool.ntp.org iburst\nrefclock PHC /dev/ptp0 poll 3\n"),
        ("raw/etc/systemd/timesyncd.conf", "[Time]\nNTP=a.example.org b.example.org\n"),
        ("raw/etc/sysctl.d/90-x.conf", "# x\n-net/ipv4/conf/eth0.100/rp_filter = 1\nvm.swappiness=10\n"),
        ("raw/etc/tmpfiles.d/a.conf", "w /sys/kernel/mm/ksm/run - - - - 1\nw+! \"/sys/x y\" - - - - a b\n"),
        (
            "raw/etc/modprobe.d/nvidia.conf",
            "blacklist nouveau\noptions nvidia NVreg_EnableStreamMemOPs=1 \\\n  x=\"y z\"\n",
        ),
        (
            "raw/etc/udev/rules.d/60-x.rules",
            "ACTION==\"add|change\", KERNEL==\"nvme[0-9]*\", ATTR{queue/scheduler}=\"none\"\n",
        ),
        ("raw/etc/tuned/active_profile", "mine\n"),
        (
            "raw/etc/tuned/mine/tuned.conf",
            "[main]\ninclude=base, ?other\n[cpu]\ngovernor=performance|powersave\n[sysctl]\nvm.swappiness=>10\n[vm]\n\
             transparent_hugepages=madvise\n[bootloader]\ncmdline_x=+quiet\n",
        ),
        ("raw/usr/lib/tuned/profiles/base/tuned.conf", "[main]\ninclude=mine\n[sysfs]\n/sys/x=1\n"),
        ("raw/etc/default/cpupower", "#governor='x'\ngovernor='performance'\n"),
        (
            "raw/etc/systemd/system/job.service",
            "[Unit]\nDescription=x\n[Service]\nExecStart=/usr/bin/vllm \\\n  serve\nCPUAffinity=0-1 \\\n  3\nLimitMEMLOCK=infinity\n",
        ),
        (
            "raw/etc/systemd/system/job.service.d/10-x.conf",
            "[Service]\nAllowedCPUs=\nAllowedCPUs=0-1\nRestart=always\n",
        ),
        (
            "raw/etc/docker/daemon.json",
            r#"{"data-root":"/var/lib/docker/","exec-opts":["native.cgroupdriver=systemd"]}"#,
        ),
        (
            HOST_CONFIG,
            r#"{"CpusetCpus":"0-7","CpusetMems":"0","NanoCpus":0,"CpuQuota":0,"RestartPolicy":{"Name":"always",
            "MaximumRetryCount":0},"CapAdd":["SYS_NICE"],"Ulimits":[{"Name":"nofile","Hard":4096,"Soft":1024}],
            "ShmSize":67108864,"SecurityOpt":["seccomp=unconfined"]}"#,
        ),
        (
            CONTAINER_STATE,
            r#"{"Name":"/vllm","RestartCount":2,"Config":{"Healthcheck":{"Test":["CMD","x"]}}}"#,
        ),
        (
            RUNTIME_SPEC,
            r#"{"process":{"capabilities":{"effective":["CAP_CHOWN"]}},"linux":{"resources":{"cpu":{"cpus":"0-7",
            "mems":"0","quota":100000,"period":100000}},"devices":[{"path":"/dev/nvidia0","type":"c"}],"seccomp":
            {"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","mbind"],"action":"SCMP_ACT_ALLOW"},
            {"names":["set_mempolicy"],"action":"SCMP_ACT_ALLOW","args":[{"index":0}]}]}}}"#,
        ),
        (
            "raw/etc/nvidia-container-runtime/config.toml",
            "disable-require = false\n[nvidia-container-runtime]\nmode = \"cdi\"\n",
        ),
        ("raw/etc/cdi/nvidia.yaml", "kind: nvidia.com/gpu\n"),
        ("raw/proc/9/cgroup", "0::/system.slice/kubelet.service\n"),
        (
            "raw/proc/9/cmdline",
            "/usr/bin/kubelet\0--config=/var/lib/kubelet/config.yaml\0--config-dir\0/etc/kubernetes/kubelet.conf.d\0\
             --topology-manager-policy=best-effort\0",
        ),
        (
            "raw/var/lib/kubelet/config.yaml",
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncpuManagerPolicy: static\n\
             cpuManagerPolicyOptions:\n  full-pcpus-only: \"true\"\ntopologyManagerPolicy: restricted\nreservedMemory:\n\
             - numaNode: 0\n  limits:\n    memory: 1Gi\n",
        ),
        (
            "raw/etc/kubernetes/kubelet.conf.d/10-x.conf",
            "{\"topologyManagerScope\": \"pod\", \"reservedSystemCPUs\": \"0-3\"}",
        ),
        (
            "raw/var/lib/kubelet/cpu_manager_state",
            r#"{"policyName":"static","defaultCpuSet":"0-3","entries":{"u":{"vllm":"4-7"}},"checksum":1}"#,
        ),
        (
            "raw/var/lib/kubelet/memory_manager_state",
            r#"{"policyName":"Static","machineState":{"0":{"numberOfAssignments":1,"cells":[0]}},"entries":{},"checksum":1}"#,
        ),
        (
            "raw/var/lib/kubelet/dra_manager_state",
            r#"{"Data":"{\"kind\":\"DRACheckpoint\",\"ClaimInfoStateList\":[{\"ClaimName\":\"gpu\",\"Namespace\":\"llm\",\"PodUIDs\":{\"u\":{}}}]}","Checksum":1}"#,
        ),
    ] {
        files.insert(path.to_owned(), text.as_bytes().to_vec());
    }
    files.insert("raw/proc/9/stat".to_owned(), format!("9 (kubelet) {STAT}\n").into_bytes());
    files.insert("raw/proc/config.gz".to_owned(), CONFIG_GZ.to_vec());
    let links = br#"{"/sys/bus/pci/devices/0000:01:00.0":"../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0",
        "/sys/class/net/eth0":"../../devices/pci0000:00/0000:00:02.0/virtio2/net/eth0",
        "/sys/class/infiniband/mlx5_0":"../../devices/pci0000:00/0000:03:00.0/infiniband/mlx5_0",
        "/sys/dev/block/259:2":"../../devices/pci0000:00/0000:02:00.0/nvme/nvme0/nvme0n1/nvme0n1p2",
        "/sys/class/block/nvme0n1p2":"../../devices/pci0000:00/0000:02:00.0/nvme/nvme0/nvme0n1/nvme0n1p2",
        "/sys/dev/block/253:0":"../../devices/virtual/block/dm-0",
        "/sys/class/block/dm-0/slaves/nvme0n1p2":"../../x/nvme0n1p2",
        "/etc/systemd/system/multi-user.target.wants/job.service":"/etc/systemd/system/job.service",
        "/usr/lib/x86_64-linux-gnu/libcuda.so.1":"libcuda.so.550.54",
        "/proc/7/fd/3":"/dev/nvidia0","/proc/self/ns/net":"net:[4026531840]","/proc/7/ns/net":"net:[4026531840]"}"#;
    files.insert("links.json".to_owned(), links.to_vec());
}

/// `CONFIG_HZ=250`, compressed.
const CONFIG_GZ: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x73, 0xf6, 0xf7, 0x73, 0xf3, 0x74, 0x8f,
    0xf7, 0x88, 0xb2, 0x35, 0x32, 0x35, 0xe0, 0x02, 0x00, 0xfb, 0x5f, 0x3a, 0x01, 0x0e, 0x00, 0x00, 0x00,
];
