//! A file without a name, or with a hidden one that goes with it.

use crate::target::{Place, Refusal};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat, unlinkat};
use rustix::io::Errno;
use std::os::fd::{AsRawFd, OwnedFd};

/// A file that nobody is to find yet. Dropped, its name goes, if it has one.
#[derive(Debug)]
pub(super) struct Temporary {
    file: OwnedFd,
    name: Option<String>,
    place: Place,
}

impl Temporary {
    /// An empty one.
    pub(super) fn create(place: Place) -> Result<Temporary, Refusal> {
        match unnamed(&place) {
            Ok(file) => Ok(Temporary { file, name: None, place }),
            // "The filesystem cannot", as they say it (open(2), and the kernels before 3.11).
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL | Errno::NOSYS) => {
                Temporary::named(place)
            }
            Err(error) => Err(Refusal::of(error, "make a file in the directory")),
        }
    }

    /// An empty one with a name.
    pub(super) fn named(mut place: Place) -> Result<Temporary, Refusal> {
        let name = place.temporary()?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(place.directory(), name.as_str(), flags, Mode::RUSR | Mode::WUSR);
        let file = opened.map_err(|error| Refusal::of(error, "make a file in the directory"))?;
        Ok(Temporary { file, name: Some(name), place })
    }

    pub(super) fn file(&self) -> &OwnedFd {
        &self.file
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Its hidden name, if it has one.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Gives it a hidden name, so that it can take the place of another file.
    pub(super) fn give_a_name(&mut self) -> Result<String, Refusal> {
        let name = self.place.temporary()?;
        self.link(&name).map_err(|error| Refusal::of(error, "name the file"))?;
        self.name = Some(name.clone());
        Ok(name)
    }

    /// Gives it a name, which has to be free.
    pub(super) fn link(&self, name: &str) -> rustix::io::Result<()> {
        let directory = self.place.directory();
        match linkat(&self.file, "", directory, name, AtFlags::EMPTY_PATH) {
            // Before Linux 6.10 that takes CAP_DAC_READ_SEARCH; this way takes /proc.
            Err(Errno::NOENT) => {
                let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                linkat(CWD, path, directory, name, AtFlags::SYMLINK_FOLLOW)
            }
            other => other,
        }
    }

    /// Takes the hidden name away.
    pub(super) fn unname(&mut self) -> rustix::io::Result<()> {
        match self.name.take() {
            Some(name) => unlinkat(self.place.directory(), name, AtFlags::empty()),
            None => Ok(()),
        }
    }

    /// It has its name, and no hidden one any more.
    pub(super) fn arrived(&mut self) {
        self.name = None;
        self.place.keep();
    }
}

fn unnamed(place: &Place) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    openat(place.directory(), ".", flags, Mode::RUSR | Mode::WUSR)
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // If it cannot be removed now (the disk has failed, and is read-only), the next start does it.
        if !matches!(self.unname(), Ok(()) | Err(Errno::NOENT)) {
            self.place.owe();
        }
    }
}
