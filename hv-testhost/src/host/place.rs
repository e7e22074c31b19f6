//! Where a host meets its guests: over which link, and in which directory.
//!
//! Only the choice and what follows from it for a person; the links themselves are [`crate::sim`] and
//! [`crate::packet`].

use std::path::PathBuf;

use hv_utils_core::wire::Ic;

use super::DEFAULT_RING_BYTES;
use crate::packet::PacketPort;
use crate::sim::SimPort;

/// Where a host meets its guests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Rings in shared memory: listens at `NAME.sock` for the guest's daemons.
    Sim {
        /// Directory for the sockets.
        dir: PathBuf,
        /// Bytes of one ring with its 4096-byte control page: a multiple of 4096, at least 8192.
        ring_bytes: u32,
    },
    /// Packets of a virtual machine, whose side listens at `NAME.sock`.
    PacketLink {
        /// Directory of the sockets.
        dir: PathBuf,
    },
}

impl Place {
    /// The sim link in `dir`, with rings of the default size.
    pub fn sim(dir: impl Into<PathBuf>) -> Place {
        Place::Sim { dir: dir.into(), ring_bytes: DEFAULT_RING_BYTES }
    }

    /// The packet link in `dir`.
    pub fn packet_link(dir: impl Into<PathBuf>) -> Place {
        Place::PacketLink { dir: dir.into() }
    }

    /// What to do where no guest has come.
    pub(super) fn hint(&self, ic: Ic) -> String {
        let what = match self {
            Place::Sim { dir, .. } => {
                format!("start the guest's daemon with --channel sim:{}", SimPort::socket(dir, ic).display())
            }
            Place::PacketLink { dir } => format!(
                "start the virtual machine, whose side listens at {}, and in it what serves {ic}",
                PacketPort::socket(dir, ic).display()
            ),
        };
        format!("{what}, or wait longer with --timeout SECS")
    }
}
