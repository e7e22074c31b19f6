//! Which files of the directory are hooks, and which of them may be run: as root, so that nobody else may have a say.
//!
//! A hook that somebody else could change is one that was meant to run and does not: that is a failure, with its reason.
//! What package managers and editors leave there, and what is not executable, is not a hook.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What ends the names of what is no hook.
const ENDINGS: [&str; 4] = ["~", ".bak", ".swp", ".orig"];
/// What package managers put after the last dot.
const PACKAGED: [&str; 2] = [".dpkg-", ".rpm"];

/// A hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) name: String,
    /// Why it must not be run.
    pub(super) refusal: Option<String>,
}

/// What is in a directory.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Hooks, in the order of their names' bytes.
    pub(super) files: Vec<File>,
    /// What looks like one and is not run: sentences.
    pub(super) left_out: Vec<String>,
}

/// Looks into `directory`; if there is none, there are no hooks.
pub(super) fn find(directory: &Path) -> Result<Found, String> {
    let mut found = Found::default();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(format!("{} cannot be read: {error}", directory.display())),
    };
    let changeable = unsafe_directory(directory);
    for entry in entries {
        let entry = entry.map_err(|error| format!("{} cannot be read: {error}", directory.display()))?;
        let name = entry.file_name();
        if is_leftover(name.as_bytes()) {
            continue;
        }
        match is_program(&entry.path()) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(why) => {
                found.left_out.push(why);
                continue;
            }
        }
        if let Some(why) = &changeable {
            return Err(why.clone());
        }
        found.files.push(match name.to_str() {
            Some(name) => judge(directory, name),
            None => File {
                name: name.to_string_lossy().into_owned(),
                refusal: Some("its name is not UTF-8".to_owned()),
            },
        });
    }
    found.files.sort_by(|one, other| one.name.as_bytes().cmp(other.name.as_bytes()));
    Ok(found)
}

/// Whether the hook `name` may be run, as things are now.
pub(super) fn judge(directory: &Path, name: &str) -> File {
    let refusal = unsafe_directory(directory).or_else(|| refusal(&directory.join(name)));
    File { name: name.to_owned(), refusal }
}

/// What an editor or a package manager has left, or hides.
fn is_leftover(name: &[u8]) -> bool {
    let dot = name.iter().rposition(|byte| *byte == b'.');
    let ending = &name[dot.unwrap_or(name.len())..];
    name.starts_with(b".")
        || ENDINGS.iter().any(|end| name.ends_with(end.as_bytes()))
        || PACKAGED.iter().any(|end| ending.starts_with(end.as_bytes()))
}

/// An error says why something that could be meant as a hook is none.
fn is_program(path: &Path) -> Result<bool, String> {
    let metadata = fs::metadata(path)
        .map_err(|error| format!("hook {} is left out: it cannot be read: {error}", path.display()))?;
    if !metadata.is_file() {
        return Ok(false);
    }
    if metadata.mode() & 0o111 == 0 {
        return Err(format!("hook {} is left out: it is not executable", path.display()));
    }
    Ok(true)
}

/// Why the program behind `path`, which may be a link, must not be run.
fn refusal(path: &Path) -> Option<String> {
    let unreadable = |error| Some(format!("it cannot be read: {error}"));
    let target = match fs::canonicalize(path) {
        Ok(target) => target,
        Err(error) => return unreadable(error),
    };
    let metadata = match fs::metadata(&target) {
        Ok(metadata) => metadata,
        Err(error) => return unreadable(error),
    };
    if !metadata.is_file() || metadata.mode() & 0o111 == 0 {
        return Some("it is no program any more".to_owned());
    }
    if !is_ours(&metadata, false) {
        return Some("others than root can change it".to_owned());
    }
    let directory = target.parent()?;
    is_under_others(directory).map(|at| format!("others than root can change {}", at.display()))
}

/// Why nothing in `directory` may be run.
fn unsafe_directory(directory: &Path) -> Option<String> {
    let real = match fs::canonicalize(directory) {
        Ok(real) => real,
        Err(error) => return Some(format!("{} cannot be read: {error}", directory.display())),
    };
    // Not even with a sticky bit: others could put their own programs there.
    let own = fs::metadata(&real).is_ok_and(|metadata| is_ours(&metadata, false));
    let at = if own { is_under_others(&real)? } else { real };
    Some(format!("others than root can change {}: no hook in {} is run", at.display(), directory.display()))
}

/// The first of `directory` and those above it in which others could put something else in its place.
fn is_under_others(directory: &Path) -> Option<PathBuf> {
    let safe = |at: &Path| fs::metadata(at).is_ok_and(|metadata| is_ours(&metadata, true));
    directory.ancestors().find(|at| !safe(at)).map(Path::to_path_buf)
}

/// Whether only root, or the user that we are, can change it. In a `sticky` directory others cannot replace what is ours.
fn is_ours(metadata: &fs::Metadata, sticky: bool) -> bool {
    let own = rustix::process::geteuid().as_raw();
    let owner = metadata.uid() == 0 || metadata.uid() == own;
    let mode = metadata.mode();
    owner && (mode & 0o022 == 0 || sticky && mode & 0o1000 != 0)
}

#[cfg(test)]
mod tests;
