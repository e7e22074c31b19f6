//! Where a host meets its guests: over which link, and in which directory.
//!
//! Only the choice and what follows from it for a person; the links themselves are [`crate::sim`] and
//! [`crate::packet`].

use std::path::PathBuf;

use hv_utils_core::wire::Ic;

use super::DEFAULT_RING_BYTES;
use crate::packet::{Contact, PacketPort};
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

    /// What to do where no guest has come, by what is known of a virtual machine's side.
    pub(super) fn hint(&self, ic: Ic, contact: Option<&Contact>) -> String {
        let what = match self {
            Place::Sim { dir, .. } => {
                format!("start the guest's daemon with --channel sim:{}", SimPort::socket(dir, ic).display())
            }
            Place::PacketLink { dir } => {
                let path = PacketPort::socket(dir, ic);
                let path = path.display();
                match contact.map(Contact::is_connected_and_heard) {
                    Some((true, true)) => {
                        format!("the virtual machine answers at {path}: start in it what serves {ic}")
                    }
                    Some((true, false)) => format!(
                        "connected to {path}, but the virtual machine's side does not answer: is another host connected? \
                         It may serve one at a time"
                    ),
                    _ => format!(
                        "start the virtual machine, whose side listens at {path}, and in it what serves {ic}"
                    ),
                }
            }
        };
        format!("{what}, or wait longer with --timeout SECS")
    }
}
