//! Text for a terminal: what a host or another guest program wrote must not steer it.
//!
//! Values come from outside, so control characters (a terminal obeys them), line separators and the characters
//! that reorder text are shown as escapes. Also the width of text in columns, for aligned tables.
//! No colours here: `output` adds those around text that has been through [`escape`].

use std::borrow::Cow;
use std::fmt::Write as _;

/// Makes `text` safe to show on one line: `\n`, `\r` and `\t` by name, other dangerous characters as `\u{…}`.
/// Everything else, the backslash too, stays as it is (this is for reading, not for parsing back).
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if is_dangerous(c) => {
                // Writing to a String cannot fail.
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// JSON text in which the characters that JSON allows as they are, but a terminal does not take well, are
/// escaped too. They can only be inside strings, so the text means the same.
pub(crate) fn escape_json(json: String) -> String {
    if !json.chars().any(is_dangerous) {
        return json;
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_dangerous(c) {
            // All of them have four hexadecimal digits; writing to a String cannot fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Control characters (C0, DEL, C1), line and paragraph separator, and Unicode's direction overrides.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Columns that `text` takes on a terminal: two for East Asian wide characters and emoji, none for
/// combining marks. Coarse on purpose: it aligns tables, nothing depends on it.
pub(crate) fn columns(text: &str) -> usize {
    text.chars()
        .map(|c| match u32::from(c) {
            0x0300..=0x036f | 0x200b..=0x200d | 0x20d0..=0x20ff | 0xfe00..=0xfe0f => 0,
            0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
            0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 => 2,
            0x1f300..=0x1f64f | 0x1f900..=0x1f9ff | 0x20000..=0x3fffd => 2,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests;
