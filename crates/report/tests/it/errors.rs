//! Every way to fail gives one clear error and leaves nothing behind.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use plumb_report::model::MAIN;
use plumb_report::{ReportError, Theme, Typst, markdown, model, pdf, typst_source, write_file};

use crate::sample;

fn fake(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake").join(name)
}

fn no_path() -> Option<OsString> {
    None
}

#[test]
fn a_missing_typst_names_the_places_and_the_remedy() {
    let explicit =
        Typst::discover_in(Some(Path::new("/nowhere/typst")), &[], no_path()).unwrap_err().to_string();
    assert_eq!(
        explicit,
        "typst 0.15.1 is needed for PDF and was not found (looked at: `/nowhere/typst` as asked for: no such file); \
         run `cargo xtask setup`, or `cargo install typst-cli --version 0.15.1 --locked`"
    );
    let candidates = ["/nowhere/tools/typst".into(), fake("other-version")];
    let all =
        Typst::discover_in(None, &candidates, Some("/nowhere:relative".into())).unwrap_err().to_string();
    assert!(all.contains("`/nowhere/tools/typst`: no such file; "), "{all}");
    assert!(all.contains("other-version`: expected version 0.15.1, found 0.13.0; "), "{all}");
    assert!(all.contains("PATH: no program `typst`)"), "{all}");
}

#[test]
fn the_first_candidate_of_the_right_version_is_taken() {
    let candidates = [fake("other-version"), fake("writes"), fake("fails")];
    assert_eq!(Typst::discover_in(None, &candidates, no_path()).unwrap().program(), fake("writes"));
}

#[test]
fn what_was_asked_for_is_not_silently_replaced() {
    let error = Typst::discover_in(Some(&fake("other-version")), &[fake("writes")], no_path()).unwrap_err();
    assert!(error.to_string().contains("expected version 0.15.1, found 0.13.0"), "{error}");
}

#[test]
fn a_rejected_source_shows_what_typst_said() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report.pdf");
    let error = pdf_with("fails", &out).unwrap_err().to_string();
    assert!(error.contains("unknown variable: nonsense\n  ┌─ report.typ:3:1"), "{error}");
    assert!(error.contains("theme: built-in"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_hanging_typst_is_stopped() {
    let typst = Typst::unchecked(fake("hangs")).with_limit(Duration::from_millis(200));
    let source = typst_source(&sample::report(&sample::typical()), MAIN, &Theme::builtin().unwrap()).unwrap();
    let error = typst.compile(&source, 0).unwrap_err();
    assert!(matches!(error, ReportError::TypstTimeout { .. }), "{error}");
}

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("missing/report.pdf");
    let error = pdf_with("writes", &out).unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("cannot write `{}`; name a file", out.display())),
        "{error}"
    );
    assert!(error.source().unwrap().to_string().contains("not found"), "{:?}", error.source());

    fs::create_dir(folder.path().join("report.pdf")).unwrap();
    let error = pdf_with("writes", &folder.path().join("report.pdf")).unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "a folder of that name exists");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn an_older_report_is_replaced_in_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report.pdf");
    fs::write(&out, "old").unwrap();
    pdf_with("fails", &out).unwrap_err();
    assert_eq!(fs::read_to_string(&out).unwrap(), "old");
    pdf_with("writes", &out).unwrap();
    assert_eq!(fs::read_to_string(&out).unwrap(), "%PDF\n");
    write_file(&out, b"new").unwrap();
    assert_eq!(fs::read_to_string(&out).unwrap(), "new");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn a_time_that_is_none_is_named() {
    let mut assessment = sample::typical();
    assessment.provenance.collected = "yesterday".into();
    let error = model(&assessment, &Theme::builtin().unwrap()).unwrap_err().to_string();
    assert!(error.ends_with("but is `yesterday`"), "{error}");
}

#[test]
fn template_errors_name_file_and_line() {
    for (template, line, problem) in [
        ("# A\n\n{% if %}\n", 3, "expected"),
        ("# A\n\n\n{{ nonsense }}\n", 4, "Variable `nonsense` not found"),
        ("# A\n{{ report.hots }}\n", 2, "Variable `report.hots` not found"),
        ("# A\n\n{{ report.language | nonsense }}\n", 3, "Filter 'nonsense' not found"),
        ("# A\n\n{{ report.parts | fence }}\n", 3, "filter `fence` expects text"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.md.tera");
        fs::write(&path, template).unwrap();
        let theme = Theme::from_dir(folder.path()).unwrap();
        let report = sample::report(&sample::typical());
        let error = markdown(&report, &theme).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}:{line}: ", path.display())), "{error}");
        assert!(error.contains(problem), "{error}");
        assert!(!error.contains('\n'), "{error}");
        // A broken Markdown template is no matter of the PDF.
        typst_source(&report, MAIN, &theme).unwrap();
    }
}

#[test]
fn message_errors_name_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("messages")).unwrap();
    let path = folder.path().join("messages/en.toml");
    fs::write(&path, "[document]\ntitle =\n").unwrap();
    let error = Theme::from_dir(folder.path()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:2: ", path.display())), "{error}");

    fs::write(&path, "[document]\ntitle = \"Node report\"\n").unwrap();
    let theme = Theme::from_dir(folder.path()).unwrap();
    let text = markdown(&model(&sample::typical(), &theme).unwrap(), &theme).unwrap().text;
    assert!(text.starts_with("# Node report: gpu-node-07.example\n"), "{text}");
}

#[test]
fn a_folder_that_is_no_theme_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "x").unwrap();
    let error = Theme::from_dir(folder.path()).unwrap_err().to_string();
    assert!(error.contains("expected at least one of"), "{error}");
    let error = Theme::from_dir(&folder.path().join("missing")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the theme at `"), "{error}");
}

fn pdf_with(program: &str, out: &Path) -> Result<(), ReportError> {
    let typst = Typst::discover_in(Some(&fake(program)), &[], no_path())?;
    pdf(&sample::report(&sample::typical()), MAIN, &Theme::builtin()?, &typst, out).map(drop)
}
