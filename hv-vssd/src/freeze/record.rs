//! The record of one freeze: what is being frozen, how far each filesystem is, and since when.
//!
//! A file in the run directory that daemon and guardian have mapped, so that what one of them has done is known to the
//! other, and to the next start, whichever instruction it died at. Every step of a filesystem is one exchange of its state:
//! of two who would thaw it one does. Numbers are little-endian, times µs unless they say otherwise.
//!
//! ```text
//!    0  "HVFROZEN"    8 version   12 filesystems   16 origin (1 host, 2 bus)   20 closed: nothing more is to be frozen
//!   24 ended by (0: nobody yet, 1 deadline, 2 guardian)   32 begun (CLOCK_REALTIME)   40 deadline, 48 first freeze (ns, CLOCK_MONOTONIC)
//!   64 boot id, 36 characters   104 start, 108 length of the names   256 filesystems, 64 bytes each, then the names
//!  + 0 state    + 4 error    + 8 major  + 12 minor  + 16 number of the mount (u64)  + 24 level
//!  +28 name at  +32 bytes of the mount point  +36 bytes of the type, which follows it
//!  +40 sync     +44 freeze, how long   +48 frozen, +52 thawed: since the first freeze
//! ```

mod compose;
mod filesystem;
mod step;

pub use filesystem::{Named, Times};
pub use step::Step;

use crate::plan::Entry;
use crate::report::Origin;
use compose::compose;
use hv_utils_core::sys::{LockKind, SharedMemory, try_ofd_lock};
use hv_utils_core::wire::ring::RingMemory;
use rustix::fs::{Mode, OFlags, open};
use rustix::time::{ClockId, clock_gettime};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{Ordering::SeqCst, fence};
use std::time::Duration;

const MAGIC: [u8; 8] = *b"HVFROZEN";
const VERSION: u32 = 1;
const HEADER: usize = 256;
const SLOT: usize = 64;
/// Most filesystems of one freeze: more than anybody has mounted, and a bound for what a file may claim.
pub(crate) const MOST: usize = 4096;
const MOST_BYTES: u64 = 64 << 20;
const BOOT_ID_BYTES: usize = 36;

/// Who ended a freeze before it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Ended {
    /// The deadline.
    Deadline = 1,
    /// The guardian, because it was told to end or the daemon had died.
    Guardian = 2,
}

impl Ended {
    /// The same as a sentence.
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            Ended::Deadline => "it was frozen for as long as it may be",
            Ended::Guardian => "the guardian was told to end, or was killed",
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Record {
    memory: SharedMemory,
    file: File,
    count: usize,
}

impl Record {
    /// Writes the record of a freeze of `entries` (at most 4096) into `path`, whole, and locks it. A reader sees the
    /// old one or this one.
    ///
    /// # Errors
    /// The run directory cannot be written to.
    pub fn create(
        path: &Path,
        entries: &[Entry],
        origin: Origin,
        now_us: u64,
        boot_id: &str,
    ) -> io::Result<Record> {
        let temporary = path.with_extension("new");
        let _ = fs::remove_file(&temporary);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(open(&temporary, flags, Mode::RUSR | Mode::WUSR)?);
        // Written and not only made long: its pages have to be there before anything is frozen.
        let content = compose(entries, origin, now_us, boot_id);
        rustix::io::pwrite(&file, &content, 0).map_err(io::Error::from).and_then(|written| {
            if written == content.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
        })?;
        let record = Record::map(file)?;
        try_ofd_lock(&record.file, LockKind::Exclusive)?;
        fs::rename(&temporary, path)?;
        Ok(record)
    }

    /// Opens a record that somebody has left.
    ///
    /// # Errors
    /// There is none (`NotFound`), or it makes no sense (`InvalidData`).
    pub fn open(path: &Path) -> io::Result<Record> {
        let file = open(path, OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        Record::map(File::from(file))
    }

    /// Maps a record that was handed over.
    ///
    /// # Errors
    /// It makes no sense (`InvalidData`).
    pub fn from_descriptor(descriptor: OwnedFd) -> io::Result<Record> {
        Record::map(File::from(descriptor))
    }

    fn map(file: File) -> io::Result<Record> {
        let bytes = file.metadata()?.len();
        if bytes < HEADER as u64 || bytes > MOST_BYTES || !bytes.is_multiple_of(8) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a record of a freeze has another length",
            ));
        }
        let memory = SharedMemory::map(&file, 0, bytes as usize)?;
        let mut magic = [0; 8];
        memory.read(0, &mut magic);
        let count = memory.load(12) as usize;
        if magic != MAGIC
            || memory.load(8) != VERSION
            || count > MOST
            || HEADER + count * SLOT > bytes as usize
        {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no record of a freeze"));
        }
        Ok(Record { memory, file, count })
    }

    /// How many filesystems it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The file, to be handed over.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Takes the lock that daemon and guardian hold as long as one of them lives; `false` if one does.
    ///
    /// # Errors
    /// What the kernel reports.
    pub fn try_lock(&self) -> io::Result<bool> {
        try_ofd_lock(&self.file, LockKind::Exclusive)
    }

    /// Who asked for the freeze.
    #[must_use]
    pub fn origin(&self) -> Origin {
        if self.memory.load(16) == 2 { Origin::Bus } else { Origin::Host }
    }

    /// When it began: µs since 1970.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.double(32)
    }

    /// Whether it is of the boot with this id.
    #[must_use]
    pub fn is_of_boot(&self, boot_id: &str) -> bool {
        let mut text = [0; BOOT_ID_BYTES];
        self.memory.read(64, &mut text);
        text == boot_id.as_bytes()
    }

    /// From now on nothing more is frozen under this record.
    pub fn close(&self) {
        self.memory.exchange(20, 0, 1);
        // What is loaded after this is not older than this.
        fence(SeqCst);
    }

    /// Whether [`close`](Self::close) was called, as of this moment for all who exchange states.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        // An exchange of nothing for nothing: it is ordered with the others, a load is not.
        !self.memory.exchange(20, 0, 0)
    }

    /// Remembers who ended the freeze, if nobody has.
    pub fn end(&self, by: Ended) {
        self.memory.exchange(24, 0, by as u32);
    }

    /// Who ended the freeze before it was asked for.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        match self.memory.load(24) {
            1 => Some(Ended::Deadline),
            2 => Some(Ended::Guardian),
            _ => None,
        }
    }

    /// The first filesystem begins to freeze now, and all are thawed at `deadline` at the latest.
    pub fn start(&self, deadline: Duration) {
        self.put_double(40, nanos(deadline));
        self.put_double(48, nanos(monotonic()));
    }

    /// When the first filesystem began to freeze, since the machine started; `None` if none has.
    #[must_use]
    pub fn started(&self) -> Option<Duration> {
        Some(self.double(48)).filter(|nanos| *nanos != 0).map(Duration::from_nanos)
    }

    fn double(&self, at: usize) -> u64 {
        let mut bytes = [0; 8];
        self.memory.read(at, &mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn put_double(&self, at: usize, value: u64) {
        self.memory.write(at, &value.to_le_bytes());
    }

    /// Bytes from anywhere; fewer where the file ends.
    fn bytes(&self, at: usize, bytes: usize) -> Vec<u8> {
        let end = at.saturating_add(bytes).min(self.memory.len());
        let first = (at / 8 * 8).min(end);
        let mut out = vec![0; end - first];
        self.memory.read(first, &mut out);
        out.split_off((at - first).min(end - first))
    }
}

/// The time since the machine started (CLOCK_MONOTONIC), by which deadlines are kept.
pub(crate) fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    let (seconds, nanos) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
