//! Hooks of a test's own in a directory of its own, and a way to know when the last of their processes is gone.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use hv_vssd::hooks::{Hooks, Options, Round, Runner};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Runs a test; the time limit only ends one that hangs.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(120), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

/// A directory of hooks, and a log that they write.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(place.hooks_dir()).unwrap();
        fs::set_permissions(place.hooks_dir(), Permissions::from_mode(0o755)).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn hooks_dir(&self) -> PathBuf {
        self.path("vss.d")
    }

    /// A hook in sh; `$log` and `$life` are paths.
    pub(crate) fn put(&self, name: &str, script: &str) {
        let (log, life) = (self.path("log"), self.path("life"));
        let head = format!("#!/bin/sh\nlog={} life={}\n", log.display(), life.display());
        write(&self.hooks_dir().join(name), &format!("{head}{script}\n"));
    }

    /// Those that log their name and argument, and end with a code.
    pub(crate) fn put_logging(&self, hooks: &[(&str, &str)]) {
        for (name, code) in hooks {
            self.put(name, &format!("echo \"${{0##*/}} $1\" >>\"$log\"\nexit {code}"));
        }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub(crate) fn options(&self) -> Options {
        let time = Duration::from_secs(60);
        Options { directory: self.hooks_dir(), time, runner: Runner::Direct, go_on: false }
    }

    pub(crate) fn hooks(&self) -> Hooks {
        Hooks::new(self.options())
    }

    /// A pipe at `$life`. Who has it open for writing is alive.
    pub(crate) fn watch_life(&self) -> Life {
        let path = self.path("life");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let ((told, line), (ended, end)) = (oneshot::channel(), oneshot::channel());
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(File::open(path).unwrap());
            let mut line = String::new();
            pipe.read_line(&mut line).unwrap();
            let _ = told.send(line);
            pipe.read_to_string(&mut String::new()).unwrap();
            let _ = ended.send(());
        });
        Life { line: Some(line), end }
    }
}

/// See [`Place::watch_life`].
pub(crate) struct Life {
    line: Option<oneshot::Receiver<String>>,
    end: oneshot::Receiver<()>,
}

impl Life {
    /// The first line that somebody writes.
    pub(crate) async fn line(&mut self) -> String {
        self.line.take().unwrap().await.unwrap().trim_end().to_owned()
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.end.try_recv().is_ok()
    }

    /// Waits until nobody has it open any more.
    pub(crate) async fn end(self) {
        self.end.await.unwrap();
    }
}

/// Writes a program. Another process does: a descriptor of ours for writing, which a child of another test could have got
/// for a moment, would keep it from being run.
pub(crate) fn write(path: &Path, text: &str) {
    let mut install = Command::new("install");
    let mut install =
        install.args(["-m", "755", "/dev/stdin"]).arg(path).stdin(Stdio::piped()).spawn().unwrap();
    install.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(install.wait().unwrap().success());
}

/// Name and result of each.
pub(crate) fn results(round: &Round) -> Vec<(&str, &str)> {
    round.reports.iter().map(|report| (report.name.as_str(), report.result.as_str())).collect()
}

/// The names, as a caller has them from the reports of a freeze.
pub(crate) fn begun(round: &Round) -> Vec<String> {
    round.reports.iter().map(|report| report.name.clone()).collect()
}
