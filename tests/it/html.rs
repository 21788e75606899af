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

/// What a page says of itself once it is laid out, for a window of this width.
fn measured(browser: &Path, folder: &Path, page: &Path, width: u32) -> Option<serde_json::Value> {
    let script = "<script>addEventListener('load', () => { \
        const all = [...document.querySelectorAll('[id]')].map(own => own.id); \
        const links = [...document.querySelectorAll('a[href^=\"#\"]')].map(own => own.getAttribute('href').slice(1)); \
        const stops = [...document.querySelectorAll('a[href], button, input, summary, [tabindex]')] \
            .filter(own => own.tabIndex >= 0 && own.getClientRects().length); \
        const where = own => own.closest('nav') ? 'nav' : own.closest('main') ? 'main' : own.className; \
        parent.postMessage(JSON.stringify({ \
            wide: document.documentElement.scrollWidth - innerWidth, \
            scrolling: [...document.querySelectorAll('main *')].filter(own => own.scrollWidth > own.clientWidth + 1 \
                && ['auto', 'scroll'].includes(getComputedStyle(own).overflowX)).length, \
            twice: all.filter((id, at) => all.indexOf(id) !== at), \
            missing: links.filter(id => !all.includes(id)), \
            stops: stops.slice(0, 40).map(where), order: stops.every(own => own.tabIndex === 0), \
            sticky: getComputedStyle(document.querySelector('nav')).position }), '*'); });</script></body>";
    let text = std::fs::read_to_string(page).unwrap().replacen("</body>", script, 1);
    let inner = folder.join(format!("inner-{width}.html"));
    std::fs::write(&inner, text).unwrap();
    let name = inner.file_name().unwrap().to_string_lossy().into_owned();
    // A window may be no narrower than the browser allows; a frame may.
    let outer = format!(
        "<body><iframe src=\"{name}\" style=\"width:{width}px;height:900px;border:0\"></iframe><pre id=said></pre>\
         <script>addEventListener('message', own => {{ document.getElementById('said').textContent = own.data; }});</script></body>"
    );
    let path = folder.join(format!("outer-{width}.html"));
    std::fs::write(&path, outer).unwrap();
    let dom = dom(browser, folder, &format!("file://{}", path.display()));
    let said = dom.split("id=\"said\">").nth(1)?.split("</pre>").next()?;
    serde_json::from_str(&said.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")).ok()
}

#[test]
fn the_page_fits_a_telephone_and_every_link_leads_somewhere() {
    let Some(browser) = browser() else {
        return skip("the HTML report is not laid out in a browser: no `chromium` is here");
    };
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("node.plumb");
    let mut node = Node::healthy();
    for cpu in 0..128 {
        node.set(&format!("/sys/devices/system/cpu/cpufreq/policy{cpu}/scaling_governor"), "powersave\n");
    }
    node.bundle().write(&bundle).unwrap();
    let out = folder.path().join("out");
    for (command, name) in [("report", "report.html"), ("fleet", "fleet.html")] {
        let run = run(plumb().args(["-q", command, "--formats", "html"]).arg(&bundle).arg("-o").arg(&out));
        assert_eq!(run.code, 0, "{}", run.err);
        for width in [420, 1280] {
            let Some(said) = measured(&browser, folder.path(), &out.join(name), width) else {
                return skip(
                    "the HTML report is not laid out in a browser: the browser that is here says nothing",
                );
            };
            let what = format!("{name} at {width}: {said:#}");
            assert!(
                said["wide"].as_i64().unwrap() <= 0 && said["scrolling"] == 0,
                "it scrolls sideways: {what}"
            );
            assert_eq!(said["missing"].as_array().unwrap().len(), 0, "{what}");
            assert_eq!(said["twice"].as_array().unwrap().len(), 0, "{what}");
            // The key Tab goes by the order of the document: the way past the menu, then the menu, then the content.
            let stops: Vec<&str> =
                said["stops"].as_array().unwrap().iter().map(|own| own.as_str().unwrap()).collect();
            assert_eq!((stops[0], stops[1]), ("skip", "nav"), "{what}");
            assert!(said["order"] == true && said["sticky"] == "sticky", "{what}");
        }
    }
}
