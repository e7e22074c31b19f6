//! The conversation: one JSON object in one packet of a `SOCK_SEQPACKET` socket, `RUN_DIR/netapply.sock`.
//!
//! A connection is a conversation about one thing. Who listens checks by SO_PEERCRED who calls; a packet longer than
//! [`MOST_BYTES`], or one that is no [`Request`], ends the conversation.

use serde::{Deserialize, Serialize};

use super::Injection;

/// Name of the socket in the run directory.
pub const SOCKET: &str = "netapply.sock";

/// Longest packet either way: an injection of the longest lists is below 16 KiB.
pub const MOST_BYTES: usize = 64 * 1024;

/// What hv-kvpd asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Make it so, and read it back. Answered by [`Reply::Applied`] or [`Reply::Failed`].
    Apply {
        /// What.
        injection: Injection,
        /// When the answer must be there, in ms from now; what takes longer is undone and failed.
        within_ms: u32,
    },
    /// The host is about to be told that it is there. From [`Reply::Done`] on it stays, whoever dies, unless
    /// [`Request::Cancel`] is said. Only after [`Reply::Applied`], in the same conversation.
    Promise,
    /// The host has been told. Only after a promise, in the same conversation; the end of the conversation says the same.
    Confirm,
    /// The host could not be told: what was applied is undone. Before a promise, closing the socket does the same. As the
    /// first request of a conversation: what was promised in one that was cut is undone.
    Cancel,
    /// Bring back what was before the last injection that stands: of one interface, or of all.
    Revert {
        /// The interface; `None`: that of the last injection.
        interface: Option<String>,
    },
    /// Go on with what an end of the machine or of hv-netapply cut short; keep what is kept by ourselves.
    Resume,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reply {
    /// It is there now, or written where it will be read ([`Step::pending`]).
    Applied(Step),
    /// As asked for ([`Request::Confirm`], [`Request::Cancel`], [`Request::Revert`], [`Request::Resume`]).
    Done,
    /// It is as it was before.
    Failed(Failed),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The interface of the adapter.
    pub interface: String,
    /// Who has the link: `networkmanager`, `systemd-networkd`, `netplan`, `ifupdown`, `netlink` or `script`.
    pub backend: String,
    /// Written, but not in force yet: its manager does not run.
    pub pending: bool,
}

/// What was not done, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// What the host is told.
    pub kind: Kind,
    /// For a person: what failed, on what, and what to do.
    pub message: String,
}

/// What a failure means to the one who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// No interface has this adapter.
    NoSuchAdapter,
    /// It contradicts itself, or no network can have it.
    Invalid,
    /// Who has the link cannot do this (DHCP without a DHCP client), or the administrator does not want it.
    NotSupported,
    /// Another change is under way.
    Busy,
    /// Nothing has been promised that could be cancelled.
    NothingPromised,
    /// Nothing is left to bring back.
    NothingToRevert,
    /// It was tried, did not come to be, and was undone.
    NotApplied,
    /// It was tried and could not be undone whole: the message says what is left.
    NotUndone,
}

/// A packet of `message`.
#[must_use]
pub fn encode(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).expect("strings, numbers and lists can always be written")
}
