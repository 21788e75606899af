//! Files for office programs: a workbook of what is to be done and what was found, and a document with named styles.
//!
//! Both are made from the [`Model`](crate::Model) alone, with the time of the collection as theirs: the same model gives the
//! same bytes.

mod docx;
mod template;
mod wordml;
mod xlsx;

pub use docx::docx;
pub use xlsx::xlsx;

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::ReportError;

/// A zip archive of parts in this order, all of the earliest time that the format knows.
fn archive<'a>(parts: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Vec<u8>, ReportError> {
    let failed = |error: &dyn std::fmt::Display| ReportError::Office { problem: error.to_string() };
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(name, options).map_err(|error| failed(&error))?;
        zip.write_all(bytes).map_err(|error| failed(&error))?;
    }
    Ok(zip.finish().map_err(|error| failed(&error))?.into_inner())
}
