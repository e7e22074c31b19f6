//! What a daemon that was killed has left: temporary files, and directories that nothing came into.

use crate::escape::printable;
use crate::target::{Entry, Kind, TEMPORARY, beneath, forget, load, open_root};
use rustix::fs::{AtFlags, FileType, statat, unlinkat};
use rustix::io::Errno;
use std::path::Path;

/// Removes what a daemon that was killed has left, as `ledger` says; a sentence for the log for each thing. To be called
/// at the start, before anything else. What cannot be reached now (a disk that is not mounted) stays in the ledger.
#[must_use]
pub fn sweep(ledger: &Path) -> Vec<String> {
    let entries = load(ledger);
    let (mut said, mut owed) = (Vec::new(), Vec::new());
    // What was made last is in what was made before.
    for entry in entries.iter().rev() {
        let shown = entry.below.iter().fold(entry.root.clone(), |path, component| path.join(component));
        // A host has named it.
        let shown = shown.to_string_lossy();
        let shown = printable(&shown);
        match remove(entry) {
            Ok(true) => said.push(format!("removed {shown}, left by a copy that was cut short")),
            Ok(false) => {}
            Err(why) => {
                said.push(format!(
                    "{shown} is left by a copy that was cut short, and cannot be removed: {why}"
                ));
                owed.push(entry.clone());
            }
        }
    }
    owed.reverse();
    if !entries.is_empty() || ledger.exists() {
        said.extend(forget(ledger, &owed).err());
    }
    said
}

/// Whether it was there. Only what is ours: the name is not taken for it.
fn remove(entry: &Entry) -> Result<bool, String> {
    let Some((name, parents)) = entry.below.split_last() else { return Ok(false) };
    let root = open_root(&entry.root).map_err(|refusal| refusal.why)?;
    let parent = match beneath(root, parents) {
        // With a directory that was made for it.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(false),
        other => other.map_err(|error| error.to_string())?,
    };
    let flags = match entry.kind {
        Kind::Directory => AtFlags::REMOVEDIR,
        Kind::File => {
            let found = statat(&parent, name.as_str(), AtFlags::SYMLINK_NOFOLLOW);
            let is_file =
                found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::RegularFile);
            if !is_file || !name.starts_with(TEMPORARY) {
                return Ok(false);
            }
            AtFlags::empty()
        }
    };
    match unlinkat(&parent, name.as_str(), flags) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}
