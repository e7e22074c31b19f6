//! A place for one file: the directory, held open, and the name in it.
//!
//! The file goes into this directory and no other, whatever becomes of the path meanwhile. Before it appears the path is
//! looked up once more: a directory that was moved away, even out of the root, gets nothing, since the host would be told OK
//! for a file that is not where it asked for.

use super::ledger::{Entry, TEMPORARY, Trace};
use super::{Refusal, beneath, denied, ground, open_root};
use rustix::fs::{Mode, OFlags, fstat, fsync, openat};
use rustix::io::Errno;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// A place for one file. Dropped without a file in it, the directories that were made for it are removed, if they are
/// still empty.
#[derive(Debug)]
pub struct Place {
    root: PathBuf,
    below: Vec<String>,
    name: String,
    directory: OwnedFd,
    overwrite: bool,
    shown: String,
    trace: Trace,
}

impl Place {
    /// The name in that directory, if a file may have it.
    pub(super) fn check(
        root: PathBuf,
        below: Vec<String>,
        name: String,
        directory: OwnedFd,
        overwrite: bool,
        trace: Trace,
    ) -> Result<Place, Refusal> {
        ground::existing(&directory, &name, overwrite)?;
        let path = below.iter().chain([&name]).fold(root.clone(), |path, component| path.join(component));
        let shown = path.to_string_lossy().into_owned();
        Ok(Place { root, below, name, directory, overwrite, shown, trace })
    }

    /// The whole path, to be shown.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The directory; only named (`O_PATH`).
    pub(crate) fn directory(&self) -> &OwnedFd {
        &self.directory
    }

    /// The name in it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a file that is there may be replaced.
    pub(crate) fn overwrite(&self) -> bool {
        self.overwrite
    }

    /// Whether the name is still free, or a file's that may be replaced, and the directory where the host asked for it.
    pub(crate) fn look_again(&self) -> Result<(), Refusal> {
        let now = open_root(&self.root).and_then(|root| {
            beneath(root, &self.below).map_err(|error| Refusal::of(error, "find the directory again"))
        });
        let identity = |directory: &OwnedFd| fstat(directory).map(|stat| (stat.st_dev, stat.st_ino)).ok();
        let same =
            now.is_ok_and(|now| identity(&now).is_some() && identity(&now) == identity(&self.directory));
        if !same {
            return Err(denied("the directory was moved away meanwhile"));
        }
        ground::existing(&self.directory, &self.name, self.overwrite).map(drop)
    }

    /// A name for a temporary file in the directory, which the next start removes if nobody else does.
    pub(crate) fn temporary(&mut self) -> Result<String, Refusal> {
        // Seeded by the system for each.
        let random = RandomState::new().build_hasher().finish();
        let name = format!("{TEMPORARY}{random:016x}");
        self.trace.note(Entry::file(&self.root, &self.below, &name))?;
        Ok(name)
    }

    /// Makes durable that the name is in the directory, and each directory that was made in the one above it.
    pub(crate) fn sync(&self) -> rustix::io::Result<()> {
        self.trace.parents().chain([&self.directory]).try_for_each(|directory| {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            match fsync(openat(directory, ".", flags, Mode::empty())?) {
                // Some network filesystems have no such thing.
                Err(Errno::INVAL) => Ok(()),
                other => other,
            }
        })
    }

    /// Something could not be removed, and is left to the next start.
    pub(crate) fn owe(&mut self) {
        self.trace.owe();
    }

    /// The file is there: nothing is to be removed any more.
    pub(crate) fn keep(&mut self) {
        self.trace.keep();
    }
}
