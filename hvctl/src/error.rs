//! What can go wrong for the caller of hvctl: a name, a sentence, what to do next, and the exit code.
//!
//! The one place where D-Bus errors become exit codes. Printing is `output`'s job.
//! Names are D-Bus error names, the daemons' own (`org.hvutils.Error.…`) as they came, and names of the same
//! form for what hvctl finds out by itself, so that a script that reads `--json` meets one kind of name.

use std::io;

use zbus::DBusError as _;

/// Prefix of the error names of the daemons and of hvctl itself.
pub(crate) const PREFIX: &str = "org.hvutils.Error.";

/// Exit code of hvctl, as `--help` documents them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    /// Refused or failed.
    Failed = 1,
    /// No such key, pool or adapter.
    NotFound = 2,
    /// `wait` ran out of time.
    OutOfTime = 3,
    /// The command line is wrong (`EX_USAGE`).
    Usage = 64,
    /// The daemon or the bus is not there (`EX_UNAVAILABLE`).
    Unavailable = 69,
    /// Not authorised (`EX_NOPERM`).
    Denied = 77,
}

/// A failure as the caller is told it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Error {
    /// What to end with.
    pub(crate) code: Code,
    /// D-Bus error name, for programs.
    pub(crate) name: String,
    /// What failed, on what: a sentence for a person. May hold text from outside: escape before showing.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) hint: String,
}

/// Why a verb ends without success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// To be reported.
    Error(Box<Error>),
    /// Everything has been said already: end with this code.
    Reported(Code),
    /// The command that was run has ended with this code.
    Command(u8),
    /// To be reported, and to end with a code that is not ours.
    Ended(Box<Error>, u8),
    /// Whoever read our output has gone: end quietly.
    PipeClosed,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Error(Box::new(error))
    }
}

/// Failures to write our output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::PipeClosed;
        }
        Error::new(Code::Failed, "Failed", format!("cannot write the output: {error}"))
            .hint("look at where the output goes: is the disk full?")
            .into()
    }
}

impl Error {
    /// An error of hvctl's own; `name` without the prefix.
    pub(crate) fn new(code: Code, name: &str, message: impl Into<String>) -> Error {
        Error { code, name: format!("{PREFIX}{name}"), message: message.into(), hint: String::new() }
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = hint.into();
        self
    }

    /// The bus itself cannot be reached.
    pub(crate) fn no_bus(bus: &str, why: &str) -> Error {
        Error::new(Code::Unavailable, "NoBus", format!("cannot reach the {bus}: {why}"))
            .hint("start D-Bus, or name another bus with --bus system|session|ADDRESS")
    }

    /// No such pool, by the name the caller gave.
    pub(crate) fn no_such_pool(pool: &str) -> Error {
        Error::new(Code::NotFound, "NoSuchPool", format!("there is no pool \"{pool}\""))
            .hint("the pools are external, guest, auto, auto-external and auto-internal, or 0 to 4")
    }

    /// No such adapter, by the name the caller gave.
    pub(crate) fn no_such_adapter(interface: &str) -> Error {
        let message = format!("the host is shown no adapter \"{interface}\"");
        Error::new(Code::NotFound, "NoSuchAdapter", message)
            .hint("hvctl ip show lists those that it is shown")
    }

    /// Whether the daemon is not there but the bus is (so waiting for it makes sense).
    pub(crate) fn is_absent_daemon(&self) -> bool {
        self.code == Code::Unavailable && self.name != format!("{PREFIX}NoBus")
    }

    /// The last part of the error's name: `NoSuchKey`.
    pub(crate) fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }

    /// What a call to `daemon` (its program's name, `hv-kvpd`) failed with.
    pub(crate) fn of_call(daemon: &str, error: zbus::Error) -> Error {
        let (name, text) = match error {
            zbus::Error::MethodError(name, text, _) => (name.to_string(), text.unwrap_or_default()),
            zbus::Error::FDO(error) => match *error {
                zbus::fdo::Error::ZBus(inner) => return Error::of_call(daemon, inner),
                error => (error.name().to_string(), error.description().unwrap_or_default().to_owned()),
            },
            zbus::Error::InputOutput(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Error::silent(daemon);
            }
            zbus::Error::InputOutput(error) => return Error::no_bus("bus", &error.to_string()),
            other => {
                let message = format!("{daemon} answered in a form that hvctl does not understand: {other}");
                let hint = format!("hvctl and {daemon} are of different versions: install the same of both");
                return Error::new(Code::Failed, "Failed", message).hint(hint);
            }
        };
        of_reply(daemon, name, &text)
    }

    /// The daemon is on the bus but does not answer in time.
    pub(crate) fn silent(daemon: &str) -> Error {
        Error::new(Code::Unavailable, "NoReply", format!("{daemon} does not answer"))
            .hint(format!("look at its log (journalctl -u {daemon}), then systemctl restart {daemon}"))
    }
}

/// An error reply, from the daemon or from the bus in its stead.
fn of_reply(daemon: &str, name: String, text: &str) -> Error {
    let (code, message, hint) = match name.strip_prefix(PREFIX) {
        Some(short) => {
            let (code, hint) = daemon_says(short, daemon);
            (code, or(text, &format!("{daemon} refused: {short}")), hint)
        }
        None => bus_says(&name, daemon, text),
    };
    Error { code, name, message, hint }
}

/// `text`, or a sentence in its stead if there is none.
fn or(text: &str, otherwise: &str) -> String {
    if text.is_empty() { otherwise.to_owned() } else { text.to_owned() }
}

/// Exit code, sentence and advice for the errors of the bus and of those it asks (systemd, polkit).
fn bus_says(name: &str, daemon: &str, text: &str) -> (Code, String, String) {
    let known = name.strip_prefix("org.freedesktop.DBus.Error.").unwrap_or(name);
    let log = format!("look at its log: journalctl -u {daemon}");
    match known {
        "ServiceUnknown" | "NameHasNoOwner" => (
            Code::Unavailable,
            format!("{daemon} is not running: nothing on the bus answers for it"),
            absent(daemon),
        ),
        "NoReply" | "Timeout" | "TimedOut" | "Disconnected" => {
            (Code::Unavailable, format!("{daemon} did not answer: {}", or(text, "it ended or hangs")), log)
        }
        "AccessDenied" | "AuthFailed" | "InteractiveAuthorizationRequired" => {
            let (code, hint) = daemon_says("NotAuthorized", daemon);
            (code, or(text, "the bus does not allow this"), hint)
        }
        "UnknownMethod" | "UnknownInterface" | "UnknownObject" | "UnknownProperty" => (
            Code::Failed,
            or(text, "the daemon does not know this call"),
            format!("this {daemon} is older than hvctl: install the same version of both"),
        ),
        _ if known.starts_with("Spawn.") || name.starts_with("org.freedesktop.systemd1.") => {
            (Code::Unavailable, format!("{daemon} could not be started: {}", or(text, known)), log)
        }
        _ => (Code::Failed, or(text, &format!("{daemon} refused: {name}")), log),
    }
}

/// What to do where nobody answers, and the bus starts nobody.
fn absent(daemon: &str) -> String {
    if daemon == "hv-driver" {
        // Nobody starts it by hand.
        return "the bus starts it when it is asked (D-Bus activation): is it installed? see systemctl status hv-driver"
            .to_owned();
    }
    format!("start it with systemctl start {daemon}; hvctl status tells more")
}

/// Exit code and advice for the errors the daemons define themselves.
fn daemon_says(short: &str, daemon: &str) -> (Code, String) {
    let (code, hint) = match short {
        "NoSuchKey" => (
            Code::NotFound,
            "hvctl kvp list shows the keys there are, hvctl kvp wait waits for one to appear",
        ),
        "NoSuchPool" => (
            Code::NotFound,
            "the pools are external, guest, auto, auto-external and auto-internal, or 0 to 4",
        ),
        "NoSuchAdapter" => (Code::NotFound, "hvctl devices shows what the host has given this machine"),
        "NotAuthorized" if daemon == crate::driver::PROGRAM => {
            (Code::Denied, "run it as root, or let polkit allow the action org.hvutils.driver.change")
        }
        "NotSupported" if daemon == crate::driver::PROGRAM => {
            (Code::Failed, "hvctl driver show tells what there is, hvctl devices what the host offers")
        }
        "NotAuthorized" if daemon == crate::vss::VSSD => {
            (Code::Denied, "run it as root, or let polkit allow the action org.hvutils.vss.freeze")
        }
        "NotAuthorized" if daemon == crate::shutdown::SHUTDOWND => {
            (Code::Denied, "run it as root, or let polkit allow the action org.hvutils.shutdown.inhibit")
        }
        "NotAuthorized" if daemon == crate::heartbeat::HEARTBEATD => {
            (Code::Denied, "run it as root, or let polkit allow the action org.hvutils.heartbeat.set")
        }
        "NotAuthorized" => {
            (Code::Denied, "run it as root, or let polkit allow the action (org.hvutils.kvp.write for items)")
        }
        "ReadOnlyPool" => {
            (Code::Failed, "only pool guest can be written from inside the guest; the others are the host's")
        }
        "TooLong" => {
            (Code::Failed, "a key has at most 254 and a value at most 1022 UTF-16 units: shorten it")
        }
        "Full" => {
            (Code::Failed, "delete items that are no longer needed, or raise the limit in hv-utils.toml")
        }
        "Busy" if daemon == crate::vss::VSSD => (
            Code::Failed,
            "hvctl vss status shows whether a freeze is under way, and until when; then try again",
        ),
        "NotFrozen" => (Code::Failed, "hvctl vss history shows what was frozen, and who had it thawed"),
        "Failed" if daemon == crate::vss::VSSD => (
            Code::Failed,
            "hvctl vss history --last shows how far it came, hvctl vss plan what can be frozen",
        ),
        "Busy" => (Code::Failed, "try again in a moment"),
        "NothingToRevert" => (Code::Failed, "hvctl ip history shows what the host has configured"),
        "NotSupported" if daemon == crate::heartbeat::HEARTBEATD => (
            Code::Failed,
            "it takes applications = true in [heartbeat] of hv-utils.toml, and a channel that hv-heartbeatd has itself \
             (hvctl status)",
        ),
        "NotSupported" => (Code::Failed, "hvctl status shows which way to the host the daemon has"),
        "InvalidArgument" => (Code::Failed, "hvctl --help shows what is expected"),
        _ => return (Code::Failed, format!("look at its log: journalctl -u {daemon}")),
    };
    (code, hint.to_owned())
}

#[cfg(test)]
mod tests;
