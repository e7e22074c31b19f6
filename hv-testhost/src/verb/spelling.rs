//! PowerShell's spelling of what is typed: `-CreateFullPath` is `--create-full-path`, `Stop-VM` is `stop-vm`.
//!
//! Only a word that stands where an option can stand, and that one of the verb's options answers to, is spelled anew:
//! values stay as they are typed. The words of verbs that take any text (a key, a value, bytes) are not looked at.

use std::ffi::OsString;

use clap::{Arg, Command};

/// What names the machine of a verb, of which there is one here; where a file comes from, which is always the host; how it is
/// restarted, which is always in order. Passed over, with the value.
const PASSED_OVER: [&str; 4] = ["name", "vmname", "filesource", "type"];
/// What PowerShell names and has no order of, and this program knows by its order.
const IN_ORDER: [&str; 2] = ["sourcepath", "destinationpath"];

/// The words as clap's `command` has them. The first `before` are passed on as they are: a program's name.
pub(crate) fn spelled(
    mut command: Command,
    before: usize,
    words: impl IntoIterator<Item = OsString>,
) -> Vec<OsString> {
    command.build();
    let mut at = Where::Options(&command);
    let mut in_order = IN_ORDER.map(|_| None);
    let mut spelled = Vec::new();
    for (n, word) in words.into_iter().enumerate() {
        if n < before {
            spelled.push(word);
            continue;
        }
        match at {
            Where::Named(verb, place) => {
                if let Some(place) = place.and_then(|place| in_order.get_mut(place)) {
                    *place = Some(word);
                }
                at = Where::Options(verb);
            }
            Where::Options(verb) if named(verb, &word).is_some() => {
                at = Where::Named(verb, named(verb, &word).flatten());
            }
            _ => spelled.push(at.word(word)),
        }
    }
    spelled.extend(in_order.into_iter().flatten());
    spelled
}

/// Whether a value follows that PowerShell names and this program does not, and its place if it has one.
fn named(verb: &Command, word: &OsString) -> Option<Option<usize>> {
    let copies = verb.get_name() == "copy-vmfile";
    if !copies && !verb.get_name().ends_with("-vm") {
        return None;
    }
    let name = word.to_str()?.strip_prefix('-')?.to_ascii_lowercase();
    let place = IN_ORDER.iter().position(|known| *known == name).filter(|_| copies);
    (place.is_some() || PASSED_OVER.contains(&name.as_str())).then_some(place)
}

/// What the next word can be.
#[derive(Clone, Copy)]
enum Where<'a> {
    /// An option of this verb (or of the program), or something else.
    Options(&'a Command),
    /// The value of an option.
    Value(&'a Command),
    /// A value that is passed over, or is to be put in its place.
    Named(&'a Command, Option<usize>),
    /// Anything: nothing is spelled anew from here on.
    Anything,
}

impl Where<'_> {
    fn word(&mut self, word: OsString) -> OsString {
        let command = match *self {
            Where::Anything => return word,
            Where::Value(command) | Where::Named(command, _) => {
                *self = Where::Options(command);
                return word;
            }
            Where::Options(command) => command,
        };
        let Some(text) = word.to_str() else { return word };
        if text == "--" {
            *self = Where::Anything;
            return word;
        }
        if let Some(name) = text.strip_prefix("--") {
            if long(command, |known| known == name).is_some_and(takes_value) {
                *self = Where::Value(command);
            }
            return word;
        }
        if let Some(name) = text.strip_prefix('-') {
            let Some(option) = powershell(command, name) else { return word };
            if takes_value(option) {
                *self = Where::Value(command);
            }
            return option.get_long().map_or(word, |long| format!("--{long}").into());
        }
        let lower = text.to_ascii_lowercase();
        let Some(verb) = command.find_subcommand(text).or_else(|| command.find_subcommand(&lower)) else {
            return word;
        };
        let any = verb.get_positionals().any(Arg::is_allow_hyphen_values_set);
        *self = if any { Where::Anything } else { Where::Options(verb) };
        verb.get_name().into()
    }
}

fn long(command: &Command, is: impl Fn(&str) -> bool) -> Option<&Arg> {
    command.get_arguments().find(|arg| {
        arg.get_long().is_some_and(&is) || arg.get_all_aliases().unwrap_or_default().into_iter().any(&is)
    })
}

/// The option that PowerShell would call so. One letter is a short option.
fn powershell<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    if name.len() < 2 || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    long(command, |known| {
        let letters = known.bytes().filter(|byte| *byte != b'-');
        letters.map(|byte| byte.to_ascii_lowercase()).eq(name.bytes().map(|byte| byte.to_ascii_lowercase()))
    })
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

#[cfg(test)]
mod tests;
