//! The HTML report in a browser, where one is here.

use std::path::{Path, PathBuf};
use std::process::Command;

use plumb_tests::synthetic::Node;
use plumb_tests::{plumb, run, skip};

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

/// The page as it is after its script ran.
fn dom(browser: &Path, scratch: &Path, page: &str) -> String {
    let result = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", scratch.join("profile").display()))
        .arg(page)
        .output()
        .unwrap();
    String::from_utf8_lossy(&result.stdout).into_owned()
}

#[test]
fn a_browser_runs_the_page() {
    let Some(browser) = browser() else {
        return skip("the HTML report is not opened in a browser: no `chromium` is here");
    };
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::healthy();
    node.set("/proc/sys/kernel/hostname", "<script>document.title='stolen'</script>\n");
    for cpu in 0..128 {
        node.set(&format!("/sys/devices/system/cpu/cpufreq/policy{cpu}/scaling_governor"), "powersave\n");
    }
    let bundle = folder.path().join("node.plumb");
    node.bundle().write(&bundle).unwrap();
    let out = folder.path().join("out");
    let report = run(plumb().args(["-q", "report", "--formats", "html"]).arg(&bundle).arg("-o").arg(&out));
    assert_eq!(report.code, 0, "{}", report.err);
    let dom = dom(&browser, folder.path(), &format!("file://{}", out.join("report.html").display()));
    if dom.is_empty() {
        return skip("the HTML report is not opened in a browser: the browser that is here does not start");
    }
    // The script shows the filter and counts, which a page without scripts does not.
    assert!(!dom.contains("<fieldset class=\"filter\" hidden"), "the filter stays hidden");
    assert!(dom.contains("findings shown</span>"), "nothing was counted");
    assert!(!dom.contains("<title>stolen"), "a host name ran as a script");
}
