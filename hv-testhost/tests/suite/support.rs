//! What the tests share: a directory for the sockets and runs of the built program.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A directory for one test's sockets: short, because a socket's path may have 108 bytes only.
pub(crate) fn dir() -> TempDir {
    tempfile::Builder::new().prefix("hv").tempdir_in("/tmp").unwrap()
}

/// The built program.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hv-testhost"));
    command.stdin(Stdio::null());
    command
}

/// A run of the program with its own host in `dir`; a minute at most for everything.
pub(crate) fn one_shot(dir: &Path, arguments: &[&str]) -> Output {
    program().arg("--sim").arg(dir).args(["--timeout", "60"]).args(arguments).output().unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The one JSON object on standard output.
pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A program that is ended with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
