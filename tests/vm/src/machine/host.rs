//! The machine's host: `hv-testhost` as a process, asked over its control socket as a person would.

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::images::Images;
use super::{LOOK, Setup, dying_with_us, fail};

/// Seconds for a guest to come and for each of its answers: only a hang takes longer.
const PATIENCE: &str = "120";

/// A host at work.
#[derive(Debug)]
pub struct Host {
    child: Child,
    program: PathBuf,
    control: PathBuf,
    transcript: PathBuf,
}

/// What came of a verb.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The words it was asked with.
    pub verb: String,
    /// Exit code: 0 done, 1 refused, 3 no answer.
    pub code: i32,
    /// The JSON object it printed.
    pub object: Value,
}

impl Host {
    pub(super) fn start(images: &Images, dir: &Path, setup: &Setup) -> Result<Host, String> {
        let program = images.programs.join("hv-testhost");
        let (control, transcript) = (dir.join("control.sock"), dir.join("transcript"));
        let events = dir.join("events");
        let file =
            File::create(&events).map_err(|error| format!("cannot make {}: {error}", events.display()))?;
        let mut command = dying_with_us(&program);
        if setup.capture {
            command.arg("--capture").arg(dir.join("capture"));
        }
        let child = command
            .arg("--packet-link")
            .arg(dir)
            .arg("--control")
            .arg(&control)
            .args(["--ic", &setup.served, "--timeout", PATIENCE, "--no-time-samples", "--transcript"])
            .arg(&transcript)
            .args(&setup.host)
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(|error| error.to_string())?)
            .stderr(file)
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", program.display()))?;
        let mut host = Host { child, program, control, transcript };
        let deadline = Instant::now() + Duration::from_secs(120);
        while UnixStream::connect(&host.control).is_err() {
            if host.child.try_wait().is_ok_and(|ended| ended.is_some()) || Instant::now() > deadline {
                return Err(format!("hv-testhost does not come up: see {}", events.display()));
            }
            std::thread::sleep(LOOK / 10);
        }
        Ok(host)
    }

    /// Has a verb done.
    ///
    /// # Panics
    /// The program cannot be run or prints no JSON.
    #[track_caller]
    pub fn ask(&self, verb: &[&str]) -> Answer {
        let output = Command::new(&self.program)
            .arg("--control")
            .arg(&self.control)
            .args(if verb.contains(&"--timeout") { &[][..] } else { &["--timeout", PATIENCE] })
            .arg("--json")
            .args(verb)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| fail(&format!("hv-testhost cannot be run: {error}")));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let object = serde_json::from_str(&text)
            .unwrap_or_else(|error| fail(&format!("no JSON from {verb:?}: {error}: {text}\n{output:?}")));
        Answer { verb: verb.join(" "), code: output.status.code().unwrap_or(-1), object }
    }

    /// Every packet so far, a line each.
    #[must_use]
    pub fn transcript(&self) -> String {
        std::fs::read_to_string(&self.transcript).unwrap_or_else(|error| format!("no transcript: {error}"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It has nothing to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    /// The same, which has to have this exit code.
    ///
    /// # Panics
    /// It has another.
    #[track_caller]
    #[must_use = "or use `done`"]
    pub fn with_code(self, code: i32) -> Answer {
        assert!(self.code == code, "host: {}: expected exit code {code}: {self:?}", self.verb);
        self
    }

    /// The guest did it.
    ///
    /// # Panics
    /// It did not.
    #[track_caller]
    pub fn done(self) -> Value {
        self.with_code(0).object
    }

    /// The items it lists, as key and value.
    #[must_use]
    pub fn items(&self) -> Vec<(String, String)> {
        let field = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let items = self.object["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| (field(item, "key"), field(item, "value"))).collect()
    }
}
