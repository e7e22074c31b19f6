//! Which files of the directory are hooks, and which of them may be run: as root, so that nobody else may have a say.
//!
//! A hook that somebody else could change is one that was meant to run and does not: that is a failure, with its reason.
//! What package managers and editors leave there, and what is not executable, is not a hook.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::way::{self, Unsafe, has_our_owner, is_ours};

/// What ends the names of what is no hook.
const ENDINGS: [&str; 4] = ["~", ".bak", ".swp", ".orig"];
/// What package managers put after the last dot.
const PACKAGED: [&str; 2] = [".dpkg-", ".rpm"];

/// A hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name in the directory; what is not UTF-8 in it is U+FFFD.
    pub name: String,
    /// Whether that is its name, or only like it.
    is_text: bool,
}

impl File {
    /// The hook of that name, be it there or not.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), is_text: true }
    }

    /// The program that it is, as things are now: a path without links, that nobody else can have lead elsewhere.
    ///
    /// # Errors
    /// Why it must not be run: the end of a sentence.
    pub fn program(&self, directory: &Path) -> Result<PathBuf, String> {
        if self.is_text { program(directory, &self.name) } else { Err("its name is not UTF-8".to_owned()) }
    }
}

/// What is in a directory.
#[derive(Debug, Default)]
pub struct Found {
    /// Hooks, in the order of their names' bytes.
    pub files: Vec<File>,
    /// What looks like one and is not run: sentences.
    pub left_out: Vec<String>,
}

/// Looks into `directory`; if there is none, there are no hooks.
///
/// # Errors
/// It cannot be read, or others than root can change what is in it: a sentence.
pub fn find(directory: &Path) -> Result<Found, String> {
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
        found
            .files
            .push(File { name: name.to_string_lossy().into_owned(), is_text: name.to_str().is_some() });
    }
    found.files.sort_by(|one, other| one.name.as_bytes().cmp(other.name.as_bytes()));
    Ok(found)
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

fn program(directory: &Path, name: &str) -> Result<PathBuf, String> {
    // Names may come from a file.
    if !matches!(Path::new(name).components().collect::<Vec<_>>()[..], [Component::Normal(_)]) {
        return Err("its name is a path".to_owned());
    }
    if let Some(why) = unsafe_directory(directory) {
        return Err(why);
    }
    let program = way::resolve(&directory.join(name)).map_err(|why| match why {
        Unsafe::Others(at) => changeable(&at),
        Unsafe::Nowhere(error) => unreadable(&error),
    })?;
    let metadata = fs::symlink_metadata(&program).map_err(|error| unreadable(&error))?;
    if !metadata.is_file() || metadata.mode() & 0o111 == 0 {
        return Err("it is no program any more".to_owned());
    }
    if !is_ours(&metadata, false) {
        return Err(changeable(&program));
    }
    Ok(program)
}

fn unreadable(error: &io::Error) -> String {
    format!("it cannot be read: {error}")
}

/// Why nothing in `directory`, which may be a link, may be run.
fn unsafe_directory(directory: &Path) -> Option<String> {
    let at = match way::resolve(directory) {
        // Not even with a sticky bit: others could put their own programs there.
        Ok(real) if fs::symlink_metadata(&real).is_ok_and(|metadata| is_ours(&metadata, false)) => {
            return None;
        }
        Ok(real) => real,
        Err(Unsafe::Others(at)) => at,
        Err(Unsafe::Nowhere(error)) => {
            return Some(format!("{} cannot be read: {error}", directory.display()));
        }
    };
    Some(format!("{}; until then no hook in {} is run", changeable(&at), directory.display()))
}

/// That others have a say in what is at `path`, and what to do.
fn changeable(path: &Path) -> String {
    let metadata = fs::symlink_metadata(path);
    let is = |what: fn(&Metadata) -> bool| metadata.as_ref().is_ok_and(what);
    let path = path.display();
    let remedy = if !is(has_our_owner) {
        format!("chown -h root {path}")
    } else if is(|metadata| metadata.is_dir() && metadata.mode() & 0o1000 != 0) {
        // As /tmp: it is everybody's for a reason.
        "what root runs has to lie elsewhere".to_owned()
    } else {
        format!("chmod go-w {path}")
    };
    format!("others than root can change {path}: {remedy}")
}

#[cfg(test)]
mod tests;
