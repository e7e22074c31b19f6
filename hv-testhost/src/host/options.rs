//! How a host behaves: what an administrator or a test may choose, with the choices of a real host as defaults.
//!
//! Values only; [`super::Host`] acts on them, and what concerns one channel is in `IcOptions`.

use std::path::PathBuf;
use std::time::Duration;

use hv_utils_core::wire::{Ic as IcKind, Version};
use tokio::sync::mpsc;

use super::kvp::items::HostItems;
use super::{IcOptions, Place, TransactionIds};
use crate::record::Records;
use crate::ticks::Ticks;

/// How the host behaves.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// Where guests are met.
    pub place: Place,
    /// Services to offer, of [`super::OFFERABLE`].
    pub ics: Vec<IcKind>,
    /// Message versions to offer instead of a real host's, in the order in which they are sent.
    pub versions: Vec<(IcKind, Vec<Version>)>,
    /// Time to wait for a guest, and for each of its answers.
    pub timeout: Duration,
    /// Transaction ids of requests.
    pub ids: TransactionIds,
    /// What to tell guests about the host; nothing where absent.
    pub host_items: Option<HostItems>,
    /// Whether each close of KVP's channel makes a new device of it.
    pub reoffer_on_close: bool,
    /// Time between heartbeats.
    pub heartbeat_period: Duration,
    /// Time from the answer to a time sample to the next sample; `None`: guests are told the time when a verb says so.
    pub time_period: Option<Duration>,
    /// How far this host's clock is ahead of this machine's, in the times that it sends.
    pub time_offset: Ticks,
    /// Where packets are written down.
    pub records: Records,
    /// Where changes are told, a line each.
    pub events: Option<mpsc::UnboundedSender<String>>,
}

impl HostOptions {
    /// A host that offers KVP over the sim link in `dir` and behaves like a real one.
    pub fn new(dir: impl Into<PathBuf>) -> HostOptions {
        HostOptions::at(Place::sim(dir))
    }

    /// A host that offers KVP and behaves like a real one.
    pub fn at(place: Place) -> HostOptions {
        HostOptions {
            place,
            ics: vec![IcKind::Kvp],
            versions: Vec::new(),
            timeout: Duration::from_secs(10),
            ids: TransactionIds::Zero,
            host_items: Some(HostItems::default()),
            reoffer_on_close: false,
            heartbeat_period: Duration::from_secs(2),
            time_period: Some(Duration::from_secs(5)),
            time_offset: Ticks::default(),
            records: Records::default(),
            events: None,
        }
    }

    /// The options of one service's channel.
    pub fn ic_options(&self, ic: IcKind) -> IcOptions {
        let mut options = IcOptions::real_host(ic);
        options.timeout = self.timeout;
        options.ids = self.ids;
        if let Some((_, versions)) = self.versions.iter().rev().find(|(other, _)| *other == ic) {
            options.offer.message.clone_from(versions);
        }
        options
    }
}

/// Ring size of this host: what hv_utils asks for on 4 KiB pages, 16 KiB with the control page, is the smallest that a
/// guest meets; a KVP message of the IP operations takes half of it.
pub const DEFAULT_RING_BYTES: u32 = 16384;
