//! Reading small files of the system and of the administrator, within bounds.
//!
//! Nothing here waits: a pipe or a device in a file's place is refused, not opened for good.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

/// Bytes of a line that are looked at; of a longer one nothing.
const LINE: u64 = 4096;
/// Lines of a file that are looked at: lists of blocked hosts have some hundred thousand.
const LINES: usize = 1_000_000;

/// Opens a regular file, through symlinks.
///
/// # Errors
/// As open(2); `EINVAL` for what is not a regular file.
pub(super) fn open(path: &Path) -> Result<File, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    match FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) {
        FileType::RegularFile => Ok(file.into()),
        FileType::Directory => Err(Errno::ISDIR),
        _ => Err(Errno::INVAL),
    }
}

/// The first `limit` bytes of a regular file.
///
/// # Errors
/// As [`open`], and as read(2).
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Errno> {
    let mut content = Vec::new();
    let read = open(path)?.take(limit).read_to_end(&mut content);
    read.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(content)
}

/// Gives each line of a file that is UTF-8 and not overlong to `look`, until that finds something. A file that
/// cannot be read has no lines.
pub(super) fn find_line<T>(path: &Path, mut look: impl FnMut(&str) -> Option<T>) -> Option<T> {
    let mut reader = BufReader::new(open(path).ok()?);
    let mut line = Vec::new();
    let mut goes_on = false;
    for _ in 0..LINES {
        line.clear();
        let length = reader.by_ref().take(LINE).read_until(b'\n', &mut line).ok()?;
        if length == 0 {
            break;
        }
        let ends = line.last() == Some(&b'\n') || u64::try_from(length).is_ok_and(|length| length < LINE);
        let whole = ends && !goes_on;
        goes_on = !ends;
        let found = str::from_utf8(&line).ok().filter(|_| whole).and_then(&mut look);
        if found.is_some() {
            return found;
        }
    }
    None
}
