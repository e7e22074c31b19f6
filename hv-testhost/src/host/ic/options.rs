//! How the host behaves on a channel, and why it has no answer.
//!
//! Values only; [`super::Ic`] acts on them.

use std::time::Duration;

use hv_utils_core::wire::negotiate::Offer;
use hv_utils_core::wire::{self, Version};

use crate::host::problem::Problem;

/// IC transaction id that no ordinary request carries.
pub(crate) const PROBE_ID: u8 = 0xee;

/// Which transaction ids requests carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransactionIds {
    /// Always 0 in both places, as Microsoft's open-source host does.
    #[default]
    Zero,
    /// Another one for each request, which shows whether a guest echoes them.
    Rising,
}

/// How the host behaves on a channel.
#[derive(Debug, Clone)]
pub struct IcOptions {
    /// Versions on offer, in the order in which they are sent.
    pub offer: Offer,
    /// Time for one answer.
    pub timeout: Duration,
    /// Transaction ids of requests. NEGOTIATE always carries 0.
    pub ids: TransactionIds,
}

impl IcOptions {
    /// What a real host offers for `ic`, oldest first; 10 seconds for an answer.
    pub fn real_host(ic: wire::Ic) -> IcOptions {
        let offer = Offer { framework: FRAMEWORK.to_vec(), message: offered(ic).to_vec() };
        IcOptions { offer, timeout: Duration::from_secs(10), ids: TransactionIds::Zero }
    }
}

/// Framework versions that hosts offer, oldest first.
const FRAMEWORK: [Version; 2] = [Version::new(1, 0), Version::new(3, 0)];

/// Message versions that hosts offer for `ic`, oldest first.
fn offered(ic: wire::Ic) -> &'static [Version] {
    const fn v(major: u16, minor: u16) -> Version {
        Version::new(major, minor)
    }
    match ic {
        wire::Ic::Heartbeat => const { &[v(1, 0), v(3, 0)] },
        wire::Ic::Kvp => const { &[v(3, 0), v(4, 0), v(5, 0)] },
        wire::Ic::Shutdown => const { &[v(1, 0), v(3, 0), v(3, 1), v(3, 2)] },
        wire::Ic::TimeSync => const { &[v(4, 0)] },
        wire::Ic::Vss => const { &[v(4, 0), v(5, 0), v(6, 0), v(7, 0)] },
        wire::Ic::FileCopy => const { &[v(1, 1)] },
    }
}

/// Why there is no answer to use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IcError {
    /// The guest said nothing in time.
    #[error("no answer from the guest within {0:?}")]
    NoAnswer(Duration),
    /// The guest did not read: the ring stayed full.
    #[error("the guest took nothing out of the ring within {0:?}")]
    NotRead(Duration),
    /// The channel is closed.
    #[error("the guest closed the channel")]
    Closed,
    /// Nothing is agreed on this channel.
    #[error("nothing has been negotiated on this channel")]
    NotNegotiated,
    /// The guest knows none of the versions on offer.
    #[error("the guest found no common version")]
    NoCommonVersion,
    /// The guest broke a rule over which a real host gives the service up.
    #[error(
        "the guest broke the protocol: {0}; the service stays down until the guest opens the channel anew"
    )]
    Dead(Problem),
    /// The link failed on our side.
    #[error("{0}")]
    Link(String),
}
