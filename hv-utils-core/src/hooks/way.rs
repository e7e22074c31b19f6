//! Where a path leads, and whether anybody but root, or the user that we are, has a say in it.
//!
//! The way is gone as the kernel goes it, link by link, and every place that it passes is judged: who may change a link
//! chooses which program root runs, though that program is root's own. What comes out has no links and only directories in
//! which others can replace nothing, so that it is still the same when it is executed.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// As many as the kernel follows (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// Why there is no safe way.
#[derive(Debug)]
pub(super) enum Unsafe {
    /// Others can change what is here.
    Others(PathBuf),
    /// It leads nowhere.
    Nowhere(io::Error),
}

impl From<io::Error> for Unsafe {
    fn from(error: io::Error) -> Self {
        Self::Nowhere(error)
    }
}

/// The path without links that `path` leads to now. Whether others can change what is there is not judged.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, Unsafe> {
    let mut at = PathBuf::from("/");
    let mut ahead = parts(&std::path::absolute(path)?);
    let mut links = 0;
    while let Some(part) = ahead.pop() {
        match Path::new(&part).components().next() {
            Some(Component::RootDir) => at = PathBuf::from("/"),
            Some(Component::ParentDir) => drop(at.pop()),
            Some(Component::Normal(name)) => {
                let next = at.join(name);
                let metadata = fs::symlink_metadata(&next)?;
                // In a sticky directory others cannot replace what is not theirs; but a name that is free can be taken.
                if !fs::symlink_metadata(&at).is_ok_and(|place| is_ours(&place, metadata.is_dir())) {
                    return Err(Unsafe::Others(at));
                }
                if !metadata.is_symlink() {
                    at = next;
                    continue;
                }
                if !has_our_owner(&metadata) {
                    return Err(Unsafe::Others(next));
                }
                links += 1;
                if links > MOST_LINKS {
                    return Err(rustix::io::Errno::LOOP.into()).map_err(|error: io::Error| error.into());
                }
                ahead.extend(parts(&fs::read_link(&next)?));
            }
            _ => {}
        }
    }
    Ok(at)
}

/// The last first.
fn parts(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
}

/// Whether only root, or the user that we are, can change it. In a `sticky` directory others cannot replace what is ours.
pub(super) fn is_ours(metadata: &Metadata, sticky: bool) -> bool {
    let mode = metadata.mode();
    has_our_owner(metadata) && (mode & 0o022 == 0 || sticky && mode & 0o1000 != 0)
}

/// Whether it belongs to root, or to the user that we are.
pub(super) fn has_our_owner(metadata: &Metadata) -> bool {
    metadata.uid() == 0 || metadata.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests;
