//! Backup (VSS): requests and replies, the same for the raw channel and the kernel's char device.
//!
//! Both begin with the operation; what a reply adds is one word at the same offset. What a freeze is to freeze (backup
//! type, logical units) is shape only: a Linux guest freezes all it has. From Linux `include/uapi/linux/hyperv.h` and
//! `drivers/hv/hv_snapshot.c`, and OpenVMM `hyperv_ic_protocol/src/vss.rs`, whose message header is 7 bytes too long.

use super::{Status, Version};
use core::fmt;
use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of a message of `/dev/vmbus/hv_vss`, exact in both directions: operation (1), reserved (7), flags (4).
pub const CHARDEV_BYTES: usize = 12;
/// Logical units that a message has room for.
pub const MAX_UNITS: usize = 260;
/// Bytes of one logical unit: bus type (1), reserved (3), controller GUID (16), port, target, lun, reserved.
pub const UNIT_BYTES: usize = 24;
/// Bytes of the body of a FREEZE: operation and reserved, backup type, flags, count, units.
pub const FREEZE_BYTES: usize = 8 + 12 + MAX_UNITS * UNIT_BYTES;
/// Bytes of the body of an AUTO_RECOVER: as FREEZE, and a second list of units.
pub const AUTO_RECOVER_BYTES: usize = FREEZE_BYTES + MAX_UNITS * UNIT_BYTES;
/// Flags of the answer to a check: the guest recovers nothing by itself (`VSS_HBU_NO_AUTO_RECOVERY`). What its two bits
/// mean one by one is not known.
pub const NO_AUTO_RECOVERY: u32 = 5;

/// First version that has a freeze and a thaw; what older hosts call a backup is not known to any Linux guest.
pub const FREEZES: Version = Version::new(5, 0);

const GUID_BYTES: usize = 16;
/// Where a GUID, flags or a backup type stand.
const BODY: usize = 8;
/// QUERY_GUEST_CLUSTER_INFORMATION: cluster GUID, its size, count of units, units, a status for each.
const CLUSTER_BYTES: usize = BODY + GUID_BYTES + 8 + MAX_UNITS * UNIT_BYTES + MAX_UNITS * 4;

/// What all messages begin with.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Short {
    operation: u8,
    reserved: [u8; 7],
    /// Flags; of FREEZE the backup type, of CREATE and the cluster query the beginning of a GUID.
    word: U32,
}

const _: () = assert!(size_of::<Short>() == CHARDEV_BYTES);
const _: () = assert!(FREEZE_BYTES == 6260 && AUTO_RECOVER_BYTES == 12500);

/// An operation; open, because a host may send any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operation(pub u8);

impl Operation {
    /// A snapshot set is made.
    pub const CREATE: Self = Self(0);
    /// A snapshot set is gone.
    pub const DELETE: Self = Self(1);
    /// Can the guest be backed up while it runs?
    pub const HOT_BACKUP: Self = Self(2);
    /// Which of its disks does the guest reach past the host?
    pub const GET_DM_INFO: Self = Self(3);
    /// The backup is complete; 4.0.
    pub const BACKUP_COMPLETE: Self = Self(4);
    /// Freeze; 5.0.
    pub const FREEZE: Self = Self(5);
    /// Thaw; 5.0.
    pub const THAW: Self = Self(6);
    /// Recover what a snapshot holds; 5.0. Not for a guest that has said [`NO_AUTO_RECOVERY`].
    pub const AUTO_RECOVER: Self = Self(7);
    /// Is the guest a member of a cluster, and of which; 6.0.
    pub const QUERY_CLUSTER: Self = Self(8);

    /// What the protocol calls it; `None` for a number that is not known.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::CREATE => "CREATE",
            Self::DELETE => "DELETE",
            Self::HOT_BACKUP => "HOT_BACKUP",
            Self::GET_DM_INFO => "GET_DM_INFO",
            Self::BACKUP_COMPLETE => "BU_COMPLETE",
            Self::FREEZE => "FREEZE",
            Self::THAW => "THAW",
            Self::AUTO_RECOVER => "AUTO_RECOVER",
            Self::QUERY_CLUSTER => "QUERY_GUEST_CLUSTER_INFORMATION",
            _ => return None,
        })
    }

    /// Bytes of the body without which a message of it makes no sense. Lists of units may be cut: they are not used.
    const fn needs(self) -> usize {
        match self {
            Self::CREATE | Self::DELETE => BODY + GUID_BYTES,
            Self::QUERY_CLUSTER => CLUSTER_BYTES,
            Self::FREEZE | Self::AUTO_RECOVER => BODY + 12,
            _ => CHARDEV_BYTES,
        }
    }

    /// The first message version that has it.
    const fn since(self) -> Version {
        match self {
            Self::FREEZE | Self::THAW | Self::AUTO_RECOVER => FREEZES,
            Self::QUERY_CLUSTER => Version::new(6, 0),
            _ => Version::new(1, 0),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "operation {}", self.0),
        }
    }
}

/// Why a message is not a request that can be served. All are answered by [`Status::FAIL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It ends too soon.
    #[error("{operation} needs {needed} bytes, the message has {actual}")]
    TooShort {
        /// What it wants to be.
        operation: Operation,
        /// Bytes of the body.
        needed: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// It has no first byte.
    #[error("the message is empty")]
    Empty,
    /// No known operation, or none of the version agreed on.
    #[error("{0} is not known in this version")]
    Operation(Operation),
}

impl Problem {
    /// What the host is answered.
    #[must_use]
    pub const fn status(self) -> Status {
        Status::FAIL
    }
}

/// Reads the body of a message of the raw channel: the operation, if the message is whole.
///
/// # Errors
/// See [`Problem`].
pub fn parse(body: &[u8], version: Version) -> Result<Operation, Problem> {
    let operation = Operation(*body.first().ok_or(Problem::Empty)?);
    if operation.name().is_none() || version < operation.since() {
        return Err(Problem::Operation(operation));
    }
    let (needed, actual) = (operation.needs(), body.len());
    if actual < needed { Err(Problem::TooShort { operation, needed, actual }) } else { Ok(operation) }
}

/// Reads a message of `/dev/vmbus/hv_vss`, on which the kernel forwards three operations.
///
/// # Errors
/// See [`Problem`].
pub fn parse_chardev(message: &[u8]) -> Result<Operation, Problem> {
    let operation = Operation(*message.first().ok_or(Problem::Empty)?);
    let (needed, actual) = (CHARDEV_BYTES, message.len());
    if actual < needed {
        return Err(Problem::TooShort { operation, needed, actual });
    }
    match operation {
        Operation::HOT_BACKUP | Operation::FREEZE | Operation::THAW => Ok(operation),
        _ => Err(Problem::Operation(operation)),
    }
}

/// Puts what a reply adds into the request's message: flags of a check and of the direct-mapped devices (none); no
/// cluster. All else stays as the host sent it. Nothing is written where the message is too short for it.
pub fn fill(operation: Operation, message: &mut [u8]) {
    let flags = match operation {
        Operation::HOT_BACKUP => NO_AUTO_RECOVERY,
        Operation::GET_DM_INFO => 0,
        Operation::QUERY_CLUSTER => {
            if let Some(answer) = message.get_mut(BODY..CLUSTER_BYTES) {
                // No cluster: no id, no members; and nothing to say about any unit.
                let (identity, rest) = answer.split_at_mut(GUID_BYTES + 4);
                identity.fill(0);
                let statuses = rest.len() - MAX_UNITS * 4;
                rest[statuses..].fill(0);
            }
            return;
        }
        _ => return,
    };
    if let Ok((short, _)) = Short::mut_from_prefix(message) {
        short.word = flags.into();
    }
}

#[cfg(test)]
mod tests;
