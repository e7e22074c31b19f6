//! Small files of our own, or of another hv-utils program, read whole: the other half of [`replace`](super::replace()).
//!
//! Who may write them is one of us, but a power cut, a full disk or a person may have left something else there: a link, a
//! pipe that nobody writes into, a file without end. None of that is followed, waited for or taken in.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Bytes of the longest file that is read.
pub const MOST_SMALL_BYTES: usize = 1024 * 1024;

/// What stands in a regular file of at most [`MOST_SMALL_BYTES`].
///
/// # Errors
/// There is none (`NotFound`), it is a link or no regular file, it is longer, or it cannot be read.
pub fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut content = Vec::new();
    if file.take(MOST_SMALL_BYTES as u64 + 1).read_to_end(&mut content)? > MOST_SMALL_BYTES {
        return Err(io::Error::other("it is longer than 1 MiB"));
    }
    Ok(content)
}

#[cfg(test)]
mod tests;
