//! How hvctl speaks: JSON envelopes, aligned tables, colours, errors.
//!
//! JSON is always one object on one line, `{"schema":1,"kind":…}`; errors go to standard output too then.
//! For people: tables on standard output, everything about the run itself on standard error.
//! Text from outside passes through `text::escape` here, so verbs hand over raw values.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::error::{Error, Failure};
use crate::text::{columns, escape, escape_json};

/// Version of the JSON form: fields may be added under the same number, a change of meaning raises it.
pub(crate) const SCHEMA: u32 = 1;

/// A key-value item as it appears in every JSON output and in export files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(crate) struct Item {
    /// Pool name as on D-Bus.
    pub(crate) pool: String,
    /// Key.
    pub(crate) key: String,
    /// Value.
    pub(crate) value: String,
}

/// What every JSON object starts with.
#[derive(Debug, Serialize)]
struct Envelope<'a, T> {
    schema: u32,
    kind: &'a str,
    #[serde(flatten)]
    body: &'a T,
}

/// An error as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody<'a> {
    name: &'a str,
    message: &'a str,
    hint: &'a str,
}

impl<'a> From<&'a Error> for ErrorBody<'a> {
    fn from(error: &'a Error) -> ErrorBody<'a> {
        ErrorBody { name: &error.name, message: &error.message, hint: &error.hint }
    }
}

/// The most columns that cells are aligned to: one long key must not push all the others off the screen.
const WIDEST_COLUMN: usize = 48;

/// Colours of the few things that have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    /// As the terminal has it.
    Plain,
    /// Headings.
    Bold,
    /// Well.
    Green,
    /// Worth a look.
    Yellow,
    /// Not well.
    Red,
}

impl Paint {
    fn code(self) -> &'static str {
        match self {
            Paint::Plain => "",
            Paint::Bold => "\x1b[1m",
            Paint::Green => "\x1b[32m",
            Paint::Yellow => "\x1b[33m",
            Paint::Red => "\x1b[31m",
        }
    }
}

/// One cell of a table.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    /// A cell with text from anywhere: it is escaped here. Empty text shows as `-`.
    pub(crate) fn new(text: &str) -> Cell {
        let text = if text.is_empty() { "-".to_owned() } else { escape(text).into_owned() };
        Cell { text, paint: Paint::Plain }
    }

    /// A cell that shows `text` as it is, even if empty (values).
    pub(crate) fn value(text: &str) -> Cell {
        Cell { text: escape(text).into_owned(), paint: Paint::Plain }
    }

    /// What it shows.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Its colour.
    pub(crate) fn colour(&self) -> Paint {
        self.paint
    }

    /// The same cell in a colour.
    pub(crate) fn paint(mut self, paint: Paint) -> Cell {
        self.paint = paint;
        self
    }
}

/// Where and how output goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// JSON instead of text for people.
    pub(crate) json: bool,
    /// Standard output is a terminal.
    pub(crate) terminal: bool,
    colour: bool,
}

impl Output {
    /// Looks at standard output, `NO_COLOR` (<https://no-color.org>: set and not empty) and `TERM`.
    pub(crate) fn new(json: bool) -> Output {
        let terminal = io::stdout().is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Output { json, terminal, colour: terminal && !refused && !dumb }
    }

    /// Writes one JSON object and its newline, at once.
    pub(crate) fn object<T: Serialize>(&self, kind: &str, body: &T) -> Result<(), Failure> {
        self.line(&Output::object_text(kind, body)?)
    }

    /// One JSON object as text.
    pub(crate) fn object_text<T: Serialize>(kind: &str, body: &T) -> Result<String, Failure> {
        let envelope = Envelope { schema: SCHEMA, kind, body };
        json_text(&envelope)
    }

    /// Writes one line as it is (the caller has escaped what needs it), at once.
    pub(crate) fn line(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }

    /// `text` in a colour, if there are colours.
    pub(crate) fn painted(&self, text: &str, paint: Paint) -> String {
        if self.colour && paint != Paint::Plain {
            format!("{}{text}\x1b[0m", paint.code())
        } else {
            text.to_owned()
        }
    }

    /// Writes a table with its heading; columns are aligned, the last one is not padded.
    pub(crate) fn table(&self, heading: &[&str], rows: &[Vec<Cell>]) -> Result<(), Failure> {
        let heading: Vec<Cell> = heading.iter().map(|text| Cell::new(text).paint(Paint::Bold)).collect();
        let mut widths: Vec<usize> = heading.iter().map(|cell| columns(&cell.text)).collect();
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(columns(&cell.text).min(WIDEST_COLUMN));
            }
        }
        let mut text = String::new();
        for row in std::iter::once(&heading).chain(rows) {
            self.row(row, &widths, &mut text);
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    fn row(&self, row: &[Cell], widths: &[usize], text: &mut String) {
        for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
            text.push_str(&self.painted(&cell.text, cell.paint));
            if index + 1 < row.len() {
                let padding = width.saturating_sub(columns(&cell.text)) + 2;
                text.extend(std::iter::repeat_n(' ', padding));
            }
        }
        text.push('\n');
    }

    /// Says something about the run itself to a person; nothing with `--json`. Never fails: if nobody
    /// listens on standard error there is nobody to tell.
    pub(crate) fn note(&self, text: &str) {
        if !self.json {
            let _ = writeln!(io::stderr(), "{}", escape(text));
        }
    }

    /// Reports an error where the caller looks for it.
    pub(crate) fn error(&self, error: &Error) -> Result<(), Failure> {
        if self.json {
            #[derive(Serialize)]
            struct Report<'a> {
                schema: u32,
                error: ErrorBody<'a>,
            }
            let report = Report { schema: SCHEMA, error: error.into() };
            return self.line(&json_text(&report)?);
        }
        self.note(&format!("hvctl: {}", error.message));
        if !error.hint.is_empty() {
            self.note(&format!("hint: {}", error.hint));
        }
        Ok(())
    }
}

fn json_text<T: Serialize>(value: &T) -> Result<String, Failure> {
    Ok(escape_json(serde_json::to_string(value).map_err(io::Error::from)?))
}

#[cfg(test)]
mod tests;
