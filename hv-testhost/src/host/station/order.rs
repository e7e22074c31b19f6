//! What a station is told and what it tells: orders, options, and where a service stands.

use std::time::Duration;

use hv_utils_core::wire::Agreed;
use tokio::sync::{mpsc, oneshot};

use crate::host::ic::IcOptions;
use crate::host::problem::Problem;
use crate::outcome::Report;
use crate::record::Records;
use crate::verb::Verb;

/// Where a service stands with its guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// No guest has opened the channel.
    Waiting,
    /// The guest has not answered NEGOTIATE yet.
    Negotiating,
    /// Versions are agreed, requests are answered.
    Ready(Agreed),
    /// The guest stopped answering.
    Lost(Agreed),
    /// The guest knows none of the versions on offer.
    NoCommonVersion,
    /// The guest broke a rule over which a real host gives the service up.
    Failed(Problem),
}

/// Something to do on one service.
#[derive(Debug)]
pub(in crate::host) struct Order {
    /// What.
    pub(in crate::host) verb: Verb,
    /// Time for each answer of the guest's; the station's own where absent.
    pub(in crate::host) timeout: Option<Duration>,
    /// Where the report goes; `None` says that no guest is there (any more) to do it with.
    pub(in crate::host) answer: oneshot::Sender<Option<Report>>,
}

/// How a station behaves.
#[derive(Debug, Clone)]
pub(in crate::host) struct StationOptions {
    /// The channel's options.
    pub(in crate::host) ic: IcOptions,
    /// Whether each close of the channel makes a new device of it, as KVP's on a real host.
    pub(in crate::host) reoffer_on_close: bool,
    /// Where packets are written down.
    pub(in crate::host) records: Records,
    /// Where changes are told, a line each.
    pub(in crate::host) events: Option<mpsc::UnboundedSender<String>>,
}
