//! A workbook: actions, findings, evidence and numbers, one sheet each.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};

use crate::ReportError;
use crate::messages::Messages;
use crate::model::{ACTION_COLUMNS, Model};
use crate::theme::Theme;
use crate::view::time_of;

/// Longest text of a cell, in UTF-16 units, that spreadsheets take; what is longer ends with an ellipsis.
const MAX_CELL: usize = 32_767;

/// A cell.
enum Cell {
    Text(String),
    Number(f64),
}

/// The workbook of a document. Every text is a text: nothing in it is taken for a formula or a link.
///
/// # Errors
/// If a message of the theme is at fault, or the collection time is no time.
pub fn xlsx(model: &Model, theme: &Theme) -> Result<Vec<u8>, ReportError> {
    let messages = theme.messages();
    let time = time_of(&model.collected)?;
    let mut workbook = Workbook::new();
    let failed = |error: XlsxError| ReportError::Office { problem: error.to_string() };
    let created = ExcelDateTime::from_timestamp(time.unix_timestamp()).map_err(failed)?;
    let title = format!("{}: {}", model.cover.title, model.cover.subject);
    let properties = DocProperties::new()
        .set_title(&title)
        .set_author(model.cover.authors.join(", "))
        .set_comment(&model.cover.notice)
        .set_creation_datetime(&created);
    workbook.set_properties(&properties);
    let text = |text: &String| Cell::Text(text.clone());
    let actions = model.actions.iter().map(|own| own.cells().map(Cell::Text).into());
    sheet(&mut workbook, messages, "actions", &ACTION_COLUMNS, actions)?;
    let findings = model.findings.iter().map(|own| {
        vec![
            text(&own.id),
            text(&own.grade),
            Cell::Number(own.score),
            text(&own.outcome),
            text(&own.problem),
            text(&own.subject),
            text(&own.message),
            text(&own.check),
        ]
    });
    let columns = ["id", "grade", "score", "outcome", "problem", "subject", "message", "check"];
    sheet(&mut workbook, messages, "findings", &columns, findings)?;
    let evidence = model.evidence.iter().map(|own| {
        vec![text(&own.id), text(&own.subject), text(&own.source), text(&own.value), text(&own.check)]
    });
    let columns = ["id", "subject", "source", "value", "check"];
    sheet(&mut workbook, messages, "evidence", &columns, evidence)?;
    let numbers = model.numbers.iter().map(|own| {
        // A name of Plumb's for a label has a word in each language.
        let label = messages.find("number", &own.label).unwrap_or(&own.label).to_owned();
        vec![text(&own.id), Cell::Number(own.value), text(&own.text), Cell::Text(label), text(&own.origin)]
    });
    let columns = ["id", "number", "printed", "label", "origin"];
    sheet(&mut workbook, messages, "numbers", &columns, numbers)?;
    workbook.save_to_buffer().map_err(failed)
}

fn sheet(
    workbook: &mut Workbook,
    messages: &Messages,
    name: &str,
    columns: &[&str],
    rows: impl Iterator<Item = Vec<Cell>>,
) -> Result<(), ReportError> {
    let name = messages.get("sheet", name)?;
    let titles =
        columns.iter().map(|column| messages.get("sheet_column", column)).collect::<Result<Vec<_>, _>>()?;
    fill(workbook.add_worksheet(), name, &titles, rows)
        .map_err(|error| ReportError::Office { problem: error.to_string() })
}

fn fill(
    sheet: &mut Worksheet,
    name: &str,
    titles: &[&str],
    rows: impl Iterator<Item = Vec<Cell>>,
) -> Result<(), XlsxError> {
    let head = Format::new().set_bold().set_background_color("#E3E8EE");
    let body = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    sheet.set_name(name)?;
    let mut widths: Vec<usize> = titles.iter().map(|title| title.chars().count()).collect();
    for (column, title) in (0..).zip(titles) {
        sheet.write_string_with_format(0, column, *title, &head)?;
    }
    let mut last = 0;
    for (row, cells) in (1..).zip(rows) {
        last = row;
        for (column, cell) in (0..).zip(cells) {
            match cell {
                Cell::Text(text) => {
                    let text = fitting(text);
                    let width = &mut widths[usize::from(column)];
                    *width = (*width).max(text.chars().count());
                    sheet.write_string_with_format(row, column, text, &body)?;
                }
                Cell::Number(number) if number.is_finite() => {
                    sheet.write_number_with_format(row, column, number, &body)?;
                }
                Cell::Number(_) => {}
            }
        }
    }
    for (column, width) in (0..).zip(&widths) {
        sheet.set_column_width(column, (*width as f64 + 2.0).clamp(8.0, 60.0))?;
    }
    sheet.set_freeze_panes(1, 0)?;
    if let Ok(columns) = u16::try_from(titles.len())
        && last > 0
    {
        sheet.autofilter(0, 0, last, columns.saturating_sub(1))?;
    }
    sheet.set_landscape();
    Ok(())
}

/// `text`, not longer than a cell may be.
fn fitting(text: String) -> String {
    if text.encode_utf16().count() <= MAX_CELL {
        return text;
    }
    let mut room = MAX_CELL - 1;
    let is_room = |c: &char| {
        let fits = c.len_utf16() <= room;
        room = room.saturating_sub(c.len_utf16());
        fits
    };
    text.chars().take_while(is_room).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_never_too_long() {
        assert_eq!(fitting("short".to_owned()), "short");
        for long in ["x".repeat(40_000), "𝄞".repeat(20_000)] {
            let cut = fitting(long);
            assert!(cut.encode_utf16().count() <= MAX_CELL && cut.ends_with('…'));
        }
    }
}
