//! One log message, taken out of a tracing event.
//!
//! What the host, files and the bus say ends up in messages, so this is where it is made harmless: control
//! characters and those that reorder text are escaped, and nothing grows without bound. Every form of output
//! can then write a record as it stands, one line each.

use std::fmt::{self, Write};
use tracing::field::{Field, Visit};

/// Longest message or field, in bytes; what is longer ends in "…".
const LONGEST: usize = 4096;

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Text, already escaped.
    Text(String),
    /// A number or boolean, which JSON writes without quotes.
    Bare(String),
}

impl Value {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Bare(text) => text,
        }
    }
}

/// A message with its fields in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) level: tracing::Level,
    pub(super) target: &'static str,
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, Value)>,
    /// Whether the event's text was seen.
    told: bool,
}

impl Record {
    pub(super) fn of(event: &tracing::Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut record = Self {
            level: *metadata.level(),
            target: metadata.target(),
            message: String::new(),
            fields: Vec::new(),
            told: false,
        };
        event.record(&mut record);
        record
    }

    /// The message and its fields as one line: `message key=value key="two words"`.
    pub(super) fn line(&self) -> String {
        let mut line = self.message.clone();
        for (name, value) in &self.fields {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(name);
            line.push('=');
            push_value(&mut line, value);
        }
        line
    }

    fn text(&mut self, field: &Field, write: impl FnOnce(&mut Escaping<'_>) -> fmt::Result) {
        let mut text = String::new();
        // Only a Display of ours can fail, and then half a value is better than none.
        let _ = write(&mut Escaping { out: &mut text, left: LONGEST });
        // The text comes first; a field of the same name must not take its place.
        if field.name() == "message" && !std::mem::replace(&mut self.told, true) {
            self.message = text;
        } else {
            self.fields.push((field.name(), Value::Text(text)));
        }
    }

    fn bare(&mut self, field: &Field, value: impl fmt::Display) {
        self.fields.push((field.name(), Value::Bare(value.to_string())));
    }
}

impl Visit for Record {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, |out| write!(out, "{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, |out| out.write_str(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.text(field, |out| write!(out, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }
}

fn push_value(line: &mut String, value: &Value) {
    let text = value.as_str();
    let plain = !text.is_empty() && !text.contains([' ', '"', '=']);
    if plain {
        return line.push_str(text);
    }
    line.push('"');
    for part in text.split_inclusive('"') {
        match part.strip_suffix('"') {
            Some(before) => line.extend([before, "\\\""]),
            None => line.push_str(part),
        }
    }
    line.push('"');
}

/// Appends to a string, escaping on the way and stopping at a limit.
struct Escaping<'a> {
    out: &'a mut String,
    /// Bytes that still fit; 0 after the "…".
    left: usize,
}

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.left == 0 {
                break;
            }
            let before = self.out.len();
            if harmful(character) {
                self.out.extend(character.escape_default());
            } else {
                self.out.push(character);
            }
            self.left = self.left.saturating_sub(self.out.len() - before);
            if self.left == 0 {
                self.out.push('…');
            }
        }
        Ok(())
    }
}

/// Characters that end a line, steer a terminal, or make text appear in another order than it is in.
fn harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
