//! Who has a device's node open, as procfs shows it: by a descriptor, or by memory mapped from it.
//!
//! It only looks. Processes end while they are looked at, and then have nothing open. One that may not be looked into is
//! an error and not "nobody": what is done next must not be done under an open node.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use hv_utils_core::daemon::Exit;

use crate::error::{Error, Kind};

/// The kernel cuts a process's name off here.
const COMM_BYTES: usize = 15;

/// A device node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it is.
    pub path: PathBuf,
    /// Its number, if sysfs shows one: in another root directory it has another path.
    pub number: Option<u64>,
}

/// A process that has it open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opener {
    /// Its number.
    pub pid: u32,
    /// Its program, for a person.
    pub program: String,
}

/// All processes that have it open.
///
/// # Errors
/// Nobody is seen, but not every process may be looked into (77), or procfs is not there.
pub fn openers(proc_root: &Path, node: &Node) -> Result<Vec<Opener>, Error> {
    let entries = fs::read_dir(proc_root).map_err(|error| Error::io("list", proc_root, &error))?;
    let (mut found, mut hidden) = (Vec::new(), None);
    for entry in entries.filter_map(Result::ok) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        match has_open(&entry.path(), node) {
            Ok(false) => {}
            Ok(true) => found.push(Opener { pid, program: program(&entry.path()) }),
            Err(error) if is_over(&error) => {}
            Err(error) => hidden = Some((pid, error)),
        }
    }
    match hidden {
        Some((pid, error)) if found.is_empty() => {
            let path = node.path.display();
            let text = format!(
                "cannot see whether process {pid} has {path} open: {error}; be root, with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"
            );
            Err(Error::new(Kind::Exit(Exit::NotPermitted), text))
        }
        _ => Ok(found),
    }
}

fn has_open(process: &Path, node: &Node) -> io::Result<bool> {
    for entry in fs::read_dir(process.join("fd"))? {
        let link = entry?.path();
        match fs::read_link(&link) {
            Ok(target) if is_node(&link, &target, node) => return Ok(true),
            Err(error) if !is_over(&error) => return Err(error),
            _ => {}
        }
    }
    // The kernel counts a mapping as open, even without a descriptor.
    match fs::read(process.join("maps")) {
        Ok(maps) => Ok(maps.split(|byte| *byte == b'\n').any(|line| maps_node(line, node))),
        Err(error) if is_over(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The node of an earlier device is " (deleted)", and another one.
fn is_node(link: &Path, target: &Path, node: &Node) -> bool {
    if target == node.path {
        return true;
    }
    // Only such a name is worth a look behind the link: that can take long where the file is on a server that is gone.
    target.file_name() == node.path.file_name()
        && node.number.is_some()
        && fs::metadata(link)
            .is_ok_and(|file| file.file_type().is_char_device() && Some(file.rdev()) == node.number)
}

/// A line ends with a blank and the path.
fn maps_node(line: &[u8], node: &Node) -> bool {
    let before = line.strip_suffix(node.path.as_os_str().as_bytes());
    before.is_some_and(|before| before.ends_with(b" "))
}

/// The process ended, or closed the descriptor, while it was looked at.
fn is_over(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

/// Its name without anything that a terminal would obey: a process chooses it.
fn program(process: &Path) -> String {
    let comm = fs::read_to_string(process.join("comm")).unwrap_or_default();
    let mut name = comm.trim_end_matches('\n').to_owned();
    if name.len() == COMM_BYTES {
        let file = fs::read_link(process.join("exe")).unwrap_or_default();
        let whole = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name = if whole.starts_with(&name) { whole } else { name };
    }
    let shown: String = name.chars().filter(|letter| !letter.is_control()).collect();
    if shown.is_empty() { "a program".to_owned() } else { shown }
}

#[cfg(test)]
mod tests;
