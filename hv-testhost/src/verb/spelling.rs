//! PowerShell's spelling of what is typed: `-CreateFullPath` is `--create-full-path`, `Stop-VM` is `stop-vm`.
//!
//! Only a word that stands where an option can stand, and that one of the verb's options answers to, is spelled anew:
//! values stay as they are typed. The words of verbs that take any text (a key, a value, bytes) are not looked at.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Arg, Command, Error};

/// What names the machine of a verb, of which there is one here. Passed over, with the value.
const MACHINE: [&str; 2] = ["name", "vmname"];
/// Where a file comes from, how a machine is restarted: what has one value here, and the value.
const FIXED: [(&str, &str, &str); 2] =
    [("copy-vmfile", "filesource", "Host"), ("restart-vm", "type", "Reboot")];
/// What PowerShell names and has no order of, and this program knows by its order.
const IN_ORDER: [(&str, &str, usize); 4] = [
    ("copy-vmfile", "sourcepath", 0),
    ("copy-vmfile", "destinationpath", 1),
    ("enable-service", "name", 0),
    ("disable-service", "name", 0),
];
/// Verbs whose names do not tell that they are about a machine.
const OF_A_MACHINE: [&str; 4] =
    ["copy-vmfile", "get-integration-services", "enable-service", "disable-service"];

/// The words as clap's `command` has them. The first `before` are passed on as they are: a program's name.
///
/// # Errors
/// An option that there is not, which clap would call by its first letter; a value that is missing, comes twice, or that this
/// host has no meaning for.
pub(crate) fn spelled(
    mut command: Command,
    before: usize,
    words: impl IntoIterator<Item = OsString>,
) -> Result<Vec<OsString>, Error> {
    command.build();
    let mut at = Where::Options(&command);
    let mut in_order = [None, None];
    // What the value is of, as it was typed.
    let mut of = String::new();
    let mut spelled = Vec::new();
    for (n, word) in words.into_iter().enumerate() {
        if n < before {
            spelled.push(word);
            continue;
        }
        match at {
            Where::Named(verb, ref what) => {
                // As PowerShell has it: what begins so is the next option, and never a value.
                if word.to_string_lossy().starts_with('-') {
                    return Err(without_a_value(verb, &of));
                }
                match *what {
                    Named::Machine => {}
                    Named::InOrder(place) => {
                        if in_order[place].replace(word).is_some() {
                            return Err(verb.clone().error(
                                ErrorKind::ArgumentConflict,
                                format!("the argument '{of}' cannot be used multiple times"),
                            ));
                        }
                    }
                    Named::Fixed(only) => fixed(verb, only, &word)?,
                }
                at = Where::Options(verb);
            }
            Where::Options(verb) => match named(verb, &word) {
                Some(what) => {
                    of = word.to_string_lossy().into_owned();
                    at = Where::Named(verb, what);
                }
                None => spelled.push(at.word(word)?),
            },
            _ => spelled.push(at.word(word)?),
        }
    }
    if let Where::Named(verb, _) = at {
        return Err(without_a_value(verb, &of));
    }
    spelled.extend(in_order.into_iter().flatten());
    Ok(spelled)
}

fn without_a_value(verb: &Command, of: &str) -> Error {
    verb.clone().error(ErrorKind::InvalidValue, format!("a value is required for '{of}', and there is none"))
}

/// What a value is that PowerShell names and this program does not.
#[derive(Clone, Copy)]
enum Named {
    Machine,
    /// The only value that there is.
    Fixed(&'static str),
    /// Its place.
    InOrder(usize),
}

/// Whether such a value follows.
fn named(verb: &Command, word: &OsString) -> Option<Named> {
    let name = word.to_str()?.strip_prefix('-')?.to_ascii_lowercase();
    let verb = verb.get_name();
    let is = |at: &str, known: &str| at == verb && known == name;
    if let Some((.., place)) = IN_ORDER.iter().find(|(at, known, _)| is(at, known)) {
        return Some(Named::InOrder(*place));
    }
    if let Some((.., only)) = FIXED.iter().find(|(at, known, _)| is(at, known)) {
        return Some(Named::Fixed(only));
    }
    // A service's name is not the machine's.
    let machine = if verb == "get-integration-services" { &MACHINE[1..] } else { &MACHINE[..] };
    let has_machine = OF_A_MACHINE.contains(&verb) || verb.ends_with("-vm");
    (has_machine && machine.contains(&name.as_str())).then_some(Named::Machine)
}

fn fixed(verb: &Command, only: &str, value: &OsString) -> Result<(), Error> {
    if value.eq_ignore_ascii_case(only) {
        return Ok(());
    }
    let message = format!("invalid value '{}': this host knows '{only}' alone", value.to_string_lossy());
    Err(verb.clone().error(ErrorKind::InvalidValue, message))
}

/// What the next word can be.
#[derive(Clone, Copy)]
enum Where<'a> {
    /// An option of this verb (or of the program), or something else.
    Options(&'a Command),
    /// The value of an option.
    Value(&'a Command),
    /// A value that is passed over, or is to be put in its place.
    Named(&'a Command, Named),
    /// Anything: nothing is spelled anew from here on.
    Anything,
}

impl Where<'_> {
    fn word(&mut self, word: OsString) -> Result<OsString, Error> {
        let command = match *self {
            Where::Anything => return Ok(word),
            Where::Value(command) | Where::Named(command, _) => {
                *self = Where::Options(command);
                return Ok(word);
            }
            Where::Options(command) => command,
        };
        let Some(text) = word.to_str() else { return Ok(word) };
        if text == "--" {
            *self = Where::Anything;
            return Ok(word);
        }
        if let Some(name) = text.strip_prefix("--") {
            if long(command, |known| known == name).is_some_and(takes_value) {
                *self = Where::Value(command);
            }
            return Ok(word);
        }
        if let Some(name) = text.strip_prefix('-') {
            let Some(option) = powershell(command, name) else {
                return if is_unknown(command, name) { Err(unexpected(command, text)) } else { Ok(word) };
            };
            if takes_value(option) {
                *self = Where::Value(command);
            }
            return Ok(option.get_long().map_or(word, |long| format!("--{long}").into()));
        }
        let lower = text.to_ascii_lowercase();
        let Some(verb) = command.find_subcommand(text).or_else(|| command.find_subcommand(&lower)) else {
            if command.has_subcommands() {
                // No verb: that is what is wrong with the line, whatever follows.
                *self = Where::Anything;
            }
            return Ok(word);
        };
        let any = verb.get_positionals().any(Arg::is_allow_hyphen_values_set);
        *self = if any { Where::Anything } else { Where::Options(verb) };
        Ok(verb.get_name().into())
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

/// Whether it is a word that begins with none of the short options.
fn is_unknown(command: &Command, name: &str) -> bool {
    let short = |letter| command.get_arguments().any(|arg| arg.get_short() == Some(letter));
    name.len() > 1 && name.chars().next().is_some_and(|first| first.is_ascii_alphabetic() && !short(first))
}

fn unexpected(command: &Command, text: &str) -> Error {
    command.clone().error(ErrorKind::UnknownArgument, format!("unexpected argument '{text}' found"))
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

#[cfg(test)]
mod tests;
