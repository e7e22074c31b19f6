//! Time synchronization: the two layouts of a host's time, and what its number means in Unix time.
//!
//! Whether a time is used, and for what, is the daemon's. An answer adds nothing: the request goes back as it came. From
//! Linux `include/linux/hyperv.h` and `drivers/hv/hv_util.c`, and OpenVMM `hyperv_ic_protocol`, whose lengths are those of
//! [`encode`]; Linux sends and expects less at the end.

use super::{Status, Version};
use alloc::vec::Vec;
use core::mem::offset_of;
use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Flag: set the clock to this time (`ICTIMESYNCFLAG_SYNC`). A message with neither flag is a probe.
pub const SYNC: u8 = 1;
/// Flag: take note of this time (`ICTIMESYNCFLAG_SAMPLE`).
pub const SAMPLE: u8 = 2;
/// First version that has the reference counter, the leap indicator and the stratum.
pub const REFERENCE: Version = Version::new(4, 0);
/// Ticks of 100 ns from 1601-01-01, where the host's time begins, to 1970-01-01, both 00:00:00 UTC.
pub const UNIX_EPOCH: u64 = 116_444_736_000_000_000;

/// Nanoseconds of a tick.
const TICK_NS: i64 = 100;
/// Bytes that a host sends before 4.0, and since.
const OLDER_BYTES: usize = 28;
const NEWER_BYTES: usize = 24;

/// Before 4.0: payload offsets 28 to 52. What the guest once put in is not used by anybody.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Older {
    parent_time: U64,
    child_time: U64,
    round_trip_time: U64,
    flags: u8,
}

/// Since 4.0: payload offsets 28 to 46.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Newer {
    parent_time: U64,
    reference: U64,
    flags: u8,
    leap: u8,
    stratum: u8,
}

const _: () = assert!(size_of::<Older>() == 25 && offset_of!(Older, flags) == 52 - super::HEADER_BYTES);
const _: () = assert!(size_of::<Newer>() == 19 && offset_of!(Newer, flags) == 44 - super::HEADER_BYTES);
const _: () = assert!(offset_of!(Newer, reference) == 8 && offset_of!(Newer, stratum) == 18);
const _: () = assert!(size_of::<Older>() <= OLDER_BYTES && size_of::<Newer>() <= NEWER_BYTES);

/// A time of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeMessage {
    /// The host's time: ticks of 100 ns since 1601-01-01 00:00:00 UTC, without leap seconds.
    pub parent_time: u64,
    /// The partition's reference counter at that time, in ticks of 100 ns; `None` before 4.0.
    pub reference: Option<u64>,
    /// [`SYNC`], [`SAMPLE`], both, or neither; other bits are not known to mean anything.
    pub flags: u8,
    /// Leap indicator as in NTP: 0 none, 1 a second more, 2 one less, 3 not synchronised. 0 before 4.0.
    pub leap: u8,
    /// Stratum as in NTP; hosts are known to send 0. 0 before 4.0.
    pub stratum: u8,
}

impl TimeMessage {
    /// Whether the host wants nothing but an answer.
    #[must_use]
    pub const fn is_probe(&self) -> bool {
        self.flags & (SYNC | SAMPLE) == 0
    }
}

/// Why a message is no time. Answered by [`Status::FAIL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It ends before its flags, or before its stratum.
    #[error("a time of version {version} needs {needed} bytes, the message has {actual}")]
    TooShort {
        /// Version agreed on.
        version: Version,
        /// Bytes of the body.
        needed: usize,
        /// Bytes there are.
        actual: usize,
    },
}

impl Problem {
    /// What the host is answered.
    #[must_use]
    pub const fn status(self) -> Status {
        Status::FAIL
    }
}

/// Reads the body of a message of the version agreed on. What follows the fields is reserved and not looked at.
///
/// # Errors
/// See [`Problem`].
pub fn parse(body: &[u8], version: Version) -> Result<TimeMessage, Problem> {
    let short = |needed| Problem::TooShort { version, needed, actual: body.len() };
    if version < REFERENCE {
        let (older, _) = Older::ref_from_prefix(body).map_err(|_| short(size_of::<Older>()))?;
        let parent_time = older.parent_time.get();
        return Ok(TimeMessage { parent_time, flags: older.flags, ..TimeMessage::default() });
    }
    let (newer, _) = Newer::ref_from_prefix(body).map_err(|_| short(size_of::<Newer>()))?;
    Ok(TimeMessage {
        parent_time: newer.parent_time.get(),
        reference: Some(newer.reference.get()),
        flags: newer.flags,
        leap: newer.leap,
        stratum: newer.stratum,
    })
}

/// The body of a host's message: 24 bytes since 4.0, 28 before, where what that version does not have is left out. No
/// reference counter is sent as 0.
#[must_use]
pub fn encode(message: &TimeMessage, version: Version) -> Vec<u8> {
    let (mut body, flags) = (Vec::with_capacity(OLDER_BYTES), message.flags);
    let parent_time = message.parent_time.into();
    if version < REFERENCE {
        let zero = U64::ZERO;
        let older = Older { parent_time, child_time: zero, round_trip_time: zero, flags };
        body.extend_from_slice(older.as_bytes());
        body.resize(OLDER_BYTES, 0);
    } else {
        let reference = message.reference.unwrap_or(0).into();
        let newer = Newer { parent_time, reference, flags, leap: message.leap, stratum: message.stratum };
        body.extend_from_slice(newer.as_bytes());
        body.resize(NEWER_BYTES, 0);
    }
    body
}

/// A host's time in nanoseconds since 1970-01-01 00:00:00 UTC, negative before. `None` where such a number cannot say it:
/// before 1677-09-21 and after 2262-04-11.
#[must_use]
pub fn unix_nanos(parent_time: u64) -> Option<i64> {
    let ticks = i128::from(parent_time) - i128::from(UNIX_EPOCH);
    i64::try_from(ticks * i128::from(TICK_NS)).ok()
}

/// The host's time for nanoseconds since 1970-01-01 00:00:00 UTC: the last tick that is not after them. Every such number
/// has one, as they begin after the year 1601.
#[must_use]
pub const fn parent_time(unix_nanos: i64) -> u64 {
    UNIX_EPOCH.saturating_add_signed(unix_nanos.div_euclid(TICK_NS))
}

#[cfg(test)]
mod tests;
