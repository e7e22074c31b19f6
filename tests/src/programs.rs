//! Finding, building and running the project's own programs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// What a program that has ended left behind.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// This outcome, if the exit code is `code`; else the test fails and shows all there is.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Outcome {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output without the final line end.
    pub fn text(&self) -> &str {
        self.stdout.trim_end_matches('\n')
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Outcome {
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The path of one of the workspace's programs: in the folder that `HV_TEST_PROGRAMS` names (so that installed
/// programs can be tested, or by a user who cannot build), else built if need be.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let given = || std::env::var_os("HV_TEST_PROGRAMS").map(PathBuf::from);
    FOLDER.get_or_init(|| given().unwrap_or_else(build)).join(name)
}

/// Test binaries lie in `TARGET/PROFILE/deps`; the programs one folder up.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("a process knows its program");
    let folder = test.ancestors().nth(2).expect("a test lies in a target folder").to_owned();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the workspace");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workspace).args(["build", "--quiet", "--bins"]);
    for (daemon, _) in crate::guest::DAEMONS {
        cargo.args(["-p", daemon]);
    }
    cargo.args(["-p", "hvctl", "-p", "hv-testhost"]);
    if folder.file_name() == Some(OsStr::new("release")) {
        cargo.arg("--release");
    }
    cargo.arg("--target-dir").arg(folder.parent().expect("a profile lies in the target folder"));
    let status = cargo.stdin(Stdio::null()).status().expect("cargo runs: it runs this test");
    assert!(status.success(), "the programs under test do not build");
    folder
}

/// Runs one of the workspace's programs to its end.
pub fn run<I: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = I>) -> Outcome {
    run_with(name, arguments, |_| {})
}

/// As [`run`], with what `adjust` does to the command.
pub fn run_with<I: AsRef<OsStr>>(
    name: &str,
    arguments: impl IntoIterator<Item = I>,
    adjust: impl FnOnce(&mut Command),
) -> Outcome {
    let mut command = Command::new(program(name));
    command.args(arguments).stdin(Stdio::null()).env("NO_COLOR", "1");
    adjust(&mut command);
    command.output().expect("the program can be started").into()
}
