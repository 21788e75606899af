//! The line that a pack gets for a new check: its module. All else of it is in the folder of the check.

use std::fs;
use std::path::Path;

use crate::{Names, NewFile, TemplateError};

/// The files of a pack as they are with the new check. Nothing is written.
pub(crate) fn lines(folder: &Path, names: &Names) -> Result<Vec<NewFile>, TemplateError> {
    let read = |name: &str| {
        let path = folder.join(name);
        let text = fs::read_to_string(&path).map_err(|error| TemplateError::io("read", &path, error))?;
        Ok::<_, TemplateError>((path, text))
    };
    let shape = |path: &Path, problem: &str| TemplateError::Shape {
        path: path.to_owned(),
        problem: problem.to_owned(),
    };
    let (script, text) = read("build.rs")?;
    if !text.contains("plumb_pack_build::pack(") {
        let problem = "expected a call of `plumb_pack_build::pack`, which makes code of the pages: add it";
        return Err(shape(&script, problem));
    }
    let (list, text) = read("src/lib.rs")?;
    if !text.contains("pages: pages") {
        let problem = "expected `pages: pages` in `export_pack!`, found none: add the check by hand";
        return Err(shape(&list, problem));
    }
    let text = with_module(&text, names).map_err(|problem| shape(&list, problem))?;
    Ok(vec![(list, text)])
}

/// `lib.rs` with the check behind the last of its modules.
fn with_module(text: &str, names: &Names) -> Result<String, &'static str> {
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
    let after_modules = after_modules.ok_or("expected a line `mod …;`, found none: add the check by hand")?;
    let (above, below) = text.split_at(after_modules);
    Ok(format!("{above}mod {};\n{below}", names.module()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACK: &str = "//! A pack.\n\nuse plumb_check_sdk::export_pack;\n\nmod counters;\nmod mem_swap;\n\n\
                        export_pack! {\n    id: \"memory\",\n    pages: pages,\n}\n";

    fn pack(list: &str, script: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("src/lib.rs"), list).unwrap();
        fs::write(folder.path().join("build.rs"), script).unwrap();
        folder
    }

    #[test]
    fn a_pack_gets_one_line_for_a_new_check() {
        let folder = pack(PACK, "fn main() { plumb_pack_build::pack(\"memory\"); }\n");
        let changed = lines(folder.path(), &Names::new("memory", "mem.new").unwrap()).unwrap();
        let [(path, text)] = changed.as_slice() else { panic!("{changed:?}") };
        assert_eq!(*path, folder.path().join("src/lib.rs"));
        assert_eq!(*text, PACK.replace("mod mem_swap;\n", "mod mem_swap;\nmod mem_new;\n"));
    }

    #[test]
    fn a_pack_of_another_shape_is_named_with_its_file() {
        let names = Names::new("memory", "mem.new").unwrap();
        let problem = |list: &str, script: &str| {
            let folder = pack(list, script);
            lines(folder.path(), &names).unwrap_err().to_string()
        };
        const SCRIPT: &str = "fn main() { plumb_pack_build::pack(\"memory\"); }\n";
        let error = problem("// pages: pages\nfn main() {}\n", SCRIPT);
        assert!(error.contains("src/lib.rs`: expected a line `mod …;`"), "{error}");
        let error = problem("mod a;\n", SCRIPT);
        assert!(error.contains("src/lib.rs`: expected `pages: pages`"), "{error}");
        let error = problem(PACK, "fn main() {}\n");
        assert!(error.contains("build.rs`: expected a call of `plumb_pack_build::pack`"), "{error}");
    }
}
