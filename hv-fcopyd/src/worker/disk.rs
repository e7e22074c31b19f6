//! The real disk behind the thread: `target` finds the place, `file` makes the file.

use super::{Coming, Files};
use crate::config::Settings;
use crate::file::{self, Incoming};
use crate::target::{Creation, Refusal, Roots};
use hv_utils_core::wire::fcopy::Start;
use rustix::io::Errno;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What a copy is made by: the settings at its START.
#[derive(Debug)]
pub struct Ground {
    roots: Roots,
    own_root: Option<PathBuf>,
    file: file::Rules,
    directory: Creation,
}

impl Ground {
    /// What the settings come to; `ledger` is for who comes after a daemon that was killed.
    #[must_use]
    pub fn new(settings: &Settings, ledger: &Path) -> Ground {
        Ground {
            roots: Roots::new(settings.roots.clone(), ledger.to_owned()),
            own_root: settings.own_root.clone(),
            file: settings.file,
            directory: settings.directory,
        }
    }

    /// Makes this daemon's own root, if it is used and not there.
    fn make_root(&self) -> io::Result<()> {
        let Some(root) = &self.own_root else { return Ok(()) };
        if root.is_dir() {
            return Ok(());
        }
        std::fs::DirBuilder::new().recursive(true).mode(self.directory.mode & 0o777).create(root)
    }
}

/// See the module.
#[derive(Debug)]
pub struct Disk {
    /// What is to be removed after a death.
    pub ledger: PathBuf,
}

impl Files for Disk {
    fn prepare(&mut self) {
        for line in file::sweep(&self.ledger) {
            tracing::info!("{line}");
        }
    }

    fn begin(&mut self, start: &Start, ground: &Ground) -> Result<Box<dyn Coming>, Refusal> {
        if let Err(error) = ground.make_root() {
            let number = error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error);
            return Err(Refusal::of(number, "make the directory for files"));
        }
        let place = ground.roots.find(start, &ground.directory)?;
        Ok(Box::new(Incoming::create(place, start.size, &ground.file)?))
    }
}

impl Coming for Incoming {
    fn shown(&self) -> &str {
        Incoming::shown(self)
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        Incoming::write(self, offset, data)
    }

    fn complete(self: Box<Self>, wanted: &dyn Fn() -> bool) -> Result<(), Refusal> {
        Incoming::complete_if(*self, wanted)
    }

    fn cancel(self: Box<Self>) {
        Incoming::cancel(*self);
    }
}
