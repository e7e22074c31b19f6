//! What is wrong with the words of a command line, a console line or a scenario's verb, in this program's terms.
//!
//! clap finds the errors; it calls verbs "subcommands" and ends in a page of its own, neither of which fits a
//! console or a JSON object. Here its text becomes a sentence and advice.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::failure::Why;

const LIST: &str = "hv-testhost --help lists the verbs (in a console: help)";

/// The error as a message (of several lines at times) and a hint.
pub(crate) fn explain(error: &clap::Error) -> Why {
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Some(ContextValue::String(verb)) = error.get(ContextKind::InvalidSubcommand)
    {
        let similar = match error.get(ContextKind::SuggestedSubcommand) {
            Some(ContextValue::Strings(similar)) => similar.first(),
            _ => None,
        };
        let hint =
            similar.map_or_else(|| LIST.to_owned(), |similar| format!("did you mean '{similar}'? {LIST}"));
        return Why::from(format!("unknown verb '{verb}'")).hint(hint);
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let text = text.split("\n\nFor more information").next().unwrap_or(text).trim_end();
    match text.split_once("\n\nUsage: ") {
        Some((message, usage)) => Why::from(message).hint(format!("usage: {}", usage.trim())),
        None => Why::from(text),
    }
}

#[cfg(test)]
mod tests;
