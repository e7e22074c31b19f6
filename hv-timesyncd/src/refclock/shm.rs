//! NTP's shared memory (driver 28 of ntpd, "SHM" elsewhere): one sample at a time in a segment that both sides attach.
//!
//! The reader makes the segment; this program never does. One that it had made would be owned by its user, and an ntpd or
//! chronyd that AppArmor keeps from other users' segments would then not get its own. By convention units 0 and 1 are made
//! 0600, for programs of root, and 2 and more 0666, for everybody on this machine; so ours is 2. Whoever may write there may
//! tell the daemon any time, which is why chrony is better fed by its socket.
//!
//! The segment is looked up anew for each sample: it may have been removed and made again, and samples come seconds apart.

use std::io;

use hv_utils_core::sys::{SegmentOwner, SysvShm};

use super::{Feed, SECOND, leap_code};

/// Key of unit 0: "NTP0".
const FIRST_KEY: i32 = 0x4e54_5030;

/// Length of a segment where `time_t` has 64 bits.
const BYTES: usize = 96;

/// How long nobody may read before it is an error, ns. Daemons look once a second, at most every few.
const PATIENCE: i64 = 60 * SECOND;

/// Where the words are (`struct shmTime`), each an i32 but for the two counts of seconds. What follows is unused.
mod place {
    /// 1: `count` says whether a sample was changed while it was read.
    pub(super) const MODE: usize = 0;
    /// Odd while a sample is written.
    pub(super) const COUNT: usize = 4;
    /// The host's time: seconds since 1970 (i64), and microseconds of them.
    pub(super) const CLOCK_SECONDS: usize = 8;
    pub(super) const CLOCK_MICROS: usize = 16;
    /// The guest's clock at the same moment.
    pub(super) const RECEIVED_SECONDS: usize = 24;
    pub(super) const RECEIVED_MICROS: usize = 32;
    /// 0 none, 1 inserted, 2 deleted, 3 not synchronised.
    pub(super) const LEAP: usize = 36;
    /// How wrong it may be, as the exponent of 2, in seconds.
    pub(super) const PRECISION: usize = 40;
    /// Set by the writer, cleared by the reader.
    pub(super) const VALID: usize = 48;
    /// Nanoseconds; a reader takes them where they agree with the microseconds.
    pub(super) const CLOCK_NANOS: usize = 52;
    pub(super) const RECEIVED_NANOS: usize = 56;
}

/// Where one NTP daemon takes samples.
#[derive(Debug)]
pub struct SharedClock {
    unit: u8,
    key: i32,
    /// `count` of the last sample, and the guest's clock at the first that nobody has read.
    unread: Option<(i32, i64)>,
}

impl SharedClock {
    /// The unit of the daemon's refclock; need not be there yet.
    #[must_use]
    pub const fn new(unit: u8) -> SharedClock {
        SharedClock { unit, key: FIRST_KEY + unit as i32, unread: None }
    }

    /// Its unit.
    #[must_use]
    pub const fn unit(&self) -> u8 {
        self.unit
    }

    /// Puts a sample where the daemon finds it, in the place of one that it has not read.
    ///
    /// # Errors
    /// `NotFound`: no daemon has made the segment. `PermissionDenied`: it may not be written, or belongs to a user who is
    /// neither root nor this one. `WouldBlock`: the samples of the last minute have not been read; this one is there, too.
    /// `Unsupported`: a program with 32 bits. Others from shmget(2) and shmat(2). Each is a sentence with the unit.
    pub fn feed(&mut self, sample: &Feed) -> io::Result<()> {
        let (segment, owner) =
            self.attach().map_err(|error| io::Error::new(error.kind(), self.sentence(&error)))?;
        if !is_trusted(owner, rustix::process::geteuid().as_raw()) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, self.foreign(owner)));
        }
        let was_read = segment.load_i32(place::VALID) == 0;
        let since = match self.unread {
            Some((count, since)) if !was_read && count == segment.load_i32(place::COUNT) => since,
            _ => sample.real,
        };
        self.unread = Some((write(&segment, sample), since));
        if sample.real.saturating_sub(since) > PATIENCE {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, self.unheard()));
        }
        Ok(())
    }

    fn attach(&self) -> io::Result<(SysvShm, SegmentOwner)> {
        // With 32 bits there are two layouts, by the size of the daemon's time_t.
        if cfg!(not(target_pointer_width = "64")) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let segment = SysvShm::attach_existing(self.key, BYTES)?;
        let owner = segment.owner()?;
        Ok((segment, owner))
    }

    fn sentence(&self, error: &io::Error) -> String {
        let SharedClock { unit, key, .. } = self;
        match error.kind() {
            io::ErrorKind::NotFound => {
                format!(
                    "shared memory of unit {unit} (key {key:#x}) is not there: no NTP daemon with this refclock has run"
                )
            }
            io::ErrorKind::PermissionDenied => format!(
                "shared memory of unit {unit} (key {key:#x}) cannot be written: the NTP daemon made it for its own user (`ipcs -m`)"
            ),
            _ => format!("shared memory of unit {unit} (key {key:#x}): {error}"),
        }
    }

    fn foreign(&self, owner: SegmentOwner) -> String {
        format!(
            "shared memory of unit {} (key {:#x}) is user {}'s, made by user {}, and not root's: not written (`ipcs -m`)",
            self.unit, self.key, owner.uid, owner.creator
        )
    }

    fn unheard(&self) -> String {
        format!("nobody has read shared memory of unit {} (key {:#x}) for a minute", self.unit, self.key)
    }
}

/// Root's or our own, both by who has it and by who has made it, for each may change its mode.
const fn is_trusted(owner: SegmentOwner, me: u32) -> bool {
    (owner.uid == 0 || owner.uid == me) && (owner.creator == 0 || owner.creator == me)
}

/// Writes a sample so that a reader at any moment sees the old one, the new one, or that it has seen a mixture. Returns
/// `count` as it is now.
fn write(segment: &SysvShm, sample: &Feed) -> i32 {
    let host = sample.real.saturating_add(sample.offset);
    // A writer that died in the middle has left it odd.
    let count = segment.load_i32(place::COUNT) & !1;
    segment.store_i32(place::VALID, 0);
    segment.store_i32(place::COUNT, count.wrapping_add(1));
    segment.store_i32(place::MODE, 1);
    segment.store_i64(place::CLOCK_SECONDS, host.div_euclid(SECOND));
    segment.store_i32(place::CLOCK_MICROS, nanos(host) / 1000);
    segment.store_i32(place::CLOCK_NANOS, nanos(host));
    segment.store_i64(place::RECEIVED_SECONDS, sample.real.div_euclid(SECOND));
    segment.store_i32(place::RECEIVED_MICROS, nanos(sample.real) / 1000);
    segment.store_i32(place::RECEIVED_NANOS, nanos(sample.real));
    segment.store_i32(place::LEAP, leap_code(sample.leap));
    segment.store_i32(place::PRECISION, precision(sample.error));
    segment.store_i32(place::COUNT, count.wrapping_add(2));
    segment.store_i32(place::VALID, 1);
    count.wrapping_add(2)
}

/// Nanoseconds of a second.
fn nanos(time: i64) -> i32 {
    i32::try_from(time.rem_euclid(SECOND)).unwrap_or(0)
}

/// Of an error in ns: the exponent of a power of 2 near it, in seconds, from -30 (a nanosecond) to 0.
fn precision(error: i64) -> i32 {
    let bits = i64::BITS - error.max(1).leading_zeros();
    i32::try_from(bits).unwrap_or(0).saturating_sub(30).clamp(-30, 0)
}

#[cfg(test)]
mod tests;
