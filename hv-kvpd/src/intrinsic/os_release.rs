//! The name and version of the system, from os-release(5).
//!
//! The format is that of a shell's assignments and nothing more of a shell: no expansion, no concatenation. A
//! line that is neither an assignment nor a comment is passed over, as systemd does.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::files;

/// Bytes of an os-release file that are read; usual ones have 400.
const LIMIT: u64 = 64 * 1024;

/// What is told of it; empty where the file says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct OsRelease {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) version_id: String,
    pub(super) variant_id: String,
    pub(super) vendor_name: String,
}

/// The files that may hold it, the one that counts first. The second is beside the first's `/etc`.
pub(super) fn files(etc_root: &Path) -> impl Iterator<Item = PathBuf> {
    let usr = etc_root.parent().unwrap_or(etc_root).join("usr/lib/os-release");
    [etc_root.join("os-release"), usr].into_iter()
}

/// Reads the first file that is there.
///
/// # Errors
/// Neither could be read; what the first one's failure was.
pub(super) fn read(etc_root: &Path) -> Result<OsRelease, Errno> {
    let mut failure = None;
    for path in files(etc_root) {
        match files::read(&path, LIMIT) {
            Ok(content) => return Ok(OsRelease::parse(&content)),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or(Errno::NOENT))
}

impl OsRelease {
    /// Reads the assignments that matter; of several to one name the last counts.
    pub(super) fn parse(content: &[u8]) -> OsRelease {
        let mut os = OsRelease::default();
        for line in content.split(|byte| *byte == b'\n') {
            let Ok(line) = str::from_utf8(line) else { continue };
            let Some((name, value)) = line.trim().split_once('=') else { continue };
            let field = match name {
                "ID" => &mut os.id,
                "NAME" => &mut os.name,
                "VERSION" => &mut os.version,
                "VERSION_ID" => &mut os.version_id,
                "VARIANT_ID" => &mut os.variant_id,
                "VENDOR_NAME" => &mut os.vendor_name,
                _ => continue,
            };
            if let Some(value) = unquote(value) {
                *field = value;
            }
        }
        os
    }

    /// The number of the service pack, on systems that have such: SUSE's write `15-SP5` and nobody else does.
    pub(super) fn service_pack(&self) -> Option<&str> {
        let suse = matches!(self.id.as_str(), "sles" | "sled" | "sles_sap");
        let (_, number) = self.version.split_once("-SP").filter(|_| suse)?;
        let end = number.find(|character: char| !character.is_ascii_digit()).unwrap_or(number.len());
        (end > 0).then(|| &number[..end])
    }
}

/// The value of an assignment as a shell would take it; `None` if it would not, or it is not fit to be shown.
fn unquote(text: &str) -> Option<String> {
    let value = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted(&text[1..], quote)?,
        _ => bare(text)?,
    };
    (!value.chars().any(char::is_control)).then_some(value)
}

/// What follows a quote, up to the next; after that only a comment.
fn quoted(text: &str, quote: char) -> Option<String> {
    let mut value = String::new();
    let mut rest = text.chars();
    loop {
        match rest.next()? {
            end if end == quote => break,
            '\\' if quote == '"' => match rest.next()? {
                escaped @ ('"' | '\\' | '$' | '`') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            character => value.push(character),
        }
    }
    let rest = rest.as_str();
    let tail = rest.trim_start();
    (tail.is_empty() || tail.starts_with('#') && tail.len() < rest.len()).then_some(value)
}

/// A value without quotes. Blanks in it are kept, as systemd does; a quote in it is an error to both.
fn bare(text: &str) -> Option<String> {
    let mut value = String::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            '"' | '\'' => return None,
            '\\' => value.push(rest.next()?),
            character => value.push(character),
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests;
