//! Which of the files that we read has changed, by inotify.
//!
//! Only directories are watched: a file that is replaced by a rename, as most are, is another file, but its
//! name stays. Every entry on the way to a file counts, so that a symlink that is set to lead elsewhere and a
//! directory that comes or goes are seen too. One descriptor; watches only for what is followed now.
//!
//! inotify does not see what another machine does to a network filesystem, or something mounted over a file.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::ops::{BitOr, BitOrAssign};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::drop_ins;
use super::trace::trace;
use hv_utils_core::network::register;

/// Looks at a changing directory tree before it is taken as it is; later changes are events again.
const ROUNDS: usize = 8;
/// Reads of events at one go, so that a storm of them leaves room for other work.
const BATCH: usize = 64;

/// What of ours comes from a file, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sources(u8);

impl Sources {
    pub(super) const NONE: Sources = Sources(0);
    /// What the fully qualified name is made of.
    pub(super) const NAMES: Sources = Sources(1);
    pub(super) const OS_RELEASE: Sources = Sources(2);
    /// The administrator's items.
    pub(super) const DROP_INS: Sources = Sources(4);
    /// Not a file, but reports are kept by source.
    pub(super) const ADDRESSES: Sources = Sources(8);
    /// DNS servers of the whole machine.
    pub(super) const RESOLVERS: Sources = Sources(16);
    /// What the kernel says of the network at all; as the addresses.
    pub(super) const NETWORK: Sources = Sources(32);
    pub(super) const ALL: Sources = Sources(31);

    /// Whether all of `other` is among them.
    pub(super) fn has(self, other: Sources) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Sources {
    type Output = Sources;

    fn bitor(self, other: Sources) -> Sources {
        Sources(self.0 | other.0)
    }
}

impl BitOrAssign for Sources {
    fn bitor_assign(&mut self, other: Sources) {
        self.0 |= other.0;
    }
}

/// A path to follow.
#[derive(Debug)]
pub(super) struct Subject {
    path: PathBuf,
    source: Sources,
    /// Its entries count, not its content.
    directory: bool,
}

impl Subject {
    /// A file of which `source` is read.
    pub(super) fn file(path: PathBuf, source: Sources) -> Subject {
        Subject { path, source, directory: false }
    }

    /// A directory in which every entry that can be an item is of `source`.
    pub(super) fn entries(path: PathBuf, source: Sources) -> Subject {
        Subject { path, source, directory: true }
    }
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Touched {
    /// Sources to be read again.
    pub(super) sources: Sources,
    /// Paths may lead elsewhere now: [`Watcher::arm`] again, and before reading.
    pub(super) structure: bool,
}

/// What counts in one directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Interests {
    /// Entries by name.
    names: Vec<(OsString, Sources)>,
    /// Entries that can be items.
    entries: Sources,
    /// Files are in it, not only directories and symlinks on the way.
    contents: bool,
}

impl Interests {
    fn of(&self, name: &OsStr) -> Sources {
        let entries = if drop_ins::counts(name) { self.entries } else { Sources::NONE };
        let named = self.names.iter().filter(|(known, _)| known == name);
        named.fold(entries, |sources, (_, source)| sources | *source)
    }

    fn all(&self) -> Sources {
        self.names.iter().fold(self.entries, |sources, (_, source)| sources | *source)
    }

    fn merge(&mut self, other: &Interests) {
        self.names.extend(other.names.iter().cloned());
        self.entries |= other.entries;
        self.contents |= other.contents;
    }

    fn flags(&self) -> WatchFlags {
        let entries = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVED_FROM | WatchFlags::MOVED_TO;
        let contents = if self.contents { WatchFlags::CLOSE_WRITE } else { WatchFlags::empty() };
        entries | contents | WatchFlags::ONLYDIR | WatchFlags::MASK_ADD
    }
}

/// An inotify descriptor and what its watches mean.
#[derive(Debug)]
pub(super) struct Watcher {
    inotify: AsyncFd<OwnedFd>,
    watches: BTreeMap<i32, (PathBuf, Interests)>,
}

impl Watcher {
    /// Watches nothing yet.
    pub(super) fn new() -> Result<Watcher, Errno> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let inotify = register(inotify, Interest::READABLE)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        Ok(Watcher { inotify, watches: BTreeMap::new() })
    }

    /// Watches what `subjects` lead through now, and nothing else. To be called before they are read: what
    /// changes afterwards is an event. Gives the first failure, if there is one.
    pub(super) fn arm(&mut self, subjects: &[Subject]) -> Option<Errno> {
        let mut failure = None;
        let mut armed = None;
        for _ in 0..ROUNDS {
            let plan = plan(subjects);
            if armed.as_ref() == Some(&plan) {
                break;
            }
            failure = self.watch(&plan);
            armed = Some(plan);
        }
        failure
    }

    fn watch(&mut self, plan: &BTreeMap<PathBuf, Interests>) -> Option<Errno> {
        let mut failure = None;
        let mut watches: BTreeMap<i32, (PathBuf, Interests)> = BTreeMap::new();
        for (directory, interests) in plan {
            match inotify::add_watch(&self.inotify, directory, interests.flags()) {
                // Two paths may lead to one directory: then it has one watch.
                Ok(watch) => {
                    let (_, known) =
                        watches.entry(watch).or_insert_with(|| (directory.clone(), Interests::default()));
                    known.merge(interests);
                }
                // Gone since it was looked at: the next round sees that.
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        for watch in self.watches.keys().filter(|watch| !watches.contains_key(watch)) {
            // Fails if its directory is gone, and then there is nothing to remove.
            let _ = inotify::remove_watch(&self.inotify, *watch);
        }
        self.watches = watches;
        failure
    }

    /// Waits for an event. Cancel safe.
    pub(super) async fn readable(&self) {
        if self.inotify.readable().await.is_err() {
            // Only when the runtime goes down: there will never be anything more.
            std::future::pending::<()>().await;
        }
    }

    /// Takes in the events that are there.
    pub(super) fn drain(&mut self) -> Touched {
        let Watcher { inotify, watches } = self;
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut touched = Touched::default();
        for _ in 0..BATCH {
            let read = inotify.try_io(Interest::READABLE, |inotify| {
                let mut events = inotify::Reader::new(inotify, &mut buffer);
                loop {
                    note(&events.next()?, watches, &mut touched);
                    if events.is_buffer_empty() {
                        return io::Result::Ok(());
                    }
                }
            });
            if read.is_err() {
                break;
            }
        }
        touched
    }
}

/// What is to be watched for `subjects`, by directory.
fn plan(subjects: &[Subject]) -> BTreeMap<PathBuf, Interests> {
    let mut plan: BTreeMap<PathBuf, Interests> = BTreeMap::new();
    for subject in subjects {
        let trace = trace(&subject.path);
        for (directory, name) in &trace.steps {
            let interests = plan.entry(directory.clone()).or_default();
            let step = (name.clone(), subject.source);
            if !interests.names.contains(&step) {
                interests.names.push(step);
            }
        }
        if subject.directory {
            let interests = trace.end.map(|end| plan.entry(end).or_default());
            interests.into_iter().for_each(|interests| {
                interests.entries |= subject.source;
                interests.contents = true;
            });
        } else if let Some(interests) = trace.steps.last().and_then(|(last, _)| plan.get_mut(last)) {
            interests.contents = true;
        }
    }
    plan
}

fn note(
    event: &inotify::Event<'_>,
    watches: &mut BTreeMap<i32, (PathBuf, Interests)>,
    touched: &mut Touched,
) {
    let what = event.events();
    if what.contains(ReadFlags::QUEUE_OVERFLOW) {
        *touched = Touched { sources: Sources::ALL, structure: true };
        return;
    }
    if what.contains(ReadFlags::IGNORED) {
        if let Some((_, interests)) = watches.remove(&event.wd()) {
            touched.sources |= interests.all();
            touched.structure = true;
        }
        return;
    }
    let Some((directory, interests)) = watches.get(&event.wd()) else { return };
    let Some(name) = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes())) else { return };
    let sources = interests.of(name);
    if sources == Sources::NONE || is_being_written(what, &directory.join(name)) {
        return;
    }
    touched.sources |= sources;
    touched.structure |= !what.contains(ReadFlags::CLOSE_WRITE);
}

/// Whether this is the birth of a file that its author has not put anything into yet; its closing is an event too.
/// Without this, an empty value would be told for a moment.
fn is_being_written(what: ReadFlags, path: &Path) -> bool {
    let born = what.contains(ReadFlags::CREATE) && !what.contains(ReadFlags::ISDIR);
    born && path.symlink_metadata().is_ok_and(|file| file.is_file() && file.nlink() == 1 && file.len() == 0)
}

#[cfg(test)]
mod tests;
