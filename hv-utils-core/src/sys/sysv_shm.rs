//! A segment of System V shared memory, attached: how NTP daemons take samples from other programs.
//!
//! Whoever has the key and the permission maps the same pages and writes them at any time, so every access is an atomic
//! and no reference to plain bytes is ever made. Words are in the machine's own order, as C programs have them.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicI64, Ordering::SeqCst};

/// Whose segment it is, and who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentOwner {
    /// Who owns it.
    pub uid: u32,
    /// Who has made it. Owner and creator may both change its owner and its mode.
    pub creator: u32,
    /// Permissions, as of a file.
    pub mode: u32,
    /// Length in bytes; at least what was asked for.
    pub bytes: usize,
}

/// An attached segment; detached on drop. It stays for others, until somebody removes it or the machine ends. An offset
/// behind the end panics, as an index of a slice does.
#[derive(Debug)]
pub struct SysvShm {
    base: NonNull<u8>,
    bytes: usize,
    id: libc::c_int,
}

// SAFETY: the mapping belongs to the value and not to a thread; it is accessed through atomics only.
unsafe impl Send for SysvShm {}
// SAFETY: as for `Send`; all methods take `&self` and use atomics.
unsafe impl Sync for SysvShm {}

impl SysvShm {
    /// Attaches the segment of `key` to read and write, and makes it with `mode` (as of a file) if there is none. One
    /// that was there keeps its owner and its mode: see [`SysvShm::owner`].
    ///
    /// # Errors
    /// `EINVAL`: there is one, and it is shorter than `bytes`. `EACCES`: its mode does not let this process in. Others
    /// from shmget(2) and shmat(2).
    pub fn attach(key: i32, bytes: usize, mode: u32) -> io::Result<Self> {
        Self::with_flags(key, bytes, libc::IPC_CREAT | (mode & 0o777) as libc::c_int)
    }

    /// Attaches the segment of `key` to read and write, if there is one.
    ///
    /// # Errors
    /// `ENOENT`: there is none. `EINVAL`: it is shorter than `bytes`. `EACCES`: its mode does not let this process in.
    /// Others from shmget(2) and shmat(2).
    pub fn attach_existing(key: i32, bytes: usize) -> io::Result<Self> {
        Self::with_flags(key, bytes, 0)
    }

    fn with_flags(key: i32, bytes: usize, flags: libc::c_int) -> io::Result<Self> {
        // SAFETY: the call takes numbers only.
        let id = unsafe { libc::shmget(key, bytes, flags) };
        if id == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: without an address the kernel chooses one, so no existing mapping is replaced.
        let base = unsafe { libc::shmat(id, std::ptr::null(), 0) };
        if base.addr() == usize::MAX {
            return Err(io::Error::last_os_error());
        }
        let base =
            NonNull::new(base.cast()).ok_or_else(|| io::Error::other("shmat returned a null mapping"))?;
        Ok(Self { base, bytes, id })
    }

    /// Whose it is now.
    ///
    /// # Errors
    /// `EACCES`: not readable any more. `EIDRM`, `EINVAL`: somebody has removed it.
    pub fn owner(&self) -> io::Result<SegmentOwner> {
        // SAFETY: all-zero bytes are a valid `shmid_ds`: it has integers only.
        let mut about: libc::shmid_ds = unsafe { std::mem::zeroed() };
        // SAFETY: `about` is a valid, writable `shmid_ds`, which is what IPC_STAT fills.
        if unsafe { libc::shmctl(self.id, libc::IPC_STAT, &raw mut about) } == -1 {
            return Err(io::Error::last_os_error());
        }
        Ok(SegmentOwner {
            uid: about.shm_perm.uid,
            creator: about.shm_perm.cuid,
            mode: u32::from(about.shm_perm.mode) & 0o777,
            bytes: about.shm_segsz,
        })
    }

    /// Removes the segment: its key is free at once, its memory when the last one has detached.
    ///
    /// # Errors
    /// `EPERM`: it is another user's.
    pub fn remove(&self) -> io::Result<()> {
        // SAFETY: IPC_RMID takes no memory.
        let result = unsafe { libc::shmctl(self.id, libc::IPC_RMID, std::ptr::null_mut()) };
        if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// The word at `offset`, a multiple of 4 within the bytes asked for. Ordered with all other accesses here.
    #[must_use]
    pub fn load_i32(&self, offset: usize) -> i32 {
        self.words()[offset / 4].load(SeqCst)
    }

    /// Writes the word at `offset`, a multiple of 4. Ordered with all other accesses here.
    pub fn store_i32(&self, offset: usize, value: i32) {
        self.words()[offset / 4].store(value, SeqCst);
    }

    /// The double word at `offset`, a multiple of 8.
    #[must_use]
    pub fn load_i64(&self, offset: usize) -> i64 {
        self.doubles()[offset / 8].load(SeqCst)
    }

    /// Writes the double word at `offset`, a multiple of 8, in one piece.
    pub fn store_i64(&self, offset: usize, value: i64) {
        self.doubles()[offset / 8].store(value, SeqCst);
    }

    fn words(&self) -> &[AtomicI32] {
        // SAFETY: the segment is at least `bytes` long, readable, writable, and attached at a page until `self` is
        // dropped; nobody can shorten a segment. Atomics allow for other writers.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().cast(), self.bytes / 4) }
    }

    fn doubles(&self) -> &[AtomicI64] {
        // SAFETY: as for `words`; a page is aligned for i64 as well.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().cast(), self.bytes / 8) }
    }
}

impl Drop for SysvShm {
    fn drop(&mut self) {
        // SAFETY: the address is that of the attachment; no reference into it outlives `self`.
        let result = unsafe { libc::shmdt(self.base.as_ptr().cast()) };
        debug_assert!(result == 0, "detaching one's own segment cannot fail");
    }
}

#[cfg(test)]
mod tests;
