//! Bytes as people type and read them: hex in, hex dumps out, text made safe for a terminal.
//!
//! No protocol knowledge. What a guest sends is shown here, so nothing it sends may steer a terminal:
//! control and invisible formatting characters are escaped, everything printable stays as it is.

use std::fmt::Write as _;

/// Why a text is not hex.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HexError {
    /// A character that is neither a hex digit nor a separator.
    #[error("{0:?} is not a hex digit: write bytes as 01 0a ff (blanks, ':', ',' and '_' may separate them)")]
    NotADigit(char),
    /// A digit is left over.
    #[error("an odd number of hex digits: every byte needs two")]
    OddDigits,
}

/// Reads hex digits; blanks, line ends, `:`, `,` and `_` between them are skipped.
pub fn parse(text: &str) -> Result<Vec<u8>, HexError> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high: Option<u8> = None;
    for character in text.chars() {
        if character.is_ascii_whitespace() || matches!(character, ':' | ',' | '_') {
            continue;
        }
        let digit = character.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digit = digit.ok_or(HexError::NotADigit(character))?;
        match high.take() {
            None => high = Some(digit),
            Some(upper) => bytes.push(upper << 4 | digit),
        }
    }
    if high.is_some() { Err(HexError::OddDigits) } else { Ok(bytes) }
}

/// Bytes in one line: `01 0a ff`.
pub fn line(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        if !out.is_empty() {
            out.push(' ');
        }
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// A dump of 16 bytes a row with offsets; a run of rows of zeros is one `*`, the length ends it.
pub fn dump(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut skipping = false;
    for (row, chunk) in bytes.chunks(16).enumerate() {
        let zero = row > 0 && chunk.len() == 16 && chunk.iter().all(|byte| *byte == 0);
        if zero {
            if !skipping {
                out.push_str("*\n");
            }
            skipping = true;
            continue;
        }
        skipping = false;
        let _ = writeln!(out, "{:04x}  {:<47}  {}", row * 16, line(chunk), ascii(chunk));
    }
    let _ = writeln!(out, "{:04x}  ({} bytes)", bytes.len(), bytes.len());
    out
}

fn ascii(chunk: &[u8]) -> String {
    chunk.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }).collect()
}

/// Text for a terminal: control characters, invisible formatting characters and the backslash escaped.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if character.is_control() || is_invisible(character) => {
                let _ = write!(out, "{}", character.escape_unicode());
            }
            _ => out.push(character),
        }
    }
    out
}

/// Several lines for a terminal: as [`printable`], but line ends and backslashes stay, for text that no guest has sent.
pub fn readable(text: &str) -> String {
    let lines: Vec<String> =
        text.trim_end().lines().map(|line| printable(line).replace("\\\\", "\\")).collect();
    lines.join("\n")
}

/// Characters that change how the text around them is shown without being seen themselves.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
