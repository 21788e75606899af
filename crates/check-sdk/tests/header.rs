//! The C header is generated from `src/abi.rs`, and this test keeps it up to date: `PLUMB_BLESS=1` renews it.

use std::path::Path;

const AFTER_INCLUDES: &str = r#"
/* The first eight bytes of every table. */
#define PLUMB_PACK_MAGIC {'P', 'L', 'U', 'M', 'B', 'P', 'C', 'K'}

/* A pack exports this function; nothing else of it need be visible. */
struct PlumbPack;
#ifdef __cplusplus
extern "C"
#endif
#ifdef __GNUC__
__attribute__((visibility("default")))
#endif
const struct PlumbPack *plumb_pack_v1(void);
"#;

#[test]
fn header_is_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        header: Some(
            "/* The C ABI of Plumb check packs. Generated from crates/check-sdk/src/abi.rs; do not edit. */"
                .to_owned(),
        ),
        include_guard: Some("PLUMB_PACK_H".to_owned()),
        no_includes: true,
        sys_includes: vec!["stddef.h".to_owned(), "stdint.h".to_owned()],
        after_includes: Some(AFTER_INCLUDES.trim_end().to_owned()),
        cpp_compat: true,
        usize_is_size_t: true,
        style: cbindgen::Style::Both,
        documentation_style: cbindgen::DocumentationStyle::C99,
        line_length: 100,
        export: cbindgen::ExportConfig {
            include: ["PlumbSlice", "PlumbBuffer", "PlumbPack"].map(str::to_owned).to_vec(),
            ..cbindgen::ExportConfig::default()
        },
        ..cbindgen::Config::default()
    };
    let bindings =
        cbindgen::Builder::new().with_config(config).with_src(folder.join("src/abi.rs")).generate().unwrap();
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).unwrap();
    let path = folder.join("include/plumb_pack.h");
    if std::env::var_os("PLUMB_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "{} is not up to date: renew it with PLUMB_BLESS=1", path.display());
}
