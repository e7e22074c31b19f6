//! Log lines for people and for programs: text and JSON.
//!
//! Both are written to standard error, one line per message, in one write. Text carries the time only where
//! nothing else adds it, `<N>` only for the journal, colour only for a terminal.

use super::level::priority;
use super::record::{Record, Value};
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a line of text begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// The time.
    Time,
    /// The time, with the level in colour.
    Coloured,
    /// syslog's `<priority>`: standard error is the journal, which knows the time.
    Priority,
}

/// A line of text, with its newline.
pub(super) fn text(record: &Record, lead: Lead, now: SystemTime) -> String {
    let mut line = String::new();
    let level = record.level;
    match lead {
        Lead::Priority => push(&mut line, format_args!("<{}>", priority(level))),
        Lead::Time => push(&mut line, format_args!("{} {level:>5} ", timestamp(now))),
        Lead::Coloured => {
            push(&mut line, format_args!("{} \x1b[{}m{level:>5}\x1b[0m ", timestamp(now), colour(level)));
        }
    }
    if level > tracing::Level::INFO {
        push(&mut line, format_args!("{}: ", record.target));
    }
    line.push_str(&record.line());
    line.push('\n');
    line
}

/// A JSON object, with its newline: `time`, `level`, `target`, `message`, `fields`.
pub(super) fn json(record: &Record, now: SystemTime) -> String {
    let mut line = String::new();
    push(&mut line, format_args!("{{\"time\":\"{}\",\"level\":\"", timestamp(now)));
    line.push_str(&record.level.as_str().to_ascii_lowercase());
    line.push_str("\",\"target\":");
    push_quoted(&mut line, record.target);
    line.push_str(",\"message\":");
    push_quoted(&mut line, &record.message);
    line.push_str(",\"fields\":{");
    for (index, (name, value)) in record.fields.iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        push_quoted(&mut line, name);
        line.push(':');
        match value {
            Value::Bare(text) => line.push_str(text),
            Value::Text(text) => push_quoted(&mut line, text),
        }
    }
    line.push_str("}}\n");
    line
}

/// RFC 3339, UTC, milliseconds.
pub(super) fn timestamp(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since.subsec_millis())
}

/// Year, month and day of a day counted from 1970-01-01 (Gregorian; counted in eras of 400 years from 0000-03-01).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (400 * era + year_of_era + u64::from(month <= 2), month, day)
}

fn colour(level: tracing::Level) -> &'static str {
    match level {
        tracing::Level::ERROR => "1;31",
        tracing::Level::WARN => "33",
        tracing::Level::INFO => "32",
        _ => "2",
    }
}

fn push(line: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = line.write_fmt(text);
}

/// JSON text. Control characters were escaped when the record was made; their backslashes are escaped here.
fn push_quoted(line: &mut String, text: &str) {
    line.push('"');
    for character in text.chars() {
        match character {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            control if control.is_control() => push(line, format_args!("\\u{:04x}", u32::from(control))),
            other => line.push(other),
        }
    }
    line.push('"');
}
