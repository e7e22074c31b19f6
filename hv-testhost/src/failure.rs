//! Why a verb failed: for a person in a sentence with advice, for a program as a name and an exit code.
//!
//! Plain values; how they look as text or JSON is [`crate::output`]'s.

mod advice;

use std::borrow::Cow;
use std::fmt;

use hv_utils_core::wire::Status;

use crate::host::IcError;
use crate::outcome::Checkpoint;
use advice::refused;

pub use advice::Asked;

/// What went wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// What, and on what: one sentence, or several lines for what is wrong with a file or an argument.
    pub message: String,
    /// What to do about it; empty where the kind of failure says it ([`Failure::hint`]).
    pub hint: String,
}

impl Why {
    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Why {
        self.hint = hint.into();
        self
    }
}

impl From<String> for Why {
    fn from(message: String) -> Why {
        Why { message, hint: String::new() }
    }
}

impl From<&str> for Why {
    fn from(message: &str) -> Why {
        Why::from(message.to_owned())
    }
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// Why a verb failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The guest answered with an error status.
    #[error("the guest refused to {what}: {status}")]
    Refused {
        /// What was asked.
        what: String,
        /// The guest's answer.
        status: Status,
        /// The same for the hint: what the guest tells of it elsewhere.
        asked: Asked,
    },
    /// The guest answered raw bytes with an error status.
    #[error("the guest answered with {status}")]
    RefusedBytes {
        /// The status in its IC header.
        status: Status,
        /// The payload.
        payload: Vec<u8>,
    },
    /// A step of a checkpoint failed.
    #[error("no checkpoint: {}", first(.0))]
    Checkpoint(Checkpoint),
    /// A rule of the host's own, checked before anything was asked of the guest.
    #[error("{0}")]
    Rule(Why),
    /// The guest did not connect, or did not answer, in time.
    #[error("{0}")]
    NoAnswer(Why),
    /// The guest is connected and cannot be talked to.
    #[error("{0}")]
    Guest(Why),
    /// What was asked makes no sense.
    #[error("{0}")]
    Usage(Why),
    /// A signal came first.
    #[error("ended by {signal} before it was done")]
    Interrupted {
        /// Which.
        signal: &'static str,
        /// Exit code, as shells give it: 128 and the signal's number.
        exit: u8,
    },
    /// The host itself cannot go on.
    #[error("{0}")]
    Host(Why),
}

impl Failure {
    /// The exit code: 1 refused, 3 no answer, 64 usage, 69 host not available, 130 and 143 ended by a signal.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Refused { .. } | Failure::RefusedBytes { .. } | Failure::Rule(_) | Failure::Guest(_) => {
                exit::REFUSED
            }
            Failure::Checkpoint(done) => failed(done).map_or(exit::REFUSED, Failure::exit_code),
            Failure::NoAnswer(_) => exit::NO_ANSWER,
            Failure::Usage(_) => exit::USAGE,
            Failure::Interrupted { exit, .. } => *exit,
            Failure::Host(_) => exit::UNAVAILABLE,
        }
    }

    /// A short name for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Failure::Refused { .. } | Failure::RefusedBytes { .. } => "Refused",
            Failure::Checkpoint(_) => "Checkpoint",
            Failure::Rule(_) => "Rule",
            Failure::NoAnswer(_) => "NoAnswer",
            Failure::Guest(_) => "Guest",
            Failure::Usage(_) => "Usage",
            Failure::Interrupted { .. } => "Interrupted",
            Failure::Host(_) => "Host",
        }
    }

    /// What to do about it, never empty.
    pub fn hint(&self) -> Cow<'_, str> {
        let (own, general) = match self {
            Failure::Refused { status, asked, .. } => return refused(*status, Some(*asked)),
            Failure::RefusedBytes { status, .. } => return refused(*status, None),
            Failure::Checkpoint(done) => {
                return failed(done).map_or_else(|| "look at the guest's log".into(), Failure::hint);
            }
            Failure::Rule(why) => (why.hint.as_str(), "hv-testhost --help says what each verb needs"),
            Failure::NoAnswer(why) => {
                (why.hint.as_str(), "see whether the guest's daemon runs; --timeout SECS waits longer")
            }
            Failure::Guest(why) => (why.hint.as_str(), "look at the log of the guest's daemon"),
            Failure::Usage(why) => (why.hint.as_str(), "hv-testhost --help shows the verbs and options"),
            Failure::Interrupted { .. } => ("", "what was asked last may have been done all the same"),
            Failure::Host(why) => (why.hint.as_str(), "look at what the host itself printed"),
        };
        if own.is_empty() { general.into() } else { own.into() }
    }
}

/// Why the first step that failed did.
fn failed(checkpoint: &Checkpoint) -> Option<&Failure> {
    checkpoint.steps.iter().find_map(|step| step.result.as_ref().err())
}

fn first(checkpoint: &Checkpoint) -> String {
    failed(checkpoint).map_or_else(String::new, Failure::to_string)
}

impl From<IcError> for Failure {
    fn from(error: IcError) -> Failure {
        let why = Why::from(error.to_string());
        match error {
            IcError::NoAnswer(_) | IcError::NotRead(_) | IcError::Closed => Failure::NoAnswer(why),
            IcError::Link(_) => Failure::Host(why),
            IcError::NoCommonVersion => {
                Failure::Guest(why.hint("--versions NAME=LIST offers others; renegotiate asks again"))
            }
            _ => Failure::Guest(why),
        }
    }
}

/// Exit codes of the program.
pub mod exit {
    /// Done, and the guest's status was 0.
    pub const OK: u8 = 0;
    /// The guest refused, or a rule of the host's forbids it, or a scenario failed.
    pub const REFUSED: u8 = 1;
    /// No guest, or no answer, within the time limit.
    pub const NO_ANSWER: u8 = 3;
    /// Wrong arguments.
    pub const USAGE: u8 = 64;
    /// The sockets cannot be made, or the host that was to be asked is not there.
    pub const UNAVAILABLE: u8 = 69;
}

#[cfg(test)]
mod tests;
