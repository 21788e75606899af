//! Themes: folders of templates, message files and assets.
//!
//! A theme consists of `report.md.tera`, `report.typ.tera`, `messages/LANGUAGE.toml`, and any assets that the Typst
//! template imports (the default theme has `cover.typ`, `blocks.typ`, `marks.typ` and `palette.typ`). The default theme is
//! part of the program, and what another theme leaves out is taken from it: a folder with nothing but its own `cover.typ`
//! is a complete theme. `blocks.md.tera`, `blocks.html.tera` and `blocks.typ` draw each kind of block.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::ReportError;
use crate::font;
use crate::messages::Messages;

/// Template of the Markdown report.
pub(crate) const MARKDOWN_TEMPLATE: &str = "report.md.tera";
/// Template of the Typst source.
pub(crate) const TYPST_TEMPLATE: &str = "report.typ.tera";
/// Template of the HTML report.
pub(crate) const HTML_TEMPLATE: &str = "report.html.tera";
/// The client's or consultant's logo, an asset.
const LOGOS: [&str; 2] = ["logo.svg", "logo.png"];
const ENGLISH: &str = "messages/en.toml";

/// The default theme, by path within the theme.
const DEFAULT: &[(&str, &str)] = &[
    (MARKDOWN_TEMPLATE, include_str!("../../../report-templates/default/report.md.tera")),
    (TYPST_TEMPLATE, include_str!("../../../report-templates/default/report.typ.tera")),
    ("blocks.md.tera", include_str!("../../../report-templates/default/blocks.md.tera")),
    ("blocks.html.tera", include_str!("../../../report-templates/default/blocks.html.tera")),
    ("blocks.typ", include_str!("../../../report-templates/default/blocks.typ")),
    ("cover.typ", include_str!("../../../report-templates/default/cover.typ")),
    ("palette.typ", include_str!("../../../report-templates/default/palette.typ")),
    ("marks.typ", include_str!("../../../report-templates/default/marks.typ")),
    (HTML_TEMPLATE, include_str!("../../../report-templates/default/report.html.tera")),
    ("page.html.tera", include_str!("../../../report-templates/default/page.html.tera")),
    (ENGLISH, DEFAULT_ENGLISH),
    ("messages/de.toml", include_str!("../../../report-templates/default/messages/de.toml")),
];

/// A folder picked by mistake (a home folder, say) should give an error at once, not be read to its end.
const MAX_FILES: usize = 500;
const MAX_BYTES: u64 = 64 << 20;
const MAX_DEPTH: usize = 6;

/// Templates, messages and assets of a report.
#[derive(Clone, Debug)]
pub struct Theme {
    name: String,
    files: BTreeMap<String, ThemeFile>,
    messages: Messages,
    /// Families that replace those of the palette.
    fonts: Vec<String>,
}

/// One file of a theme.
#[derive(Clone, Debug)]
pub(crate) struct ThemeFile {
    /// Where it came from, for error texts.
    pub(crate) path: PathBuf,
    /// Content.
    pub(crate) bytes: Vec<u8>,
}

impl ThemeFile {
    /// The content as text.
    pub(crate) fn text(&self) -> Result<&str, ReportError> {
        std::str::from_utf8(&self.bytes).map_err(|error| ReportError::Theme {
            path: self.path.clone(),
            problem: format!("expected text in UTF-8, but byte {} is not", error.valid_up_to()),
        })
    }
}

/// Pixels of the largest logo: as many as a page has at 600 to the inch, nearly.
const MAX_PIXELS: u64 = 32 << 20;

/// Width and height of a PNG, which are at a fixed place.
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    Some((number(16)?, number(20)?))
}

impl Theme {
    /// The theme that is part of the program.
    ///
    /// # Errors
    /// Never, unless its message file is damaged, which a test rules out.
    pub fn builtin() -> Result<Self, ReportError> {
        Self::new("built-in".to_owned(), default_files())
    }

    /// The theme in `folder`; what the folder lacks is taken from the default theme.
    ///
    /// # Errors
    /// If the folder cannot be read, is no theme, or holds a message file that does not parse.
    pub fn from_dir(folder: &Path) -> Result<Self, ReportError> {
        let mut own = BTreeMap::new();
        read_folder(folder, "", 0, &mut own)?;
        if !own.keys().any(|name| DEFAULT.iter().any(|(known, _)| name == known)) {
            let known: Vec<_> = DEFAULT.iter().map(|(known, _)| format!("`{known}`")).collect();
            return Err(ReportError::Theme {
                path: folder.to_owned(),
                problem: format!("expected at least one of {}, but found none", known.join(", ")),
            });
        }
        let mut files = default_files();
        files.extend(own);
        Self::new(folder.display().to_string(), files)
    }

    fn new(name: String, files: BTreeMap<String, ThemeFile>) -> Result<Self, ReportError> {
        // A theme's own English may lack keys that were added later: the built-in ones stand in.
        let mut messages = Messages::parse(ENGLISH.into(), DEFAULT_ENGLISH)?;
        if let Some(file) = files.get(ENGLISH) {
            messages.overlay(Messages::parse(file.path.clone(), file.text()?)?);
        }
        Ok(Self { name, files, messages, fonts: Vec::new() })
    }

    /// The theme with a logo: the bytes of an SVG or PNG image, which become the asset `logo.svg` or `logo.png`.
    ///
    /// # Errors
    /// If the bytes are neither.
    pub fn with_logo(mut self, path: &Path, bytes: Vec<u8>) -> Result<Self, ReportError> {
        let is_svg = std::str::from_utf8(&bytes).is_ok_and(|text| text.contains("<svg"));
        let name = match bytes.as_slice() {
            [0x89, b'P', b'N', b'G', ..] => {
                // A few hundred kilobytes may be a picture of gigabytes.
                if let Some((width, height)) = png_size(&bytes)
                    && u64::from(width) * u64::from(height) > MAX_PIXELS
                {
                    let problem = format!(
                        "a logo of {width} × {height} pixels is too large; give one of at most {MAX_PIXELS} pixels in all"
                    );
                    return Err(ReportError::Theme { path: path.to_owned(), problem });
                }
                "logo.png"
            }
            _ if is_svg => "logo.svg",
            _ => {
                let problem = "expected a logo as SVG or PNG, but found neither".to_owned();
                return Err(ReportError::Theme { path: path.to_owned(), problem });
            }
        };
        self.files.retain(|name, _| !LOGOS.contains(&name.as_str()));
        self.files.insert(name.to_owned(), ThemeFile { path: path.to_owned(), bytes });
        Ok(self)
    }

    /// The theme with fonts of TrueType or OpenType, by the name of their file, in which all its text is set.
    ///
    /// # Errors
    /// If one of them is no such font.
    pub fn with_fonts(mut self, fonts: Vec<(String, Vec<u8>)>) -> Result<Self, ReportError> {
        for (index, (name, bytes)) in fonts.into_iter().enumerate() {
            let Some(family) = font::family(&bytes) else {
                let problem = "expected a TrueType or OpenType font with a name, but found none".to_owned();
                return Err(ReportError::Theme { path: name.into(), problem });
            };
            if !self.fonts.contains(&family) {
                self.fonts.push(family);
            }
            self.files.insert(format!("fonts/{index}.ttf"), ThemeFile { path: name.into(), bytes });
        }
        Ok(self)
    }

    /// Families of the fonts of [`Self::with_fonts`].
    pub(crate) fn fonts(&self) -> &[String] {
        &self.fonts
    }

    /// Name and bytes of the logo, of the theme's own or of [`Self::with_logo`].
    #[must_use]
    pub fn logo(&self) -> Option<(&'static str, &[u8])> {
        LOGOS.into_iter().find_map(|name| Some((name, self.files.get(name)?.bytes.as_slice())))
    }

    /// The theme in another language: the words of `messages/LANGUAGE.toml`, those it lacks in English.
    ///
    /// # Errors
    /// If the theme has no such file, or it does not parse.
    pub fn with_language(mut self, language: &str) -> Result<Self, ReportError> {
        let name = format!("messages/{language}.toml");
        let Some(file) = self.files.get(&name) else {
            let known =
                self.files.keys().filter_map(|file| file.strip_prefix("messages/")?.strip_suffix(".toml"));
            let known: Vec<_> = known.map(|known| format!("`{known}`")).collect();
            let problem = format!("expected a language of {}, but found `{language}`", known.join(", "));
            return Err(ReportError::Theme { path: self.name.into(), problem });
        };
        if name != ENGLISH {
            self.messages.overlay(Messages::parse(file.path.clone(), file.text()?)?);
        }
        Ok(self)
    }

    /// What to call the theme in an error text.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The language that its words are in.
    #[must_use]
    pub fn language(&self) -> &str {
        self.messages.language()
    }

    /// The fixed words of the report.
    pub(crate) fn messages(&self) -> &Messages {
        &self.messages
    }

    /// All templates, by path within the theme.
    pub(crate) fn templates(&self) -> impl Iterator<Item = (&str, &ThemeFile)> {
        self.files
            .iter()
            .filter(|(name, _)| name.ends_with(".tera"))
            .map(|(name, file)| (name.as_str(), file))
    }

    /// All files that Typst may read, by path within the theme.
    pub(crate) fn assets(&self) -> impl Iterator<Item = (&str, &ThemeFile)> {
        self.files
            .iter()
            .filter(|(name, _)| !name.ends_with(".tera") && !name.starts_with("messages/"))
            .map(|(name, file)| (name.as_str(), file))
    }

    /// The file with path `name` within the theme.
    pub(crate) fn file(&self, name: &str) -> Option<&ThemeFile> {
        self.files.get(name)
    }
}

const DEFAULT_ENGLISH: &str = include_str!("../../../report-templates/default/messages/en.toml");

fn default_files() -> BTreeMap<String, ThemeFile> {
    let file = |&(name, text): &(&str, &str)| {
        let path = Path::new("report-templates/default").join(name);
        (name.to_owned(), ThemeFile { path, bytes: text.as_bytes().to_vec() })
    };
    DEFAULT.iter().map(file).collect()
}

fn read_folder(
    folder: &Path,
    prefix: &str,
    depth: usize,
    files: &mut BTreeMap<String, ThemeFile>,
) -> Result<(), ReportError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| ReportError::ThemeRead { path, source }
    };
    let unusable =
        |path: &Path, problem: &str| ReportError::Theme { path: path.to_owned(), problem: problem.into() };
    if depth > MAX_DEPTH {
        return Err(unusable(
            folder,
            &format!("expected at most {MAX_DEPTH} levels of folders, but found more"),
        ));
    }
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return Err(unusable(&path, "expected file names in UTF-8"));
        };
        // Version control and desktop leftovers.
        if name.starts_with('.') {
            continue;
        }
        let name = format!("{prefix}{name}");
        // Links are followed: a theme is chosen by the user, and shared logos are often links.
        let meta = fs::metadata(&path).map_err(failed(&path))?;
        if meta.is_dir() {
            read_folder(&path, &format!("{name}/"), depth + 1, files)?;
        } else if meta.is_file() {
            let total: u64 = files.values().map(|file| file.bytes.len() as u64).sum();
            if files.len() >= MAX_FILES || total + meta.len() > MAX_BYTES {
                let problem = format!(
                    "expected at most {MAX_FILES} files of {} MiB in all, but found more",
                    MAX_BYTES >> 20
                );
                return Err(unusable(&path, &problem));
            }
            let bytes = fs::read(&path).map_err(failed(&path))?;
            files.insert(name, ThemeFile { path, bytes });
        } else {
            return Err(unusable(&path, "expected files and folders only, but this is neither"));
        }
    }
    Ok(())
}
