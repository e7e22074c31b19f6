//! For tests: programs that are written and run a moment later.
//!
//! A file that any process has open for writing cannot be run ("Text file busy"). Tests are threads of one process, and a
//! child that one of them starts has every descriptor of that process until it has become another program: also the one
//! by which another test is just writing a script. So another process writes it.

#![expect(clippy::unwrap_used, reason = "a double for tests: what fails here fails the test")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Makes `path` a script of `sh` with these permissions, in the place of what may be there.
///
/// # Panics
/// It cannot be written.
pub fn script(path: &Path, mode: u32, text: &str) {
    let mut install = Command::new("install");
    install.arg("-m").arg(format!("{mode:o}")).arg("/dev/stdin").arg(path).stdin(Stdio::piped());
    let mut install = install.spawn().unwrap();
    install.stdin.take().unwrap().write_all(format!("#!/bin/sh\n{text}\n").as_bytes()).unwrap();
    assert!(install.wait().unwrap().success(), "{} cannot be written", path.display());
}

/// Makes `path` a program that is the same as the one at `from`.
///
/// # Panics
/// It cannot be written.
pub fn copy_of(from: &Path, path: &Path) {
    let status = Command::new("install").args(["-m", "755"]).arg(from).arg(path).status();
    assert!(status.unwrap().success(), "{} cannot be written", path.display());
}
