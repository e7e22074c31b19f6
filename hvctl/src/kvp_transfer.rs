//! `hvctl kvp export`, and the file that it writes and import reads.
//!
//! The file is the same object as other JSON output, kind `kvp-export`, with the pools it covers. It is written
//! whole or not at all. What import does with it is in [`import`].

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::args::{self, Cli};
use crate::error::{Code, Error, Failure};
use crate::output::{Item, Output, SCHEMA};
use crate::proxies::Kvp;

pub(crate) mod import;

/// The largest file import reads: far above a pool's bound on items, so this only keeps memory bounded.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// An export file, as far as import needs it.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    /// The pools the file covers, even if they had no items.
    #[serde(default)]
    pools: Vec<String>,
    items: Vec<Item>,
}

/// `hvctl kvp export [POOL] [--output FILE]`.
pub(crate) async fn export(
    pool: Option<&str>,
    file: Option<&Path>,
    cli: &Cli,
    output: &Output,
) -> Result<(), Failure> {
    let pools = args::pools(pool)?;
    let kvp = Kvp::connect(&cli.bus).await?;
    let mut content = Content { pools: Vec::new(), items: Vec::new() };
    for pool in pools {
        content.pools.push(pool.name().to_owned());
        content.items.extend(kvp.list(pool).await?);
    }
    let Some(file) = file.filter(|file| *file != Path::new("-")) else {
        return output.object("kvp-export", &content);
    };
    let text = Output::object_text("kvp-export", &content)? + "\n";
    write_whole(file, text.as_bytes()).map_err(|error| {
        Error::new(Code::Failed, "Failed", format!("cannot write {}: {error}", file.display()))
            .hint("check that the directory exists, can be written and has room")
    })?;
    if output.json {
        #[derive(Serialize)]
        struct Written {
            file: String,
            count: usize,
        }
        let written = Written { file: file.to_string_lossy().into_owned(), count: content.items.len() };
        return output.object("kvp-export-written", &written);
    }
    output.note(&format!("{} items written to {}", content.items.len(), file.display()));
    Ok(())
}

/// Writes a file whole or not at all: beside it first, then renamed over it. What is not a regular file
/// (a pipe, a device) is written directly.
fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link is followed, so that it stays a link.
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
    if fs::metadata(&file).is_ok_and(|metadata| !metadata.is_file()) {
        return fs::OpenOptions::new().write(true).open(&file)?.write_all(bytes);
    }
    let mut name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = file.with_file_name(name);
    let written = fs::OpenOptions::new().write(true).create_new(true).open(&beside).and_then(|mut out| {
        out.write_all(bytes)?;
        out.sync_all()
    });
    let result = written.and_then(|()| fs::rename(&beside, &file));
    if result.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&beside);
    }
    result
}

/// Reads and checks an export file.
fn read(file: &Path) -> Result<Content, Error> {
    #[derive(Deserialize)]
    struct Head {
        schema: u32,
        kind: String,
        #[serde(flatten)]
        content: Content,
    }
    let stdin = file == Path::new("-");
    let name = if stdin { "standard input".to_owned() } else { file.display().to_string() };
    let bad = |why: String| {
        Error::new(Code::Failed, "InvalidArgument", format!("cannot import {name}: {why}"))
            .hint("import reads what hvctl kvp export has written")
    };
    let source: Box<dyn io::Read> = if stdin {
        Box::new(io::stdin())
    } else {
        Box::new(fs::File::open(file).map_err(|error| bad(error.to_string()))?)
    };
    let mut bytes = Vec::new();
    source.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| bad(error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(bad(format!("it is larger than {} MiB", MAX_FILE_BYTES >> 20)));
    }
    let head: Head = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    if head.schema != SCHEMA || !matches!(head.kind.as_str(), "kvp-export" | "kvp-list") {
        return Err(bad(format!(
            "it is {:?} of schema {}, not an export of schema {SCHEMA}",
            head.kind, head.schema
        )));
    }
    Ok(head.content)
}
