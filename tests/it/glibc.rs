//! The oldest C library that the program and its packs start on.
//!
//! What they were linked against decides which version of a function they ask for. That cannot be changed where it is only
//! an old function under a new version; a function that older libraries do not have at all can be left alone.

use std::fs;
use std::path::PathBuf;

use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64, STB_WEAK};
use object::read::elf::{Dyn, FileHeader, SectionHeader, Sym};
use plumb_tests::target;

/// Where the program is to start: RHEL 8, Debian 10.
pub(crate) const OLDEST: (u32, u32) = (2, 28);

/// What a program may need that is linked on Debian 12: RHEL 9 has this version.
const NEWEST: (u32, u32) = (2, 34);

/// Functions that the oldest library has, too, and the newer version under which a newer linker asks for them.
const NOT_NEW: &[(&str, &[&str])] = &[
    // Other results at the margins, or without a wrapper that sets `errno`.
    ("2.29", &["exp", "log", "log2", "pow"]),
    // Moved out of libpthread.
    ("2.32", &["pthread_getaffinity_np", "pthread_getattr_np", "pthread_sigmask"]),
    // In the static part of the library before.
    ("2.33", &["fstat", "fstat64", "fstatat", "fstatat64", "lstat", "lstat64", "stat", "stat64"]),
    // Moved out of libdl and libpthread.
    (
        "2.34",
        &[
            "__libc_start_main",
            "dladdr",
            "dlclose",
            "dlerror",
            "dlopen",
            "dlsym",
            "pthread_attr_getguardsize",
            "pthread_attr_getstack",
            "pthread_attr_setstacksize",
            "pthread_create",
            "pthread_detach",
            "pthread_join",
            "pthread_key_create",
            "pthread_key_delete",
            "pthread_setaffinity_np",
            "pthread_setname_np",
            "pthread_setspecific",
        ],
    ),
];

/// A function of the C library that a program cannot start without, and the version that it asks for.
pub(crate) type Needed = (String, (u32, u32));

/// What the file asks of the C library, other than functions that it can do without.
pub(crate) fn needed(file: &[u8]) -> Result<Vec<Needed>, object::read::Error> {
    let header = FileHeader64::<Endianness>::parse(file)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, file)?;
    let symbols = sections.symbols(endian, file, object::elf::SHT_DYNSYM)?;
    let versions = sections.versions(endian, file)?;
    let mut needed = Vec::new();
    for (index, symbol) in symbols.enumerate() {
        if !symbol.is_undefined(endian) || symbol.st_bind() == STB_WEAK {
            continue;
        }
        let Some(versions) = &versions else { continue };
        let Some(version) = versions.version(versions.version_index(endian, index))? else { continue };
        let name = String::from_utf8_lossy(symbols.symbol_name(endian, symbol)?).into_owned();
        let text = String::from_utf8_lossy(version.name()).into_owned();
        if let Some(number) = text.strip_prefix("GLIBC_").and_then(number) {
            needed.push((name, number));
        }
    }
    Ok(needed)
}

/// The libraries that the file cannot start without.
pub(crate) fn libraries(file: &[u8]) -> Result<Vec<String>, object::read::Error> {
    let header = FileHeader64::<Endianness>::parse(file)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, file)?;
    let mut found = Vec::new();
    for section in sections.iter() {
        let Some((entries, strings)) = section.dynamic(endian, file)? else { continue };
        let strings = sections.strings(endian, file, strings)?;
        for entry in entries.iter().filter(|entry| entry.tag(endian) == DT_NEEDED) {
            found.push(String::from_utf8_lossy(entry.string(endian, strings)?).into_owned());
        }
    }
    Ok(found)
}

/// Whether a library comes with the C library, or with the compiler as its unwinder.
pub(crate) fn is_of_the_system(library: &str) -> bool {
    let beginnings =
        ["libc.so", "libm.so", "libpthread.so", "libdl.so", "librt.so", "libgcc_s.so", "ld-linux"];
    beginnings.iter().any(|beginning| library.starts_with(beginning))
}

/// Major and minor of `2.34` or `2.2.5`.
fn number(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

fn is_new((name, version): &Needed) -> bool {
    let listed =
        |(of, names): &(&str, &[&str])| number(of) == Some(*version) && names.contains(&name.as_str());
    *version > OLDEST && (*version > NEWEST || !NOT_NEW.iter().any(listed))
}

#[test]
fn an_old_c_library_has_all_that_is_asked_of_it() {
    let mut files: Vec<PathBuf> = fs::read_dir(target().join("packs"))
        .unwrap()
        .filter_map(|entry| fs::read_dir(entry.unwrap().path()).ok())
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "so"))
        .collect();
    assert!(!files.is_empty(), "no pack is built; run `cargo xtask packs`");
    files.sort();
    files.push(target().join("plumb"));
    let mut told = Vec::new();
    for file in &files {
        let needed = needed(&fs::read(file).unwrap()).unwrap();
        assert!(!needed.is_empty(), "{} asks nothing of the C library", file.display());
        for own in needed.iter().filter(|own| is_new(own)) {
            let (name, (major, minor)) = own;
            told.push(format!("{} needs `{name}` of glibc {major}.{minor}", file.display()));
        }
    }
    let (major, minor) = OLDEST;
    assert!(told.is_empty(), "glibc {major}.{minor} has no such function:\n{}", told.join("\n"));
}

#[test]
fn the_program_needs_the_c_library_alone() {
    for name in ["plumb", "plumb-collect"] {
        let libraries = libraries(&fs::read(target().join(name)).unwrap()).unwrap();
        assert!(!libraries.is_empty(), "{name} needs no library");
        let others: Vec<_> = libraries.iter().filter(|library| !is_of_the_system(library)).collect();
        assert!(
            others.is_empty(),
            "{name} needs {others:?}; run `cargo xtask setup packages` and `cargo clean -p hwlocality-sys`"
        );
    }
}
