//! One file's TOML, turned into owned values that know their line.
//!
//! Values only: what a key may hold is the reader's business ([`super::Table`]). TOML's own types beyond text,
//! integers, booleans and lists appear as [`Value::Other`], which no setting accepts.

use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What a key holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Item>),
    /// Something no setting is made of, named for a person.
    Other(&'static str),
}

/// An element of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) value: Value,
    pub(super) line: u32,
}

impl Value {
    /// The value's type, for "not a …".
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list",
            Self::Other(kind) => kind,
        }
    }
}

/// A key of a table with its value and line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keyed {
    pub(super) key: String,
    pub(super) item: Item,
}

/// What stands at the top of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Top {
    /// `[name]` and its keys.
    Table(Vec<Keyed>),
    /// A key outside of every table, or a list of tables.
    Misplaced(&'static str),
}

/// Why a file cannot be read as TOML: line and message.
pub(super) type SyntaxError = (u32, String);

/// Parses a whole file: name, line and content of everything at its top, or all its syntax errors.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, (u32, Top)>, Vec<SyntaxError>> {
    let lines = Lines::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(errors
            .iter()
            .map(|error| (lines.of(error.span().map_or(0, |span| span.start)), error.message().to_owned()))
            .collect());
    }
    let tops = document.into_inner().into_iter().map(|(name, value)| {
        let line = lines.of(name.span().start);
        let top = match value.into_inner() {
            DeValue::Table(table) => Top::Table(keyed(table, &lines)),
            DeValue::Array(_) => Top::Misplaced("a list of tables"),
            _ => Top::Misplaced("a key outside of a table"),
        };
        (name.into_inner().into_owned(), (line, top))
    });
    Ok(tops.collect())
}

fn keyed(table: DeTable<'_>, lines: &Lines) -> Vec<Keyed> {
    table
        .into_iter()
        .map(|(key, value)| {
            let line = lines.of(key.span().start);
            Keyed {
                key: key.into_inner().into_owned(),
                item: Item { value: owned(value.into_inner(), lines), line },
            }
        })
        .collect()
}

fn owned(value: DeValue<'_>, lines: &Lines) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Boolean(value) => Value::Boolean(value),
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
            .map_or(Value::Other("a number beyond 64 bits"), Value::Integer),
        DeValue::Array(items) => Value::List(items.into_iter().map(|item| listed(item, lines)).collect()),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Table(_) => Value::Other("a table"),
    }
}

fn listed(item: Spanned<DeValue<'_>>, lines: &Lines) -> Item {
    let line = lines.of(item.span().start);
    Item { value: owned(item.into_inner(), lines), line }
}

/// Turns byte offsets into line numbers.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(offset, _)| offset).collect())
    }

    /// The line of a byte offset, from 1.
    pub(super) fn of(&self, offset: usize) -> u32 {
        let before = self.0.partition_point(|newline| *newline < offset);
        u32::try_from(before).unwrap_or(u32::MAX - 1) + 1
    }
}
