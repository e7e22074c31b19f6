//! The host's time from the kernel's driver: the PTP clock "hyperv", where hv_utils keeps the channel.
//!
//! The driver takes the last sample of the host and adds what the reference counter has counted since, so its reading
//! is not late. It refuses one whose sample is older than 600 s (`ESTALE`, `hv_get_adj_host_time` in
//! `drivers/hv/hv_util.c`); kernels before 5.10 do not. Before the first sample it counts from 1601, which in its unsigned
//! arithmetic is the year 2185, and does so without an error in the first 600 s of the machine.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::time::{DynamicClockId, clock_gettime_dynamic};

use super::look::{Clocks, LOOKS, Machine, nanoseconds};
use crate::sample::Reading;

/// What the driver shows where the host's time is 0 (1601-01-01): `(0 - 116444736000000000) * 100` in 64 bits without sign, taken
/// for a signed one. Times from there on are no host's; in ns since 1970, July 2185.
const NO_SAMPLE: i64 = 0_u64.wrapping_sub(116_444_736_000_000_000).wrapping_mul(100).cast_signed();
/// What the driver calls its clock.
const NAME: &str = "hyperv";
/// The link that udev makes (systemd 248 and later).
const LINK: &str = "ptp_hyperv";

/// The host's time, and the guest's clocks at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PtpReading {
    /// The host's time, ns since 1970.
    pub host: i64,
    /// The guest's clocks then. All three are apart by at most half its width.
    pub received: Reading,
}

/// Why there is no reading.
#[derive(Debug, thiserror::Error)]
pub enum PtpError {
    /// The last sample is older than 600 s, or there was none yet. There will be one when the host sends it.
    #[error("the kernel has no time from the host yet, or none of the last ten minutes")]
    Stale,
    /// The driver has gone: the channel was taken from hv_utils. The clock must be looked for anew.
    #[error("the kernel's PTP clock of the host is gone")]
    Gone,
    /// Anything else; none is known.
    #[error("cannot read the kernel's PTP clock of the host: {0}")]
    Other(#[source] io::Error),
}

impl From<Errno> for PtpError {
    fn from(error: Errno) -> Self {
        match error {
            Errno::STALE => PtpError::Stale,
            Errno::NODEV | Errno::NXIO | Errno::NOENT => PtpError::Gone,
            other => PtpError::Other(other.into()),
        }
    }
}

/// Where the clock's node is, if there is one. `sysfs_root` (`/sys`) says which of the PTP clocks is the host's,
/// `dev_root` (`/dev`) has the nodes.
#[must_use]
pub fn look(sysfs_root: &Path, dev_root: &Path) -> Option<PathBuf> {
    let clocks = fs::read_dir(sysfs_root.join("class/ptp")).ok()?;
    let is_host = |directory: &Path| {
        fs::read_to_string(directory.join("clock_name")).is_ok_and(|name| name.trim_end() == NAME)
    };
    let clock = clocks.flatten().map(|entry| entry.path()).find(|path| is_host(path))?;
    // The kernel's own name first: a link may have been left behind.
    let names = [clock.file_name()?, OsStr::new(LINK)];
    names.into_iter().map(|name| dev_root.join(name)).find(|node| node.exists())
}

/// See the module.
#[derive(Debug)]
pub struct PtpClock {
    node: OwnedFd,
}

impl PtpClock {
    /// Opens the clock that [`look`] has found; to read, so it cannot be set by mistake.
    ///
    /// # Errors
    /// [`PtpError::Gone`], or that it may not be opened: the node is root's where no udev rule gives it to this program.
    pub fn open(node: &Path) -> Result<Self, PtpError> {
        Ok(Self { node: open(node, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())? })
    }

    /// The host's time now; the narrowest of five looks.
    ///
    /// # Errors
    /// See [`PtpError`].
    pub fn read(&self) -> Result<PtpReading, PtpError> {
        let clock = DynamicClockId::Dynamic(self.node.as_fd());
        narrowest(&Machine, || Ok(nanoseconds(clock_gettime_dynamic(clock)?)))
    }
}

/// The narrowest of [`LOOKS`] looks: raw, host, raw, real, raw. The host's time belongs to the middle between the first two, and
/// the real time is taken back to there.
fn narrowest(
    clocks: &impl Clocks,
    mut host: impl FnMut() -> rustix::io::Result<i64>,
) -> Result<PtpReading, PtpError> {
    let mut look = || -> Result<PtpReading, PtpError> {
        let first = clocks.raw();
        let host = host()?;
        let second = clocks.raw();
        let real = clocks.real();
        let third = clocks.raw();
        if !(1..NO_SAMPLE).contains(&host) {
            return Err(PtpError::Stale);
        }
        let raw = first + (second - first) / 2;
        let later = second + (third - second) / 2 - raw;
        Ok(PtpReading { host, received: Reading { raw, real: real - later, width: third - first } })
    };
    let mut best = look()?;
    for _ in 1..LOOKS {
        let other = look()?;
        if other.received.width < best.received.width {
            best = other;
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests;
