//! From a root down: one component at a time, beneath the one before it, through no symbolic link.
//!
//! By `openat2`, which the kernel holds to that. It cannot be called everywhere: Linux has it from 5.6 on, and systemd takes
//! it away from a unit with `RestrictSUIDSGID=`, as it cannot see what such a call would create. There `O_NOFOLLOW` says the
//! same of a single name that is neither `.` nor `..`, and no others are looked for.

use super::ledger::{Entry, Trace};
use super::{Creation, Refusal, ground};
use hv_utils_core::wire::Status;
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, fchmod, fstat, mkdirat, openat, openat2, statat,
    unlinkat,
};
use rustix::io::{Errno, retry_on_intr};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Where a component may lead: to the directory of that name, and nowhere else.
const RESOLVE: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS).union(ResolveFlags::NO_SYMLINKS);
/// How often a look is repeated that somebody's rename has cut short.
const TRIES: u32 = 16;

/// A root, as the administrator wrote it: links in it are theirs.
pub(crate) fn open_root(root: &Path) -> Result<OwnedFd, Refusal> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, root, flags, Mode::empty())
        .map_err(|error| Refusal::of(error, &format!("open the directory {}", root.display())))
}

/// A directory in a directory.
pub(super) fn step(directory: &OwnedFd, component: &str) -> rustix::io::Result<OwnedFd> {
    open(directory, component, OFlags::PATH)
}

/// A directory below another one.
pub(crate) fn beneath(root: OwnedFd, below: &[String]) -> rustix::io::Result<OwnedFd> {
    below.iter().try_fold(root, |directory, component| step(&directory, component))
}

fn open(directory: &OwnedFd, component: &str, how: OFlags) -> rustix::io::Result<OwnedFd> {
    if matches!(component, "" | "." | "..") || component.contains('/') {
        return Err(Errno::XDEV);
    }
    match open_beneath(directory, component, how) {
        // There is none, or a filter for system calls says so (ENOSYS systemd's, EPERM others').
        Err(Errno::NOSYS | Errno::PERM) => open_name(directory, component, how),
        other => other,
    }
}

fn open_beneath(directory: &OwnedFd, component: &str, how: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = how | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut result = Err(Errno::AGAIN);
    for _ in 0..TRIES {
        result = openat2(directory, component, flags, Mode::empty(), RESOLVE);
        if !matches!(result, Err(Errno::AGAIN | Errno::INTR)) {
            break;
        }
    }
    result
}

/// As that, by what every kernel has.
fn open_name(directory: &OwnedFd, component: &str, how: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = how | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = retry_on_intr(|| openat(directory, component, flags, Mode::empty()));
    if !matches!(opened, Err(Errno::NOTDIR)) {
        return opened;
    }
    // Which of both it is, for the host: a link is denied.
    let found = statat(directory, component, AtFlags::SYMLINK_NOFOLLOW);
    let is_link = found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Symlink);
    if is_link { Err(Errno::LOOP) } else { opened }
}

/// What it means for the host that a component could not be opened.
pub(super) fn refused(error: Errno, component: &str) -> Refusal {
    let (status, why) = match error {
        Errno::LOOP => (Status::ACCESS_DENIED, "is a symbolic link"),
        Errno::XDEV => (Status::ACCESS_DENIED, "leads outside"),
        Errno::NOENT => (Status::PATH_NOT_FOUND, "is not there, and may not be made"),
        Errno::NOTDIR => (Status::DIRECTORY, "is no directory"),
        _ => return Refusal::of(error, &format!("open {component:?}")),
    };
    Refusal::new(status, format!("{component:?} in the path {why}"))
}

/// Makes a directory that is missing, and opens it. If somebody else has made it meanwhile it is theirs.
pub(super) fn make(
    parent: OwnedFd,
    component: &str,
    how: &Creation,
    trace: &mut Trace,
    entry: Entry,
) -> Result<OwnedFd, Refusal> {
    let failed = |error| Refusal::of(error, &format!("make the directory {component:?}"));
    trace.note(entry)?;
    match mkdirat(&parent, component, Mode::RWXU) {
        Err(Errno::EXIST) => return step(&parent, component).map_err(|error| refused(error, component)),
        made => made.map_err(failed)?,
    }
    let opened = open(&parent, component, OFlags::RDONLY).and_then(|directory| {
        if is_fresh(&directory)? {
            // The owner first: a change of it could take bits of the mode away.
            how.owner.take(&directory)?;
            fchmod(&directory, ground::permissions(how.mode))?;
        }
        Ok(directory)
    });
    match opened {
        Ok(directory) => {
            trace.made(parent, component);
            Ok(directory)
        }
        Err(error) => {
            // As it was; if it has become somebody's meanwhile it is not empty, and stays.
            let _ = unlinkat(&parent, component, AtFlags::REMOVEDIR);
            Err(failed(error))
        }
    }
}

/// Whether it can be the one that was just made: another one may have been put in its place, and its mode is not ours to
/// change. An empty one of our own has nothing to hide.
fn is_fresh(directory: &OwnedFd) -> rustix::io::Result<bool> {
    if fstat(directory)?.st_uid != rustix::process::geteuid().as_raw() {
        return Ok(false);
    }
    for entry in Dir::read_from(directory)? {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
