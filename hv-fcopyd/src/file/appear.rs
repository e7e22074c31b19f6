//! The end of a copy: a whole file takes its name, by one call, and the name is on the disk when the host is told.
//!
//! Order: what can still refuse, the bytes to the disk with mode and owner, the name, the name to the disk. Whether it is
//! wanted is asked before the name and at the end; a file that took the place of another stays then.

use super::Rules;
use super::temporary::Temporary;
use crate::target::{Refusal, permissions};
use hv_utils_core::wire::Status;
use rustix::fs::{AtFlags, RenameFlags, fchmod, fstat, fsync, renameat, renameat_with, statat, unlinkat};
use rustix::io::Errno;

pub(super) fn appear(file: &mut Temporary, rules: &Rules, wanted: &dyn Fn() -> bool) -> Result<(), Refusal> {
    file.place().look_again()?;
    let dress = || {
        // The owner first: a change of it could take bits of the mode away.
        rules.owner.take(file.file())?;
        fchmod(file.file(), permissions(rules.mode))
    };
    dress().map_err(|error| Refusal::of(error, "set mode and owner"))?;
    fsync(file.file()).map_err(|error| Refusal::of(error, "write the file to the disk"))?;
    // That is what takes its time.
    if !wanted() {
        return Err(Refusal::unwanted());
    }
    let replaced = name(file)?;
    // The file once more: some filesystems (btrfs) keep by that which names it has.
    let kept = fsync(file.file()).and_then(|()| file.place().sync());
    let refusal = match kept {
        Err(error) => Refusal::of(error, "write the directory to the disk"),
        // Something else is not brought back by taking it away.
        Ok(()) if replaced || wanted() => {
            file.arrived();
            return Ok(());
        }
        Ok(()) => Refusal::unwanted(),
    };
    if !replaced {
        // The host is told that it is not there.
        take_away(file);
    }
    Err(refusal)
}

/// Takes its name away again, as far as that can be done, if it still is this file's.
fn take_away(file: &Temporary) {
    let (directory, name) = (file.place().directory(), file.place().name());
    let found = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
    if let (Ok(found), Ok(ours)) = (found, fstat(file.file()))
        && (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)
        && unlinkat(directory, name, AtFlags::empty()).is_ok()
    {
        let _ = file.place().sync();
    }
}

/// Gives the file its name; whether there may have been another one.
pub(super) fn name(file: &mut Temporary) -> Result<bool, Refusal> {
    let place = file.place();
    let failed = |error: Errno| match error {
        Errno::EXIST => {
            Refusal::new(Status::ALREADY_EXISTS, "there is a file by now, and it may not be replaced")
        }
        error => Refusal::of(error, "give the file its name"),
    };
    if place.overwrite() {
        if file.name().is_none() {
            match file.link(place.name()) {
                Err(Errno::EXIST) => {}
                other => return other.map(|()| false).map_err(failed),
            }
        }
        let hidden = match file.name() {
            Some(name) => name.to_owned(),
            None => file.give_a_name()?,
        };
        let place = file.place();
        let (directory, name) = (place.directory(), place.name());
        // Whether there is another one is asked by the same call, where the filesystem knows it.
        if renameat_with(directory, &hidden, directory, name, RenameFlags::NOREPLACE).is_ok() {
            return Ok(false);
        }
        return renameat(directory, &hidden, directory, name).map(|()| true).map_err(failed);
    }
    let Some(hidden) = file.name() else {
        return file.link(place.name()).map(|()| false).map_err(failed);
    };
    let moved =
        renameat_with(place.directory(), hidden, place.directory(), place.name(), RenameFlags::NOREPLACE);
    let moved = match moved {
        // A filesystem without that (NFS): a second name, and the hidden one goes with the rest.
        Err(Errno::INVAL) => file.link(place.name()).and_then(|()| file.unname()),
        other => other,
    };
    moved.map(|()| false).map_err(failed)
}
