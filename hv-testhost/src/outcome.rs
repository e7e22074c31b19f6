//! What came of a verb: the result, why it failed, and the exit code that says which.
//!
//! Plain values; how they look as text or JSON is [`crate::output`]'s.

use hv_utils_core::wire::kvp::Pool;
use hv_utils_core::wire::{Ic, Status, Version};

use crate::host::{IcError, Phase, Violation};

/// An item of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Pool it is in.
    pub pool: Pool,
    /// Key as the guest sent it.
    pub key: String,
    /// Value; numbers as decimal text.
    pub value: String,
}

/// One service as `get-integration-services` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceState {
    /// Which service.
    pub ic: Ic,
    /// Whether its device is offered.
    pub enabled: bool,
    /// What became of it.
    pub phase: Phase,
    /// How many times a guest has opened its channel.
    pub openings: u64,
    /// Last sequence number a heartbeat was answered with; 0 for the other services.
    pub sequence: u64,
}

/// What a verb gives when it succeeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done; a sentence for a person.
    Done(String),
    /// The one item that was asked for.
    Item(Item),
    /// Items in the guest's order.
    Items(Vec<Item>),
    /// The services.
    Services(Vec<ServiceState>),
    /// Versions agreed with the guest.
    Agreed {
        /// Which service.
        ic: Ic,
        /// Framework version.
        framework: Version,
        /// Message version.
        message: Version,
    },
    /// A packet as the guest sent it, from the pipe header on.
    Bytes {
        /// Status in its IC header, if it is long enough to have one.
        status: Option<Status>,
        /// The payload.
        payload: Vec<u8>,
    },
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
    },
    /// The guest answered raw bytes with an error status.
    #[error("the guest answered with {status}")]
    RefusedBytes {
        /// The status in its IC header.
        status: Status,
        /// The payload.
        payload: Vec<u8>,
    },
    /// A rule of the host's own, checked before anything was asked of the guest.
    #[error("{0}")]
    Rule(String),
    /// The guest did not connect, or did not answer, in time.
    #[error("{0}")]
    NoAnswer(String),
    /// The guest is connected and cannot be talked to.
    #[error("{0}")]
    Guest(String),
    /// What was asked makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The host itself cannot go on.
    #[error("{0}")]
    Host(String),
}

impl Failure {
    /// The exit code: 1 refused, 3 no answer, 64 usage, 69 host not available.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Refused { .. } | Failure::RefusedBytes { .. } | Failure::Rule(_) | Failure::Guest(_) => {
                exit::REFUSED
            }
            Failure::NoAnswer(_) => exit::NO_ANSWER,
            Failure::Usage(_) => exit::USAGE,
            Failure::Host(_) => exit::UNAVAILABLE,
        }
    }

    /// A short name for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Failure::Refused { .. } | Failure::RefusedBytes { .. } => "Refused",
            Failure::Rule(_) => "Rule",
            Failure::NoAnswer(_) => "NoAnswer",
            Failure::Guest(_) => "Guest",
            Failure::Usage(_) => "Usage",
            Failure::Host(_) => "Host",
        }
    }
}

impl From<IcError> for Failure {
    fn from(error: IcError) -> Failure {
        match error {
            IcError::NoAnswer(_) | IcError::NotRead(_) | IcError::Closed => {
                Failure::NoAnswer(error.to_string())
            }
            IcError::Link(_) => Failure::Host(error.to_string()),
            _ => Failure::Guest(error.to_string()),
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

/// A result with what was noticed on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What came of it.
    pub result: Result<Outcome, Failure>,
    /// Rules the guest broke meanwhile.
    pub violations: Vec<Violation>,
    /// Anything else worth a line.
    pub notes: Vec<String>,
}

impl Report {
    /// A report without anything to note.
    pub fn of(result: Result<Outcome, Failure>) -> Report {
        Report { result, violations: Vec::new(), notes: Vec::new() }
    }

    /// The exit code of a program that did just this.
    pub fn exit_code(&self) -> u8 {
        self.result.as_ref().map_or_else(Failure::exit_code, |_| exit::OK)
    }
}
