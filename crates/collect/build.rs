//! Links hwloc into the program, so that it runs on nodes that have no libhwloc.
//!
//! The static library needs nothing then but the C library: what it wants of libudev, `src/helper/hwloc/library.rs`
//! has. Where only the shared one is installed, or one that wants more, that is linked, with a warning: the program
//! then starts only where libhwloc is.

use std::path::Path;

/// What the static library may want: hwloc itself, parts of the C library, and libudev, which is replaced.
const CONTENT_WITH: [&str; 6] = ["hwloc", "m", "pthread", "dl", "rt", "udev"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(hwloc_static)");
    let mut query = pkg_config::Config::new();
    // The names of version 2 are linked below, and version 3 may change what they do.
    query.range_version("2.0.0".."3.0.0").cargo_metadata(false).statik(true);
    let hwloc = match query.probe("hwloc") {
        Ok(hwloc) => hwloc,
        Err(error) => {
            println!(
                "cargo::error=hwloc 2 is needed; install libhwloc-dev, or run `cargo xtask setup`: {error}"
            );
            return;
        }
    };
    let folder = pkg_config::get_variable("hwloc", "libdir").unwrap_or_default();
    let archive = Path::new(&folder).join("libhwloc.a");
    let wants_more = hwloc.libs.iter().find(|name| !CONTENT_WITH.contains(&name.as_str()));
    if !folder.is_empty() {
        println!("cargo::rustc-link-search=native={folder}");
    }
    let why = match (archive.is_file(), wants_more) {
        (true, None) => {
            println!("cargo::rustc-cfg=hwloc_static");
            println!("cargo::rustc-link-lib=static=hwloc");
            return;
        }
        (true, Some(name)) => format!("the static libhwloc here wants lib{name}"),
        (false, _) => "there is no static libhwloc here".to_owned(),
    };
    println!("cargo::warning={why}: this plumb will start only where the shared libhwloc is installed");
    println!("cargo::rustc-link-lib=dylib=hwloc");
}
