//! What a daemon tells a link, and what it learns from it.
//!
//! Data only. [`LinkStatus`] is what D-Bus shows as `Service1`.

use crate::channel::OncePer;
use crate::channel::{ChannelChoice, ChannelState, Transport};
use crate::wire::{Agreed, Ic, Version};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often one kind of failure is logged at most.
const LOG_INTERVAL: Duration = Duration::from_secs(3600);

/// What to open, and where to look for it.
#[derive(Debug, Clone)]
pub struct LinkOptions {
    /// The integration component.
    pub ic: Ic,
    /// The way to the host.
    pub choice: ChannelChoice,
    /// The newest message version to offer; `None` for all we speak.
    pub max_version: Option<Version>,
    /// `/sys`, or a tree like it.
    pub sysfs_root: PathBuf,
    /// `/dev`, or a directory like it.
    pub dev_root: PathBuf,
}

/// How the link is now, and what it has counted since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkStatus {
    /// The way in use; `None` without a channel.
    pub transport: Option<Transport>,
    /// How far the channel is.
    pub state: ChannelState,
    /// Framework version agreed on; `None` before that, and where the kernel negotiates.
    pub framework: Option<Version>,
    /// Message version agreed on; as above.
    pub message: Option<Version>,
    /// How often the host has negotiated, on whatever channel. Each ends what was asked before.
    pub negotiations: u64,
    /// Messages received, negotiations included.
    pub received: u64,
    /// Messages among them that made no sense: dropped, or answered by an error before the service's rules saw them.
    pub rejected: u64,
    /// Answers that came when their request was no longer open, and were not sent.
    pub stale: u64,
    /// When the last message was received: µs since 1970 (CLOCK_REALTIME), 0 for never.
    pub last_message: u64,
}

/// What happened on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Transport, state or versions are others than last told, or the host has negotiated anew.
    Changed,
    /// The host asks for something.
    Request(Request),
}

/// A request; its bytes are in the link ([`super::Link::body`]) until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Names the request; never used twice by a link.
    pub(super) serial: u64,
    /// How its bytes are to be read.
    pub framing: Framing,
}

/// The form of a request's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// The body of an IC message of the version agreed on.
    Raw {
        /// Message version agreed on.
        version: Version,
    },
    /// A whole message of the kernel's char device.
    CharDevice,
}

/// What of the status makes an [`Event::Changed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown(Option<Transport>, ChannelState, Option<Version>, Option<Version>, u64);

/// What outlives a channel: the status, the log's memory, the numbers of requests.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) ic: Ic,
    pub(super) status: LinkStatus,
    pub(super) log: OncePer,
    next_serial: u64,
}

impl Books {
    pub(super) const fn new(ic: Ic) -> Self {
        let status = LinkStatus {
            transport: None,
            state: ChannelState::Closed,
            framework: None,
            message: None,
            negotiations: 0,
            received: 0,
            rejected: 0,
            stale: 0,
            last_message: 0,
        };
        Self { ic, status, log: OncePer::new(LOG_INTERVAL), next_serial: 0 }
    }

    pub(super) const fn shown(&self) -> Shown {
        let LinkStatus { transport, state, framework, message, negotiations, .. } = self.status;
        Shown(transport, state, framework, message, negotiations)
    }

    /// A channel was opened or lost: nothing is agreed.
    pub(super) const fn moved_to(&mut self, transport: Option<Transport>, state: ChannelState) {
        self.status.transport = transport;
        self.status.state = state;
        self.status.framework = None;
        self.status.message = None;
    }

    /// What is agreed on, and how far the channel is with it.
    pub(super) fn agreed(&mut self, agreed: Option<Agreed>, state: ChannelState) {
        self.status.framework = agreed.map(|agreed| agreed.framework);
        self.status.message = agreed.map(|agreed| agreed.message);
        self.status.state = state;
    }

    pub(super) fn received(&mut self) {
        self.status.received += 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.status.last_message = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
    }

    /// Counts a message that no service sees; logs the first of its kind. `kind` is fixed, `why` tells the details.
    pub(super) fn rejected(&mut self, kind: &'static str, why: &dyn std::fmt::Display) {
        self.rejected_as(kind, kind, why);
    }

    /// As [`rejected`](Self::rejected), where one kind of message is rejected for several reasons: `reason` is a
    /// fixed text too, and the first of each is logged.
    pub(super) fn rejected_as(
        &mut self,
        reason: &'static str,
        kind: &'static str,
        why: &dyn std::fmt::Display,
    ) {
        self.status.rejected += 1;
        self.warn_as(reason, kind, why);
    }

    /// Logs the first failure of its kind.
    pub(super) fn warn(&mut self, kind: &'static str, why: &dyn std::fmt::Display) {
        self.warn_as(kind, kind, why);
    }

    fn warn_as(&mut self, reason: &'static str, kind: &'static str, why: &dyn std::fmt::Display) {
        if let Some(before) = self.log.admit(reason) {
            tracing::warn!(
                ic = self.ic.name(),
                unlogged_before = (before > 0).then_some(before),
                "{kind}: {why}"
            );
        }
    }

    /// As [`warn`](Self::warn), for what is no fault.
    pub(super) fn inform(&mut self, kind: &'static str, why: &dyn std::fmt::Display) {
        if self.log.admit(kind).is_some() {
            tracing::info!(ic = self.ic.name(), "{kind}: {why}");
        }
    }

    pub(super) const fn serial(&mut self) -> u64 {
        self.next_serial += 1;
        self.next_serial
    }
}
