//! The rig: a stock Debian kernel in QEMU, on machines that nobody here has: two sockets, two NUMA nodes with a device
//! behind each, and one whose time does not depend on the load of the host.
//!
//! A [`Guest`] gets programs and a payload, a shell script that it runs as root in `/out`; what the payload leaves there
//! comes back as a folder. `cargo xtask setup rig` fetches what that takes; without it, [`find`] says why not.

mod cpio;
mod machine;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use plumb_pack_host::{LOCK_FILE, LockFile, Pin};
use sha2::{Digest, Sha256};

pub use cpio::Tree;
pub use machine::Machine;

/// Names the folder with the kernel: `vmlinuz` and `modules/`.
pub const VARIABLE: &str = "PLUMB_RIG";

/// Emulation is slow and the host may be busy: this ends a guest that hangs, and says nothing about speed.
const PATIENCE: Duration = Duration::from_secs(240);

/// Arguments of the kernel. On a busy host the interrupts of the timer come late: the kernel must not look for them.
const BOOT: &str =
    "console=ttyS0 quiet loglevel=3 panic=-1 random.trust_cpu=on mitigations=off nokaslr no_timer_check";

/// Room for results. The file has holes: it takes what is written.
const DISK_BYTES: u64 = 256 << 20;

/// Guests want all CPUs there are: one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Modules that the kernel lacks for the network card of the guest, in the order in which they load.
const MODULES: &[&str] = &[
    "virtio_ring",
    "virtio",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "failover",
    "net_failover",
    "virtio_net",
];

/// Lines of the console that begin with these are from `init.sh`: before the payload, after it, after the results.
const STARTED: &str = "@@INIT";
const CODE: &str = "@@CODE";
const DONE: &str = "@@END";

/// What the rig takes, as found on this machine.
pub struct Rig {
    kernel: PathBuf,
    modules: PathBuf,
}

/// The rig of this machine.
///
/// # Errors
/// Says what is missing, for [`crate::skip`].
pub fn find() -> Result<Rig, String> {
    let folder = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
    let Some(folder) = folder.map(PathBuf::from) else {
        return Err(format!("{VARIABLE} is not set; `cargo xtask rig` sets it"));
    };
    let rig = Rig { kernel: folder.join("vmlinuz"), modules: folder.join("modules") };
    if !rig.kernel.is_file() {
        return Err(format!("no kernel at `{}`; run `cargo xtask setup rig`", rig.kernel.display()));
    }
    for program in ["qemu-system-x86_64", "busybox"] {
        if in_path(program).is_none() {
            return Err(format!("no program `{program}`; run `cargo xtask setup rig`"));
        }
    }
    Ok(rig)
}

/// A guest to be: what is in it and what it does.
pub struct Guest {
    machine: Machine,
    payload: String,
    files: Tree,
    kernel_arguments: String,
}

/// What a guest left.
pub struct Visit {
    /// What the payload left in `/out`.
    pub folder: tempfile::TempDir,
    /// The exit code of the payload.
    pub code: i32,
    /// What the guest printed on its console.
    pub console: String,
    /// Seconds of the host until the payload began, for people: they say nothing about the guest.
    pub booted_s: f64,
    /// Seconds of the host until the machine was off.
    pub ended_s: f64,
}

impl Visit {
    /// The text of a file of `/out`.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("the guest left no `{name}` ({error}):\n{}", self.log()))
    }

    /// The output of the payload.
    #[must_use]
    pub fn log(&self) -> &str {
        let start = self.console.find(STARTED).and_then(|at| Some(at + self.console[at..].find('\n')? + 1));
        let log = &self.console[start.unwrap_or(0)..];
        &log[..log.rfind(CODE).unwrap_or(log.len())]
    }
}

impl Guest {
    /// A guest with busybox as its shell and tools.
    #[must_use]
    pub fn new(machine: Machine) -> Self {
        Self { machine, payload: String::new(), files: Tree::default(), kernel_arguments: String::new() }
    }

    /// The script that the guest runs, in `/out`. Its output goes to the console.
    #[must_use]
    pub fn payload(mut self, script: &str) -> Self {
        script.clone_into(&mut self.payload);
        self
    }

    /// Adds to what the kernel is told at boot.
    #[must_use]
    pub fn kernel_arguments(mut self, arguments: &str) -> Self {
        arguments.clone_into(&mut self.kernel_arguments);
        self
    }

    /// Adds a file of these permission bits.
    #[must_use]
    pub fn file(mut self, path: &str, bytes: impl Into<Vec<u8>>, mode: u32) -> Self {
        self.files.file(path, bytes.into(), mode);
        self
    }

    /// Adds a program of the host, by its name in `PATH` or its path, and the libraries that it takes.
    ///
    /// # Errors
    /// Fails if there is no such program.
    pub fn program(mut self, program: &str) -> Result<Self, String> {
        let found =
            in_path(program).ok_or_else(|| format!("no program `{program}` to put into the guest"))?;
        let name = found.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.executable(&found, &format!("/bin/{name}"))?;
        Ok(self)
    }

    /// Adds `plumb` as it was built, without packs.
    ///
    /// # Errors
    /// Fails if it was not built.
    pub fn plumb(mut self) -> Result<Self, String> {
        self.executable(&crate::target().join("plumb"), "/opt/plumb/plumb")?;
        Ok(self)
    }

    /// Adds the check packs beside `plumb`.
    ///
    /// # Errors
    /// Fails if they were not built.
    pub fn packs(mut self) -> Result<Self, String> {
        let packs = crate::target().join("packs");
        let lock = LockFile::read(&packs.join(LOCK_FILE)).map_err(|error| error.to_string())?;
        let mut pins = LockFile::default();
        for pin in lock.pins() {
            let folder = packs.join(&pin.id);
            for entry in fs::read_dir(&folder).map_err(|error| cannot("list", &folder, &error))? {
                let path = entry.map_err(|error| cannot("list", &folder, &error))?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let to = format!("/opt/plumb/packs/{}/{name}", pin.id);
                if name.ends_with(".so") {
                    // Without symbols it is another file, so it has another hash.
                    let bytes = stripped(&path)?;
                    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                    pins.insert(Pin { id: pin.id.clone(), version: pin.version.clone(), sha256 });
                    self.files.file(&to, bytes, 0o644);
                } else if path.is_file() {
                    self.files.file(&to, read(&path)?, 0o644);
                }
            }
        }
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = folder.path().join(LOCK_FILE);
        pins.write(&path).map_err(|error| error.to_string())?;
        self.files.file(&format!("/opt/plumb/packs/{LOCK_FILE}"), read(&path)?, 0o644);
        Ok(self)
    }

    /// Boots, waits until the machine is off, and brings back what it left.
    ///
    /// # Errors
    /// Fails if it does not come to its end; the error has the end of its console.
    pub fn boot(mut self, rig: &Rig) -> Result<Visit, String> {
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let busybox = in_path("busybox").ok_or("no program `busybox`; run `cargo xtask setup rig`")?;
        self.executable(&busybox, "/bin/busybox")?;
        self.files.link("/bin/sh", "busybox");
        self.files.file("/init", include_bytes!("rig/init.sh").to_vec(), 0o755);
        self.files.file("/payload", self.payload.clone().into_bytes(), 0o755);
        for folder in ["/proc", "/sys", "/dev", "/tmp", "/run", "/out"] {
            self.files.folder(folder);
        }
        self.files.file("/etc/passwd", b"root:x:0:0:root:/:/bin/sh\n".to_vec(), 0o644);
        if self.machine != Machine::OneCpu {
            let mut list = String::new();
            for module in MODULES {
                let name = format!("{module}.ko");
                self.files.file(&format!("/modules/{name}"), read(&rig.modules.join(&name))?, 0o644);
                list += &format!("{name}\n");
            }
            self.files.file("/modules.list", list.into_bytes(), 0o644);
        }

        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let at = |name: &str| folder.path().join(name);
        fs::write(at("initrd"), self.files.archive()).map_err(|e| cannot("write", &at("initrd"), &e))?;
        let disk = File::create(at("disk")).and_then(|file| file.set_len(DISK_BYTES));
        disk.map_err(|error| cannot("write", &at("disk"), &error))?;
        let console = File::create(at("console")).map_err(|error| cannot("write", &at("console"), &error))?;

        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"])
            .args(["-machine", "q35"])
            .arg("-drive")
            .arg(format!("file={},if=none,id=results,format=raw,cache=unsafe", at("disk").display()))
            .args(self.machine.arguments("results"))
            .arg("-kernel")
            .arg(&rig.kernel)
            .arg("-initrd")
            .arg(at("initrd"))
            .arg("-append")
            .arg(format!("{BOOT} {}", self.kernel_arguments))
            .stdin(Stdio::null())
            .stderr(console.try_clone().map_err(|error| cannot("share", &at("console"), &error))?)
            .stdout(console);
        let start = Instant::now();
        let child = qemu.spawn().map_err(|error| format!("cannot start QEMU: {error}"))?;
        let (booted, ended) = wait(child, &at("console"), start);

        let console = String::from_utf8_lossy(&read(&at("console"))?).replace('\r', "");
        let failed = |why: &str| {
            let lines: Vec<&str> = console.lines().collect();
            let end = lines[lines.len().saturating_sub(80)..].join("\n");
            format!("guest `{}` {why}; the end of its console:\n{end}", self.machine.name())
        };
        if !ended {
            return Err(failed(&format!("was not done after {} s", PATIENCE.as_secs())));
        }
        let word = |mark: &str| {
            let rest = console.lines().find_map(|line| line.strip_prefix(mark))?;
            Some(rest.trim().to_owned())
        };
        let code = word(CODE).and_then(|code| code.parse().ok());
        let code = code.ok_or_else(|| failed("ended before its payload did"))?;
        if word(DONE).is_none() {
            return Err(failed("could not hand over its results"));
        }
        let results = tempfile::tempdir().map_err(|error| error.to_string())?;
        let disk = File::open(at("disk")).map_err(|error| cannot("read", &at("disk"), &error))?;
        tar::Archive::new(disk)
            .unpack(results.path())
            .map_err(|error| failed(&format!("left results that cannot be read ({error})")))?;
        Ok(Visit {
            folder: results,
            code,
            console,
            booted_s: booted.unwrap_or_default().as_secs_f64(),
            ended_s: start.elapsed().as_secs_f64(),
        })
    }

    /// Adds a program with its libraries, without symbols: debug builds are ten times as large with them.
    fn executable(&mut self, from: &Path, to: &str) -> Result<(), String> {
        for library in libraries(from) {
            if !self.files.has(&library) {
                self.files.file(&library, read(Path::new(&library))?, 0o755);
            }
        }
        self.files.file(to, stripped(from)?, 0o755);
        Ok(())
    }
}

/// Waits for the end of QEMU: when the payload began, and whether the end came. One that hangs is killed.
fn wait(mut child: Child, console: &Path, start: Instant) -> (Option<Duration>, bool) {
    let mut booted = None;
    loop {
        if booted.is_none() && fs::read(console).is_ok_and(|text| contains(&text, STARTED.as_bytes())) {
            booted = Some(start.elapsed());
        }
        match child.try_wait() {
            Ok(None) if start.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(50)),
            Ok(Some(_)) => return (booted, true),
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return (booted, false);
            }
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// A program by its path, or by its name in `PATH` and where administrators' programs are.
fn in_path(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Path::new(program).is_file().then(|| PathBuf::from(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The libraries of a program, as the loader of this machine finds them; none of a script or a static program.
fn libraries(program: &Path) -> Vec<String> {
    let output = Command::new("ldd").arg(program).stdin(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let word = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(str::to_owned);
    text.lines().filter_map(word).collect()
}

/// The content of a program or library without symbols, or as it is where nothing can take them away.
fn stripped(path: &Path) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let to = folder.path().join("stripped");
    let strip = Command::new("strip").arg("-s").arg("-o").arg(&to).arg(path).stderr(Stdio::null()).status();
    match strip {
        Ok(status) if status.success() => read(&to),
        _ => read(path),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| cannot("read", path, &error))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {what} `{}`: {error}", path.display())
}
