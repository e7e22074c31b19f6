//! Every directory entry that a path leads through, symlinks included, down to the first that is not there.
//!
//! If none of these entries changes, the path keeps leading to the same file: so they are what is to be watched.
//! Only looks; [`super::watch`] does the watching.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// Symlinks that are followed, as many as the kernel does (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// The way of one path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Trace {
    /// Directories, by a path without symlinks, and the entry in each that was looked up.
    pub(super) steps: Vec<(PathBuf, OsString)>,
    /// What it leads to, by a path without symlinks, if every entry was there.
    pub(super) end: Option<PathBuf>,
}

/// Follows `path` from the root, or from the working directory if it is relative.
pub(super) fn trace(path: &Path) -> Trace {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut todo: VecDeque<OsString> = parts(&path).collect();
    let mut at = PathBuf::from("/");
    let mut steps = Vec::new();
    let mut links = 0;
    while let Some(part) = todo.pop_front() {
        if part == "/" {
            at = PathBuf::from("/");
            continue;
        }
        if part == ".." {
            at.pop();
            continue;
        }
        let next = at.join(&part);
        steps.push((at.clone(), part));
        match std::fs::read_link(&next) {
            Ok(target) => {
                links += 1;
                if links > MAX_LINKS {
                    return Trace { steps, end: None };
                }
                for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                    todo.push_front(part);
                }
            }
            // Not a symlink.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => at = next,
            Err(_) => return Trace { steps, end: None },
        }
    }
    Trace { steps, end: Some(at) }
}

fn parts(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter(|part| *part != Component::CurDir).map(|part| part.as_os_str().to_owned())
}

#[cfg(test)]
mod tests;
