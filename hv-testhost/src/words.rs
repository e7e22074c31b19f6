//! Splits a console line into words the way a shell does: blanks separate, quotes and backslash join.
//!
//! No variables, no globs, no comments: what a value contains is sent to the guest as it was typed.

/// Why a line cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WordError {
    /// A quote is not closed.
    #[error("the quote {0} is not closed")]
    OpenQuote(char),
    /// The line ends in a backslash.
    #[error("the line ends in a backslash: nothing follows that it could quote")]
    TrailingBackslash,
}

/// The words of `line`. In `'…'` everything stands for itself; in `"…"` and outside, `\` quotes one character.
pub fn split(line: &str) -> Result<Vec<String>, WordError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some('\''), _) => word.get_or_insert_default().push(character),
            (_, '\\') => {
                let quoted = characters.next().ok_or(WordError::TrailingBackslash)?;
                word.get_or_insert_default().push(quoted);
            }
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if let Some(open) = quote {
        return Err(WordError::OpenQuote(open));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests;
