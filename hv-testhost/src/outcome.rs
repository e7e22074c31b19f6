//! What came of a verb: the result, or why it failed, and what was noticed on the way.
//!
//! Plain values; how they look as text or JSON is [`crate::output`]'s.

mod adapter;

use std::path::PathBuf;
use std::time::Duration;

use hv_utils_core::wire::kvp::Pool;
use hv_utils_core::wire::{Ic, Status, Version};
use tokio::time::Instant;

pub use adapter::AdapterConfiguration;

pub use crate::failure::{Asked, Failure, Why, exit};
use crate::host::{Phase, Violation};

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
    /// State of the guest's applications as its last heartbeat says: 0 unknown, 1 healthy, 2 critical, 3 stopped.
    pub application: Option<u32>,
    /// When its channel was opened, while it is open.
    pub since: Option<Instant>,
}

impl ServiceState {
    /// A service that is offered and has no guest yet.
    pub(crate) fn new(ic: Ic) -> ServiceState {
        ServiceState {
            ic,
            enabled: true,
            phase: Phase::Waiting,
            openings: 0,
            sequence: 0,
            application: None,
            since: None,
        }
    }
}

/// The virtual machine, as far as this host knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmState {
    /// Its name, as guests are told.
    pub name: String,
    /// Whether anything of it is there.
    pub running: bool,
    /// Its heartbeat, in a word of `Get-VM`'s.
    pub heartbeat: &'static str,
    /// How long it has been there at least.
    pub uptime: Option<Duration>,
}

/// One step of something that takes several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was asked.
    pub name: &'static str,
    /// What came of it, or why nothing did.
    pub result: Result<Taken, Failure>,
    /// Time until then.
    pub took: Duration,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The guest's answer.
    Answered(Status),
    /// A disk was copied.
    Copied(Copied),
}

/// A copy of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The copy.
    pub copy: PathBuf,
    /// How long it is, in bytes.
    pub bytes: u64,
    /// How many of them were written: not those of holes, nor of blocks that it shares with the disk.
    pub data: u64,
}

/// A checkpoint, as far as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// What was done, one after the other.
    pub steps: Vec<Step>,
    /// How long the guest was frozen, if it said that it was and that it was thawed.
    pub frozen: Option<Frozen>,
}

/// How long a guest was frozen, as its host sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frozen {
    /// From the answer to FREEZE until the answer to THAW.
    pub sure: Duration,
    /// From sending FREEZE until the answer to THAW: no writer of the guest has waited longer.
    pub longest: Duration,
}

/// What the answer to an operation of the backup service says beyond its status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VssAnswer {
    /// Which operation.
    pub operation: String,
    /// Its flags word, where it has one.
    pub flags: Option<u32>,
    /// How many members the guest's cluster has; 0 for none.
    pub cluster_size: Option<u32>,
}

impl Step {
    /// The status that the guest answered with, if it answered.
    pub fn status(&self) -> Option<Status> {
        match &self.result {
            Ok(Taken::Answered(status)) | Err(Failure::Refused { status, .. }) => Some(*status),
            Ok(Taken::Copied(_)) | Err(_) => None,
        }
    }
}

/// A file that was sent to a guest, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCopied {
    /// Where to, path and name.
    pub target: String,
    /// How long the file is, in bytes.
    pub bytes: u64,
    /// How many of them the guest has taken.
    pub sent: u64,
    /// Time from START to the last answer.
    pub took: Duration,
    /// How it ended.
    pub end: CopyEnd,
}

/// How the copy of a file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyEnd {
    /// The guest has it.
    Complete,
    /// The guest waits for the rest.
    Cut,
    /// The guest was told that nothing more comes.
    Cancelled,
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
    /// The configuration of a network adapter.
    Adapter(AdapterConfiguration),
    /// The virtual machine.
    Vm(VmState),
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
    /// The guest can be backed up; the flags word of its answer.
    VssCheck(u32),
    /// What the guest answered to an operation of the backup service.
    VssAnswer(VssAnswer),
    /// A checkpoint, all steps of which were taken.
    Checkpoint(Checkpoint),
    /// A file was sent.
    FileCopied(FileCopied),
    /// A packet as the guest sent it, from the pipe header on.
    Bytes {
        /// Status in its IC header, if it is long enough to have one.
        status: Option<Status>,
        /// The payload.
        payload: Vec<u8>,
    },
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
