//! The file of the history: `{"version": 1, "requests": […]}`, readable for all.
//!
//! Only this daemon writes it, but a power cut, a full disk or a person may have left something else: it is read with
//! bounds, as a regular file only, and what cannot be used is renamed, since a person may still find something in it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use hv_utils_core::daemon::{Failure, replace};
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

use super::Row;

/// The version of the document. Another one is another program's.
const VERSION: u32 = 1;
/// Bytes: more than all rows with the longest texts there are, each character of six bytes.
const MOST_BYTES: u64 = 1024 * 1024;

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    requests: &'a [Row],
}

/// What is looked at first: a document of another version may have other rows.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

#[derive(Deserialize)]
struct Body {
    requests: Vec<Row>,
}

/// The rows in the file; none without a file, and none if it cannot be used, which is then set aside.
pub(super) fn open(path: &Path) -> Vec<Row> {
    match read(path) {
        Ok(rows) => rows,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            set_aside(path, &error);
            Vec::new()
        }
    }
}

/// Replaces the file; durable when this returns.
pub(super) fn write(path: &Path, rows: &[Row]) -> Result<(), Failure> {
    let text = serde_json::to_vec(&Written { version: VERSION, requests: rows })
        .map_err(|error| Failure::internal(format!("cannot write {}: {error}", path.display())))?;
    replace(path, &text, 0o644)
}

fn read(path: &Path) -> io::Result<Vec<Row>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = Vec::new();
    if file.take(MOST_BYTES + 1).read_to_end(&mut text)? as u64 > MOST_BYTES {
        return Err(io::Error::other("it is longer than 1 MiB"));
    }
    let head: Head = serde_json::from_slice(&text)?;
    if head.version != VERSION {
        return Err(io::Error::other(format!("its version is {}, not {VERSION}", head.version)));
    }
    let body: Body = serde_json::from_slice(&text)?;
    Ok(body.requests)
}

fn set_aside(path: &Path, error: &io::Error) {
    let aside = path.with_extension("damaged");
    let shown = path.display();
    match fs::rename(path, &aside) {
        Ok(()) => tracing::warn!(
            "{shown} cannot be used ({error}): it is now {}, and the history begins anew",
            aside.display()
        ),
        Err(second) => tracing::warn!(
            "{shown} cannot be used ({error}) nor set aside ({second}): the history begins anew"
        ),
    }
}
