//! What is to be removed if the copy does not complete: in memory for a daemon that lives, in a file for one that does not.
//!
//! A file with no name needs none of this. Noted are the names of temporary files and directories, before they are made. The
//! file is replaced as a whole; it is in the daemon's own directory, so what it says is what we wrote. NUL stands after each
//! word, as names may have anything else in them.

use super::Refusal;
use hv_utils_core::daemon::replace;
use hv_utils_core::wire::Status;
use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What the names of temporary files begin with.
pub(crate) const TEMPORARY: &str = ".hv-fcopy-";
const MAGIC: &[u8] = b"hv-fcopyd 1";
/// Most things that are remembered from earlier; the oldest are forgotten.
const MOST_OWED: usize = 64;
/// Most bytes that are read: 64 paths of earlier, and those of one copy with its directories.
const MOST_BYTES: u64 = 16 << 20;

/// What kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A temporary file.
    File,
    /// A directory, if it is empty.
    Directory,
}

/// A thing that is to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) root: PathBuf,
    /// The path below the root, its own name last.
    pub(crate) below: Vec<String>,
}

impl Entry {
    pub(super) fn directory(root: &Path, below: &[String]) -> Entry {
        Entry { kind: Kind::Directory, root: root.to_owned(), below: below.to_vec() }
    }

    pub(super) fn file(root: &Path, directory: &[String], name: &str) -> Entry {
        let below = directory.iter().cloned().chain([name.to_owned()]).collect();
        Entry { kind: Kind::File, root: root.to_owned(), below }
    }
}

/// What one copy has made on the way. Dropped, its directories are removed.
#[derive(Debug)]
pub(super) struct Trace {
    ledger: PathBuf,
    /// Left by earlier ones that could not remove it.
    owed: Vec<Entry>,
    noted: Vec<Entry>,
    made: Vec<(OwnedFd, String)>,
}

impl Trace {
    pub(super) fn new(ledger: &Path) -> Trace {
        Trace { ledger: ledger.to_owned(), owed: Vec::new(), noted: Vec::new(), made: Vec::new() }
    }

    /// Says in the ledger that this is about to be made.
    pub(super) fn note(&mut self, entry: Entry) -> Result<(), Refusal> {
        if self.noted.is_empty() {
            self.owed = load(&self.ledger);
        }
        self.noted.push(entry);
        let written = write(&self.ledger, self.owed.iter().chain(&self.noted));
        written.map_err(|why| Refusal::new(Status::FAIL, format!("cannot say what is to be removed: {why}")))
    }

    /// This directory was made in that one.
    pub(super) fn made(&mut self, parent: OwnedFd, name: &str) {
        self.made.push((parent, name.to_owned()));
    }

    /// The directories that something was made in.
    pub(super) fn parents(&self) -> impl Iterator<Item = &OwnedFd> {
        self.made.iter().map(|(parent, _)| parent)
    }

    /// What was made stays.
    pub(super) fn keep(&mut self) {
        self.made.clear();
        self.clear();
    }

    /// Something is left: the ledger stays as it is.
    pub(super) fn owe(&mut self) {
        self.noted.clear();
    }

    fn clear(&mut self) {
        if self.noted.is_empty() {
            return;
        }
        self.noted.clear();
        if let Err(why) = forget(&self.ledger, &self.owed) {
            // What it says more is not there any more, and is passed over at the next start.
            tracing::debug!("{why}");
        }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        while let Some((parent, name)) = self.made.pop() {
            match unlinkat(&parent, name.as_str(), AtFlags::REMOVEDIR) {
                // One that somebody has put something into is theirs.
                Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::NOTEMPTY | Errno::EXIST) => {}
                Err(_) => self.owe(),
            }
        }
        self.clear();
    }
}

/// What the ledger says; nothing if it is not there or makes no sense.
pub(crate) fn load(ledger: &Path) -> Vec<Entry> {
    let mut bytes = Vec::new();
    let read = File::open(ledger).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
    let mut words = bytes.split(|byte| *byte == 0);
    if read.is_err() || words.next() != Some(MAGIC) {
        return Vec::new();
    }
    let mut entries = Vec::new();
    while let (Some(kind), Some(root), Some(below)) = (words.next(), words.next(), words.next()) {
        let kind = match kind {
            b"F" => Kind::File,
            b"D" => Kind::Directory,
            _ => break,
        };
        let Ok(below) = str::from_utf8(below) else { break };
        let below = below.split('/').map(str::to_owned).collect();
        entries.push(Entry { kind, root: PathBuf::from(OsStr::from_bytes(root)), below });
    }
    entries
}

/// Leaves only this in the ledger.
pub(crate) fn forget(ledger: &Path, owed: &[Entry]) -> Result<(), String> {
    if !owed.is_empty() {
        return write(ledger, owed.iter().skip(owed.len().saturating_sub(MOST_OWED)));
    }
    match fs::remove_file(ledger) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", ledger.display()))
        }
        _ => Ok(()),
    }
}

fn write<'a>(ledger: &Path, entries: impl Iterator<Item = &'a Entry>) -> Result<(), String> {
    let mut text = MAGIC.to_vec();
    text.push(0);
    for entry in entries {
        text.push(if entry.kind == Kind::File { b'F' } else { b'D' });
        text.push(0);
        text.extend_from_slice(entry.root.as_os_str().as_bytes());
        text.push(0);
        text.extend_from_slice(entry.below.join("/").as_bytes());
        text.push(0);
    }
    replace(ledger, &text, 0o600).map_err(|failure| failure.to_string())
}
