//! Names that a host sent, for the log and the bus: no control characters, and nothing that turns the text around.
//!
//! A terminal must not obey what a host wrote, and a bus hangs up on who sends it a NUL. What is harmless stays as it is,
//! also in other scripts.

use std::borrow::Cow;

/// Longest text that is shown, in characters; both names of a START have 518 together.
const MOST: usize = 1024;

/// As it can be shown.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let short = text.chars().nth(MOST).is_none();
    if short && !text.chars().any(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars().take(MOST) {
        if is_dangerous(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    if !short {
        shown.push('…');
    }
    Cow::Owned(shown)
}

/// Control characters, line separators, and the marks that change the direction of what follows.
fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
