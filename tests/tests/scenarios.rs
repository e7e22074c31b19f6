//! Every scenario that ships with the test host, against the daemon: what a host may do wrong, the daemon survives.
//!
//! One daemon goes through all of them, so that what one scenario leaves behind is found by the next. A file in
//! `hv-testhost/scenarios` is run without being listed here; those in its folder `adapter` are for daemons that serve
//! network adapters.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hv_utils_tests::{program, run};
use tempfile::TempDir;

struct Daemon {
    child: Child,
    dir: TempDir,
}

impl Daemon {
    fn start() -> Daemon {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| dir.path().join(name);
        let log = std::fs::File::create(path("daemon.log")).expect("a log file");
        let channel = format!("sim:{}", path("kvp.sock").display());
        let child = Command::new(program("hv-kvpd"))
            .args(["--channel", &channel, "--bus", "none", "--log-format", "text"])
            .arg("--pool-dir")
            .arg(path("pools"))
            .arg("--state-dir")
            .arg(path("state"))
            .arg("--run-dir")
            .arg(path("run"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the daemon starts");
        Daemon { child, dir }
    }

    fn ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_some()
    }

    fn descriptors(&self) -> usize {
        let entries = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("the daemon runs");
        entries.count()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.dir.path().join("daemon.log")).unwrap_or_default();
            eprintln!("--- daemon.log\n{log}");
        }
    }
}

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hv-testhost/scenarios");
    let entries = std::fs::read_dir(folder).expect("the test host ships scenarios");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths
}

fn play(daemon: &mut Daemon, scenario: &Path) {
    let dir = daemon.dir.path().display().to_string();
    let scenario = scenario.display().to_string();
    let outcome = run("hv-testhost", ["--sim", &dir, "run", &scenario]);
    assert!(!daemon.ended(), "the daemon ended in {scenario}\n{}", outcome.stdout);
    assert_eq!(outcome.code, 0, "{scenario}\n{}\n{}", outcome.stdout, outcome.stderr);
}

#[test]
fn daemon_passes_every_scenario_and_keeps_no_descriptor() {
    let mut daemon = Daemon::start();
    let all = scenarios();
    assert!(all.len() >= 20, "scenarios are missing: {all:?}");
    let first = all.iter().find(|path| path.ends_with("basic-exchange.toml")).expect("the basic scenario");
    play(&mut daemon, first);
    let before = daemon.descriptors();
    for scenario in &all {
        play(&mut daemon, scenario);
    }
    play(&mut daemon, first);
    // An inotify or a socket more or less may be waiting for the next host.
    assert!(daemon.descriptors() <= before + 2, "{} descriptors, {before} before", daemon.descriptors());
}
