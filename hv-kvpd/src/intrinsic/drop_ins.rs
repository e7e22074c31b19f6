//! The administrator's own items: a directory in which each file is one, its name the key, its content the value.
//!
//! * One newline at the end of the content is not part of the value; what is inside is.
//! * Files that begin with a dot or end as editors' and packages' leavings do are not items: `*~`, `*.bak`,
//!   `*.dpkg-*`, `*.rpmsave`, `*.rpmnew`, `*.rpmorig`.
//! * Symlinks are followed; what they lead through is watched as the directory itself is.
//! * Nothing may take the name of a built-in item, in whatever case: tools on the host ignore case.
//! * Items are sorted by name, byte by byte; beyond [`MAX_ITEMS`] none is read.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::files;
use super::items::{MAX_KEY_UNITS, MAX_VALUE_UNITS, is_built_in};
use super::report::{Refusal, Report};

/// Items that are published; a host reads the whole list one by one.
pub(super) const MAX_ITEMS: usize = 256;
/// Bytes that are read of one: the longest value in UTF-8, a newline, and one to see that there is more.
const MAX_BYTES: u64 = 3 * MAX_VALUE_UNITS as u64 + 2;

/// What the directory holds.
#[derive(Debug, Default)]
pub(super) struct DropIns {
    pub(super) items: Vec<(String, String)>,
    pub(super) reports: Vec<Report>,
}

/// Reads the items; a directory that is not there has none.
pub(super) fn read(directory: &Path) -> DropIns {
    let mut read = DropIns::default();
    let names = match names(directory) {
        Ok(names) => names,
        Err(error) => {
            read.reports.push(Report::Directory { directory: directory.to_owned(), error });
            return read;
        }
    };
    if names.len() > MAX_ITEMS {
        read.reports.push(Report::TooMany { directory: directory.to_owned(), kept: MAX_ITEMS });
    }
    for name in names.into_iter().take(MAX_ITEMS) {
        let file = directory.join(&name);
        match item(&name, &file) {
            Ok(item) => read.items.push(item),
            // Gone since the directory was listed: no matter, and no item.
            Err(Refusal::Unreadable(Errno::NOENT)) if file.symlink_metadata().is_err() => {}
            Err(why) => read.reports.push(Report::Refused { file, why }),
        }
    }
    read
}

/// Paths of the items that are symlinks.
pub(super) fn symlinks(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let names = names(directory).unwrap_or_default();
    names.into_iter().take(MAX_ITEMS).map(|name| directory.join(name)).filter(|path| path.is_symlink())
}

/// Whether a file of this name can be an item.
pub(super) fn counts(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let ending = name.rsplit(|byte| *byte == b'.').next().filter(|ending| ending.len() < name.len());
    let leaving = ending.is_some_and(|ending| {
        ending.starts_with(b"dpkg-") || matches!(ending, b"bak" | b"rpmsave" | b"rpmnew" | b"rpmorig")
    });
    !(name.starts_with(b".") || name.ends_with(b"~") || leaving)
}

/// The first names that can be items; one more than may be, if there are.
fn names(directory: &Path) -> Result<BTreeSet<OsString>, Errno> {
    let number = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    let mut names = BTreeSet::new();
    let entries = match std::fs::read_dir(directory).map_err(number) {
        Err(Errno::NOENT) => return Ok(names),
        entries => entries?,
    };
    for entry in entries {
        let name = entry.map_err(number)?.file_name();
        if counts(&name) {
            names.insert(name);
        }
        if names.len() > MAX_ITEMS + 1 {
            names.pop_last();
        }
    }
    Ok(names)
}

fn item(name: &OsStr, file: &Path) -> Result<(String, String), Refusal> {
    let key = name.to_str().ok_or(Refusal::NameNotUtf8)?;
    if key.encode_utf16().count() > MAX_KEY_UNITS {
        return Err(Refusal::NameTooLong);
    }
    if is_built_in(key) {
        return Err(Refusal::BuiltIn);
    }
    let content = files::read(file, MAX_BYTES).map_err(|error| match error {
        Errno::INVAL | Errno::ISDIR | Errno::NXIO => Refusal::NotAFile,
        error => Refusal::Unreadable(error),
    })?;
    Ok((key.to_owned(), value(&content)?.to_owned()))
}

fn value(content: &[u8]) -> Result<&str, Refusal> {
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    if content.contains(&0) {
        return Err(Refusal::Nul);
    }
    // More bytes than any value has may be cut in the middle of a character.
    if content.len() > 3 * MAX_VALUE_UNITS {
        return Err(Refusal::TooLong);
    }
    let value = str::from_utf8(content).map_err(|_| Refusal::NotUtf8)?;
    if value.encode_utf16().count() > MAX_VALUE_UNITS {
        return Err(Refusal::TooLong);
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
