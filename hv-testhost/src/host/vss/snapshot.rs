//! The copy of a disk that a checkpoint makes while its guest is frozen: sparse, and given up at once when nobody waits
//! for it any more.
//!
//! A file system that can share blocks shares them, which takes no time; elsewhere data is copied and holes are not. The
//! copy is not synced: how long the guest stays frozen is what counts here, and the copy is this machine's own.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{SeekFrom, ioctl_ficlone, seek};
use rustix::io::Errno;

use crate::outcome::{Copied, Failure, Why};
use crate::verb::SnapshotAsk;

/// Bytes that are read at once, and left out where all are zero.
const BLOCK: usize = 64 * 1024;

/// Tells the copying thread that nobody waits for it.
struct GivesUp(Arc<AtomicBool>);

impl Drop for GivesUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Copies a file, beside everything else that this host does.
///
/// # Errors
/// A file cannot be opened, made, read or written; nothing is left of the copy then.
pub(super) async fn copy(asked: SnapshotAsk) -> Result<Copied, Failure> {
    let given_up = Arc::new(AtomicBool::new(false));
    let _gives_up = GivesUp(given_up.clone());
    let named = format!("{} to {}", asked.file.display(), asked.copy.display());
    let copying = tokio::task::spawn_blocking(move || whole(&asked, &given_up));
    let copied = copying.await.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
    copied.map_err(|error| {
        let why = Why::from(format!("cannot copy {named}: {error}"));
        Failure::Host(why.hint("name a file that is there and a copy that is not: --snapshot FILE=COPY"))
    })
}

fn whole(asked: &SnapshotAsk, given_up: &AtomicBool) -> io::Result<Copied> {
    let from = File::open(&asked.file)?;
    let to = OpenOptions::new().write(true).create_new(true).open(&asked.copy)?;
    contents(&from, &to, given_up)
        .map(|(bytes, data)| Copied { copy: asked.copy.clone(), bytes, data })
        .inspect_err(|_| discard(&asked.copy))
}

/// A half of a disk looks like a disk: it must not stay.
fn discard(copy: &Path) {
    // If it cannot be removed either, the error that is told is the first one.
    let _ = std::fs::remove_file(copy);
}

/// Copies, and tells how many bytes there are and how many of them were written.
fn contents(from: &File, to: &File, given_up: &AtomicBool) -> io::Result<(u64, u64)> {
    // The end and not the length: a disk may be a device.
    let bytes = seek(from, SeekFrom::End(0))?;
    if ioctl_ficlone(to, from).is_ok() {
        return Ok((bytes, 0));
    }
    to.set_len(bytes)?;
    let (mut at, mut data) = (0, 0);
    while at < bytes {
        let begin = match seek(from, SeekFrom::Data(at)) {
            Ok(begin) => begin,
            Err(Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let end = seek(from, SeekFrom::Hole(begin))?.min(bytes);
        data += range(from, to, begin..end, given_up)?;
        at = end;
    }
    Ok((bytes, data))
}

fn range(from: &File, to: &File, range: std::ops::Range<u64>, given_up: &AtomicBool) -> io::Result<u64> {
    let (mut buffer, mut at, mut written) = (vec![0; BLOCK], range.start, 0);
    while at < range.end {
        if given_up.load(Ordering::Relaxed) {
            return Err(io::Error::other("it was given up"));
        }
        let wanted = usize::try_from(range.end - at).map_or(BLOCK, |left| left.min(BLOCK));
        let count = from.read_at(&mut buffer[..wanted], at)?;
        if count == 0 {
            break; // It became shorter meanwhile.
        }
        let block = &buffer[..count];
        if block.iter().any(|byte| *byte != 0) {
            to.write_all_at(block, at)?;
            written += count as u64;
        }
        at += count as u64;
    }
    Ok(written)
}

#[cfg(test)]
mod tests;
