//! What has to come back: files as they were, and what a manager holds elsewhere. Kept in our state while it may be needed.
//!
//! Content is hexadecimal in JSON, so that files need not be text.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use hv_utils_core::daemon::{directory, replace};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The longest file that is taken for a manager's configuration.
const MOST_BYTES: u64 = 1 << 20;

/// A file as it was, or that there was none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedFile {
    /// Where.
    pub path: PathBuf,
    /// What was there; `None`: nothing.
    pub content: Option<Content>,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// The bytes, two hexadecimal digits each.
    hex: String,
    /// Permissions.
    mode: u32,
    /// Owner.
    uid: u32,
    /// Group.
    gid: u32,
}

/// Everything that an injection may change, as it was before.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Files.
    pub files: Vec<SavedFile>,
    /// What else the backend needs, by names of its own.
    pub facts: BTreeMap<String, String>,
}

impl Snapshot {
    /// Adds a file as it is now.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn add(&mut self, path: &Path) -> Result<(), Error> {
        if self.files.iter().all(|saved| saved.path != path) {
            self.files.push(SavedFile::take(path)?);
        }
        Ok(())
    }

    /// What the files are now, as one number for comparison.
    #[must_use]
    pub fn files_now(&self) -> String {
        fingerprint(self.files.iter().map(|saved| (saved.path.as_path(), fs::read(&saved.path).ok())))
    }

    /// What the files were, in the same form.
    #[must_use]
    pub fn files_then(&self) -> String {
        fingerprint(self.files.iter().map(|saved| (saved.path.as_path(), saved.bytes())))
    }

    /// Puts every file back, durably.
    ///
    /// # Errors
    /// The first that could not be, after all were tried.
    pub fn restore_files(&self) -> Result<(), Error> {
        let mut result = Ok(());
        for saved in &self.files {
            let restored = saved.restore();
            result = result.and(restored);
        }
        result
    }
}

impl SavedFile {
    /// A file as it is now. What is no regular file (a link, a directory) is refused: nobody's configuration is
    /// replaced by something else.
    ///
    /// # Errors
    /// It is there and cannot be read, or is no regular file, or is larger than 1 MiB.
    pub fn take(path: &Path) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::io("read", path, &error);
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self { path: path.to_owned(), content: None });
            }
            Err(error) => return Err(failed(error)),
        };
        if !metadata.is_file() || metadata.len() > MOST_BYTES {
            return Err(Error::not_applied(format!(
                "{} is not a regular file of at most 1 MiB: it is left alone",
                path.display()
            )));
        }
        let hex = fs::read(path).map_err(failed)?.iter().map(|byte| format!("{byte:02x}")).collect();
        let content =
            Content { hex, mode: metadata.mode() & 0o7777, uid: metadata.uid(), gid: metadata.gid() };
        Ok(Self { path: path.to_owned(), content: Some(content) })
    }

    /// The bytes that were there.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let hex = &self.content.as_ref()?.hex;
        let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
        hex.as_bytes().chunks(2).map(byte).collect()
    }

    /// Puts it back as it was, durably; a file that was not there is removed.
    ///
    /// # Errors
    /// The system does not let us.
    pub fn restore(&self) -> Result<(), Error> {
        let Some(content) = &self.content else { return remove(&self.path) };
        let Some(bytes) = self.bytes() else {
            return Err(Error::not_undone(format!("what was kept of {} is damaged", self.path.display())));
        };
        if let Some(parent) = self.path.parent() {
            directory(parent)?;
        }
        replace(&self.path, &bytes, content.mode)?;
        let failed = |error: io::Error| Error::io("give back", &self.path, &error);
        // The mode once more: a change of owner takes some bits away.
        chown(&self.path, Some(content.uid), Some(content.gid)).map_err(failed)?;
        fs::set_permissions(&self.path, fs::Permissions::from_mode(content.mode)).map_err(failed)
    }
}

fn fingerprint<'a>(files: impl Iterator<Item = (&'a Path, Option<Vec<u8>>)>) -> String {
    let mut hasher = DefaultHasher::new();
    files.for_each(|file| file.hash(&mut hasher));
    format!("{:016x}", hasher.finish())
}

/// Removes a file, durably; none is as good.
///
/// # Errors
/// The system does not let us.
pub fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Ok(()) => {
            let parent = path.parent().unwrap_or(Path::new("/"));
            let synced = fs::File::open(parent).and_then(|parent| parent.sync_all());
            synced.map_err(|error| Error::io("sync", parent, &error))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("remove", path, &error)),
    }
}

#[cfg(test)]
mod tests;
