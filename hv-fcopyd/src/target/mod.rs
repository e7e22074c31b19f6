//! Where a file may go: a name in a directory beneath one of the administrator's roots, and nowhere else.
//!
//! A root is opened by its path, symbolic links of the administrator's included. Below it one component after the other is
//! opened, beneath the directory before it and through no symbolic link at all, so that nobody who may
//! write there can lead a file elsewhere. From then on only the descriptor of the directory is used. What is refused has
//! changed nothing.

mod ground;
mod ledger;
mod place;
mod refusal;
mod walk;
mod wanted;

#[cfg(test)]
mod tests;

pub use place::Place;
pub use refusal::Refusal;

pub(crate) use ground::permissions;
pub(crate) use ledger::{Entry, Kind, TEMPORARY, forget, load};
pub(crate) use walk::{beneath, open_root};

use hv_utils_core::wire::Status;
use hv_utils_core::wire::fcopy::Start;
use ledger::Trace;
use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use wanted::Wanted;

/// User and group that something is given to; `None`: those of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owner {
    /// User number.
    pub user: Option<u32>,
    /// Group number.
    pub group: Option<u32>,
}

/// How directories are made that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Creation {
    /// Permission bits; of more than 0777 nothing is used.
    pub mode: u32,
    /// Whose they become.
    pub owner: Owner,
}

/// The directories that the administrator lets files into.
#[derive(Debug, Clone)]
pub struct Roots {
    paths: Vec<PathBuf>,
    ledger: PathBuf,
}

impl Owner {
    /// Gives what is open to them, if there is anything to give.
    pub(crate) fn take(self, file: &OwnedFd) -> rustix::io::Result<()> {
        if self == Owner::default() {
            return Ok(());
        }
        rustix::fs::fchown(file, self.user.map(Uid::from_raw), self.group.map(Gid::from_raw))
    }
}

impl Roots {
    /// `ledger`: a file in the daemon's state directory that says what is to be removed if the daemon dies
    /// ([`crate::file::sweep`]). Roots are absolute.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, ledger: PathBuf) -> Roots {
        Roots { paths, ledger }
    }

    /// Finds where the file of a START goes, and makes directories where it asks for that.
    ///
    /// The path is a directory, and the file is in it under its name. Three readings beside that, since a host may say
    /// "a folder or a file" (what a real one sends then is unverified): without a name the path's last component is the file's;
    /// a path that is an existing regular file is that file; all else that is there and no directory is refused.
    ///
    /// # Errors
    /// It may not go there, or cannot.
    pub fn find(&self, start: &Start, how: &Creation) -> Result<Place, Refusal> {
        let wanted = Wanted::read(start, &self.paths)?;
        let mut directory = open_root(&wanted.root)?;
        ground::check(&directory, &wanted.root)?;
        let mut trace = Trace::new(&self.ledger);
        let last = wanted.below.len().saturating_sub(1);
        for (at, component) in wanted.below.iter().enumerate() {
            let next = match walk::step(&directory, component) {
                Err(Errno::NOENT) if start.create_path => {
                    let entry = Entry::directory(&wanted.root, &wanted.below[..=at]);
                    walk::make(directory, component, how, &mut trace, entry)?
                }
                Err(Errno::NOTDIR) if at == last && wanted.may_be_file => {
                    // The path is the file itself.
                    let mut below = wanted.below.clone();
                    let name = below.pop().unwrap_or_default();
                    let is_file = |refusal: Refusal| {
                        let path = wanted.directory();
                        Refusal { why: format!("{path} is no directory: {}", refusal.why), ..refusal }
                    };
                    return Place::check(wanted.root.clone(), below, name, directory, start.overwrite, trace)
                        .map_err(is_file);
                }
                other => other.map_err(|error| walk::refused(error, component))?,
            };
            ground::check(&next, component.as_ref())?;
            directory = next;
        }
        Place::check(wanted.root, wanted.below, wanted.name, directory, start.overwrite, trace)
    }
}

/// A refusal for what leads outside, or to what is no file.
fn denied(why: impl Into<String>) -> Refusal {
    Refusal::new(Status::ACCESS_DENIED, why)
}
