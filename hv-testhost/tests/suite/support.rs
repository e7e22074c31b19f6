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

/// What a run comes to that waits in vain for a guest's answer, and the seconds that it had. The same limit is for the
/// guest to come, whose thread may get no time: a run in which it was that which was late has more.
pub(crate) fn in_vain(late: &[&str], run: impl Fn(&str) -> Output) -> (Output, &'static str) {
    let is_late = |output: &Output| late.iter().any(|late| stderr(output).contains(late));
    let tried = ["1.5", "6", "24"].into_iter().map(|seconds| (run(seconds), seconds));
    let mut last = None;
    for (output, seconds) in tried {
        if !is_late(&output) {
            return (output, seconds);
        }
        last = Some((output, seconds));
    }
    last.unwrap()
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
