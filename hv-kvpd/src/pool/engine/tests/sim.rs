//! A disk that can be cut off at any call, in the two ways that matter.
//!
//! After a kill the page cache survives: every call that returned has happened, the one under way perhaps in part.
//! After a power cut each sector of a file holds any of the contents it had since the last sync, and the file has any
//! of its lengths since then.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rustix::io::Errno;

use crate::pool::medium::{FileId, Medium, Stat};

const SECTOR: usize = 512;

/// What may go wrong at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing more happens from this call on; a write gets this many bytes through.
    Cut(usize),
    /// This call alone fails, as on a full or broken disk; a write gets this many bytes through first.
    Fail(Errno, usize),
    /// From this call on every call fails so.
    FailAll(Errno),
}

#[derive(Debug, Default)]
struct Clock {
    calls: Cell<usize>,
    trouble: Cell<Option<(usize, Trouble)>>,
    dead: Cell<Option<Errno>>,
}

impl Clock {
    /// Counts a call; tells what happens to it.
    fn tick(&self) -> Result<Option<Trouble>, Errno> {
        if let Some(errno) = self.dead.get() {
            return Err(errno);
        }
        let call = self.calls.get();
        self.calls.set(call + 1);
        let trouble = self.trouble.get().filter(|(at, _)| *at == call).map(|(_, trouble)| trouble);
        match trouble {
            Some(Trouble::Cut(_)) => self.dead.set(Some(Errno::IO)),
            Some(Trouble::FailAll(errno)) => self.dead.set(Some(errno)),
            _ => {}
        }
        Ok(trouble)
    }
}

/// One file: every content since the last sync, the first being the synced one.
#[derive(Debug, Clone)]
pub(crate) struct SimFile {
    versions: Rc<RefCell<Vec<Vec<u8>>>>,
    clock: Rc<Clock>,
    id: FileId,
}

/// Pool and journal on one disk.
#[derive(Debug, Clone)]
pub(crate) struct SimDisk {
    pub(crate) pool: SimFile,
    pub(crate) journal: SimFile,
    clock: Rc<Clock>,
}

/// A small repeatable generator (splitmix64).
pub(crate) fn next_random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *seed;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl SimDisk {
    pub(crate) fn new(pool: Vec<u8>, journal: Vec<u8>) -> SimDisk {
        let clock = Rc::new(Clock::default());
        let file = |inode, bytes| SimFile {
            versions: Rc::new(RefCell::new(vec![bytes])),
            clock: Rc::clone(&clock),
            id: FileId { device: 1, inode, born: (7, 7) },
        };
        SimDisk { pool: file(10, pool), journal: file(11, journal), clock: Rc::clone(&clock) }
    }

    /// Lets something go wrong at the call with this number, counted from now.
    pub(crate) fn trouble_at(&self, call: usize, trouble: Trouble) {
        self.clock.calls.set(0);
        self.clock.trouble.set(Some((call, trouble)));
    }

    /// True once a cut has come.
    pub(crate) fn is_dead(&self) -> bool {
        self.clock.dead.get().is_some()
    }

    /// The disk as the next process of the same boot finds it.
    pub(crate) fn after_kill(&self) -> SimDisk {
        SimDisk::new(self.pool.bytes(), self.journal.bytes())
    }

    /// The disk as the next boot finds it; `seed` decides what had reached it.
    pub(crate) fn after_power_cut(&self, mut seed: u64) -> SimDisk {
        let pool = self.pool.scattered(&mut seed);
        SimDisk::new(pool, self.journal.scattered(&mut seed))
    }
}

impl SimFile {
    /// The content as any program sees it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.versions.borrow().last().expect("a file always has a content").clone()
    }

    /// Another program changes the file; it is on the disk at once.
    pub(crate) fn overwrite(&self, bytes: Vec<u8>) {
        *self.versions.borrow_mut() = vec![bytes];
    }

    /// The file becomes another one.
    pub(crate) fn with_id(mut self, id: FileId) -> SimFile {
        self.id = id;
        self
    }

    fn scattered(&self, seed: &mut u64) -> Vec<u8> {
        let versions = self.versions.borrow();
        let pick = |seed: &mut u64| &versions[(next_random(seed) % versions.len() as u64) as usize];
        let len = pick(seed).len();
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let (start, end) = (bytes.len(), len.min(bytes.len() + SECTOR));
            let source = pick(seed);
            let known = source.get(start..end.min(source.len())).unwrap_or_default();
            bytes.extend_from_slice(known);
            bytes.resize(end, 0);
        }
        bytes
    }

    fn change(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut next = self.bytes();
        change(&mut next);
        self.versions.borrow_mut().push(next);
    }

    fn put(&self, data: &[u8], offset: usize) {
        if data.is_empty() {
            return;
        }
        self.change(|bytes| {
            bytes.resize(bytes.len().max(offset + data.len()), 0);
            bytes[offset..offset + data.len()].copy_from_slice(data);
        });
    }
}

impl Medium for SimFile {
    fn read_at(&self, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
        self.clock.dead.get().map_or(Ok(()), Err)?;
        let versions = self.versions.borrow();
        let rest = versions.last().and_then(|bytes| bytes.get(offset as usize..)).unwrap_or_default();
        let len = rest.len().min(out.len());
        out[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, data: &[u8], offset: u64) -> Result<usize, Errno> {
        match self.clock.tick()? {
            None => self.put(data, offset as usize),
            Some(Trouble::Cut(through)) => {
                self.put(&data[..through.min(data.len())], offset as usize);
                return Err(Errno::IO);
            }
            Some(Trouble::Fail(errno, 0) | Trouble::FailAll(errno)) => return Err(errno),
            Some(Trouble::Fail(_, through)) => {
                // A short write; the error comes with the next call.
                self.put(&data[..through.min(data.len())], offset as usize);
                let next = (self.clock.calls.get(), Trouble::Fail(Errno::NOSPC, 0));
                self.clock.trouble.set(Some(next));
                return Ok(through.min(data.len()));
            }
        }
        Ok(data.len())
    }

    fn set_len(&self, len: u64) -> Result<(), Errno> {
        match self.clock.tick()? {
            None => {
                self.change(|bytes| bytes.resize(len as usize, 0));
                Ok(())
            }
            Some(Trouble::Cut(_)) => Err(Errno::IO),
            Some(Trouble::Fail(errno, _) | Trouble::FailAll(errno)) => Err(errno),
        }
    }

    fn sync(&self) -> Result<(), Errno> {
        match self.clock.tick()? {
            None => {
                let now = self.bytes();
                self.overwrite(now);
                Ok(())
            }
            Some(Trouble::Cut(_)) => Err(Errno::IO),
            Some(Trouble::Fail(errno, _) | Trouble::FailAll(errno)) => Err(errno),
        }
    }

    fn stat(&self) -> Result<Stat, Errno> {
        self.clock.dead.get().map_or(Ok(()), Err)?;
        Ok(Stat {
            id: self.id,
            len: self.versions.borrow().last().map_or(0, Vec::len) as u64,
            modified: (0, 0),
            links: 1,
        })
    }
}
