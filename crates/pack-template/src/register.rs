//! The lines that a pack gets for a new check: in its list of checks, and once for pages, if it has had none so far.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Names, NewFile, TemplateError, build_script};

/// The module that holds what the build makes of pages, as in a new pack.
const PAGES: &str = "#[doc(hidden)]\npub mod pages {\n    //! What the build makes of the pages beside the checks.\n    \
                     include!(concat!(env!(\"OUT_DIR\"), \"/pages.rs\"));\n}\n";

/// The files of a pack as they are with the new check. Nothing is written.
pub(crate) fn lines(folder: &Path, names: &Names) -> Result<Vec<NewFile>, TemplateError> {
    let read = |name: &str| -> Result<(PathBuf, String), TemplateError> {
        let path = folder.join(name);
        let text = fs::read_to_string(&path).map_err(|error| TemplateError::io("read", &path, error))?;
        Ok((path, text))
    };
    let mut changed = Vec::new();
    let (path, text) = read("src/lib.rs")?;
    let shape = |path: &Path, problem: &str| TemplateError::Shape {
        path: path.to_owned(),
        problem: problem.to_owned(),
    };
    let list = in_list(&text, names).map_err(|problem| shape(&path, problem))?;
    changed.push((path, list));
    let (path, text) = read("Cargo.toml")?;
    if let Some(text) = with_build_dependency(&text) {
        changed.push((path, text));
    }
    let script = folder.join("build.rs");
    match fs::read_to_string(&script) {
        Ok(text) if text.contains("plumb_pack_build::pack(") => {}
        Ok(_) => {
            let problem =
                "expected a call of `plumb_pack_build::pack`, which makes code of the pages: add it";
            return Err(shape(&script, problem));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            changed.push((script, build_script(names)));
        }
        Err(error) => return Err(TemplateError::io("read", &script, error)),
    }
    Ok(changed)
}

/// `lib.rs` with the check among the modules and in the list of the pack, and with pages.
fn in_list(text: &str, names: &Names) -> Result<String, &'static str> {
    let mut at = 0;
    let mut after_modules = None;
    for line in text.split_inclusive('\n') {
        at += line.len();
        let is_module =
            (line.starts_with("pub mod ") || line.starts_with("mod ")) && line.trim_end().ends_with(';');
        if is_module {
            after_modules = Some(at);
        }
    }
    let after_modules =
        after_modules.ok_or("expected a line `pub mod …;`, found none: add the check by hand")?;
    let (above, below) = text.split_at(after_modules);
    let pages = if text.contains("pub mod pages {") { "" } else { PAGES };
    let mut text = format!("{above}pub mod {};\n{pages}{below}", names.module());
    const LIST: &str = "checks: [";
    let no_list = "expected `checks: […]` in `export_pack!`, found none: add the check by hand";
    if !text.contains("words: pages::WORDS") {
        let list = text.find(LIST).ok_or(no_list)?;
        text.insert_str(list, "words: pages::WORDS,\n    ");
    }
    let list = text.find(LIST).ok_or(no_list)?;
    let end = text[list..].find(']').ok_or(no_list)? + list;
    let (above, below) = text.split_at(end);
    let above = above.trim_end().trim_end_matches(',');
    Ok(format!("{above}, {}::{}{below}", names.module(), names.type_name()))
}

/// `Cargo.toml` with what makes code of pages; `None` if it has that.
fn with_build_dependency(text: &str) -> Option<String> {
    if text.contains("plumb-pack-build") {
        return None;
    }
    const DEPENDENCY: &str = "plumb-pack-build.workspace = true\n";
    const HEAD: &str = "[build-dependencies]\n";
    if let Some((above, below)) = text.split_once(HEAD) {
        return Some(format!("{above}{HEAD}{DEPENDENCY}{below}"));
    }
    let at = text.find("[dev-dependencies]").unwrap_or(text.len());
    let (above, below) = text.split_at(at);
    Some(format!("{above}{HEAD}{DEPENDENCY}\n{below}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "//! Old.\n\nuse plumb_check_sdk::export_pack;\n\nmod counters;\npub mod mem_swap;\n\nexport_pack! {\n    id: \
                       \"memory\",\n    checks: [\n        mem_swap::MemSwap,\n    ],\n}\n";

    #[test]
    fn a_pack_without_pages_gets_what_they_need() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("src/lib.rs"), OLD).unwrap();
        fs::write(folder.path().join("Cargo.toml"), "[dependencies]\na = \"1\"\n\n[dev-dependencies]\n")
            .unwrap();
        let names = Names::new("memory", "mem.new").unwrap();
        let changed = lines(folder.path(), &names).unwrap();
        let text = |name: &str| {
            let path = folder.path().join(name);
            &changed.iter().find(|(own, _)| *own == path).unwrap().1
        };
        let list = text("src/lib.rs");
        assert!(
            list.contains("pub mod mem_swap;\npub mod mem_new;\n#[doc(hidden)]\npub mod pages {"),
            "{list}"
        );
        assert!(list.contains("    words: pages::WORDS,\n    checks: ["), "{list}");
        assert!(list.contains("mem_swap::MemSwap, mem_new::MemNew],"), "{list}");
        assert_eq!(
            text("Cargo.toml"),
            "[dependencies]\na = \"1\"\n\n[build-dependencies]\nplumb-pack-build.workspace = true\n\n[dev-dependencies]\n"
        );
        assert!(text("build.rs").contains("plumb_pack_build::pack(\"memory\")"));
        for (path, text) in &changed {
            fs::write(path, text).unwrap();
        }
        // The next check needs its own two lines and no more.
        let next = lines(folder.path(), &Names::new("memory", "mem.next").unwrap()).unwrap();
        assert_eq!(next.len(), 1);
        let list = &next[0].1;
        assert!(list.contains("pub mod mem_new;\npub mod mem_next;\n#[doc(hidden)]"), "{list}");
        assert_eq!((list.matches("pub mod pages").count(), list.matches("words:").count()), (1, 1), "{list}");
    }

    #[test]
    fn a_pack_of_another_shape_is_named_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("Cargo.toml"), "plumb-pack-build = {}\n").unwrap();
        let names = Names::new("memory", "mem.new").unwrap();
        let problem = |list: &str| {
            fs::write(folder.path().join("src/lib.rs"), list).unwrap();
            lines(folder.path(), &names).unwrap_err().to_string()
        };
        let error = problem("fn main() {}\n");
        assert!(error.contains("src/lib.rs`: expected a line `pub mod …;`"), "{error}");
        let error = problem("pub mod a;\n");
        assert!(error.contains("src/lib.rs`: expected `checks: […]`"), "{error}");
        fs::write(folder.path().join("build.rs"), "fn main() {}\n").unwrap();
        let error = problem(OLD);
        assert!(error.contains("build.rs`: expected a call of `plumb_pack_build::pack`"), "{error}");
    }
}
