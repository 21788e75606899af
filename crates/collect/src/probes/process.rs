//! Processes and threads: names, masks, last CPU, and which GPU device nodes are open.

use plumb_evidence::derive::gpu::NVIDIA_GPUS;
use plumb_evidence::{Absence, Missing};

use super::Files;
use crate::mask::mask_arguments;
use crate::probe::{Method, Privilege, Probe};

pub(super) const PROBE: Probe = Probe {
    id: "process",
    title: "processes and threads",
    reads: &["/proc"],
    privilege: Privilege::Root,
    budget: std::time::Duration::from_secs(20),
    method: Method::Files(run),
    sample: None,
};

fn run(files: &Files<'_>) -> Result<(), Missing> {
    let with_gpus = !files.list(NVIDIA_GPUS).is_empty();
    let processes = files.numbered("/proc", "");
    if processes.is_empty() {
        return Err(Missing::new(Absence::Absent, "/proc lists no process"));
    }
    for process in processes {
        files.files(&process, &["stat", "cgroup"]);
        let _ = files.file_with(&format!("{process}/cmdline"), |bytes| mask_arguments(&bytes));
        for thread in files.numbered(&format!("{process}/task"), "") {
            files.files(&thread, &["stat", "status"]);
        }
        if with_gpus {
            let folder = format!("{process}/fd");
            for descriptor in files.list(&folder) {
                let link = format!("{folder}/{descriptor}");
                match files.link_if(&link, |target| target.starts_with("/dev/nvidia")) {
                    // It was closed meanwhile.
                    Err(why) if why.missing == Absence::Absent => {}
                    Err(why) => {
                        files.unread(&folder, why);
                        break;
                    }
                    Ok(()) => {}
                }
            }
        }
    }
    Ok(())
}
