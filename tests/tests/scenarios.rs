//! Every scenario that ships with the test host, against the daemon: what a host may do wrong, the daemon survives.
//!
//! One daemon goes through all of its service, so that what one scenario leaves behind is found by the next. A file in
//! `hv-testhost/scenarios` is for hv-kvpd, one in its folders `shutdown`, `heartbeat` and `fcopy` for that service's; none
//! is listed here. Those in `adapter` are for daemons that serve network adapters.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hv_utils_tests::{program, run};
use tempfile::TempDir;

/// Looks at a daemon's descriptors, some way apart, of which the fewest count.
const LOOKS: u32 = 25;

/// How long a daemon may take to close what a host left behind, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(60);

struct Daemon {
    child: Child,
    dir: TempDir,
}

impl Daemon {
    fn kvpd() -> Daemon {
        Daemon::start("hv-kvpd", "kvp", |dir| vec!["--pool-dir".into(), dir.join("pools")])
    }

    /// A daemon, with what it needs beside what all need.
    fn start(name: &str, service: &str, options: impl FnOnce(&Path) -> Vec<PathBuf>) -> Daemon {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| dir.path().join(name);
        let log = std::fs::File::create(path("daemon.log")).expect("a log file");
        let channel = format!("sim:{}", path(&format!("{service}.sock")).display());
        let child = Command::new(program(name))
            .args(["--channel", &channel, "--bus", "none", "--log-format", "text"])
            .args(options(dir.path()))
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

    /// Descriptors that stay open: a host that has just gone leaves some for the moment that the daemon needs to notice,
    /// and the search for the next one opens some for moments of its own. So it is the fewest of many looks.
    fn lasting_descriptors(&self) -> usize {
        let look = || {
            std::thread::sleep(Duration::from_millis(20));
            self.descriptors()
        };
        (0..LOOKS).map(|_| look()).min().unwrap_or(usize::MAX)
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

fn scenarios(service: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hv-testhost/scenarios").join(service);
    let entries = std::fs::read_dir(folder).expect("the test host ships scenarios");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths
}

fn play(daemon: &mut Daemon, scenario: &Path) {
    let dir = daemon.dir.path().display().to_string();
    let scenario = scenario.display().to_string();
    let outcome = run("hv-testhost", ["--sim", &dir, "--timeout", "60", "run", &scenario]);
    assert!(!daemon.ended(), "the daemon ended in {scenario}\n{}", outcome.stdout);
    assert_eq!(outcome.code, 0, "{scenario}\n{}\n{}", outcome.stdout, outcome.stderr);
}

/// Plays all of a service, and a few for a second time: nothing that a scenario leaves behind adds up.
fn passes_every_scenario(daemon: Daemon, service: &str, least: usize, first: &str) {
    passes_every_scenario_and(daemon, service, least, first, || {});
}

fn passes_every_scenario_and(
    mut daemon: Daemon,
    service: &str,
    least: usize,
    first: &str,
    then: impl FnOnce(),
) {
    let all = scenarios(service);
    assert!(all.len() >= least, "scenarios are missing: {all:?}");
    let first = all.iter().find(|path| path.ends_with(first)).expect("the basic scenario");
    play(&mut daemon, first);
    let before = daemon.lasting_descriptors();
    for scenario in &all {
        play(&mut daemon, scenario);
    }
    play(&mut daemon, first);
    let began = Instant::now();
    let mut after = daemon.lasting_descriptors();
    while after > before && began.elapsed() < PATIENCE {
        after = daemon.lasting_descriptors();
    }
    assert!(after <= before, "{after} descriptors last, {before} before");
    then();
}

#[test]
fn daemon_passes_every_scenario_and_keeps_no_descriptor() {
    passes_every_scenario(Daemon::kvpd(), "", 20, "basic-exchange.toml");
}

#[test]
fn hv_shutdownd_passes_every_scenario_of_its_service_and_nothing_goes_down() {
    let daemon = Daemon::start("hv-shutdownd", "shutdown", |_| vec!["--act".into(), "print".into()]);
    passes_every_scenario(daemon, "shutdown", 2, "power-refusals.toml");
}

#[test]
fn hv_heartbeatd_passes_every_scenario_of_its_service() {
    passes_every_scenario(
        Daemon::start("hv-heartbeatd", "heartbeat", |_| Vec::new()),
        "heartbeat",
        2,
        "beats.toml",
    );
}

#[test]
fn hv_fcopyd_passes_every_scenario_of_its_service_and_leaves_nothing_half_done() {
    let daemon = Daemon::start("hv-fcopyd", "fcopy", |dir| {
        std::fs::create_dir(dir.join("in")).expect("a root");
        let config = format!(
            "[file-copy]\nenabled = true\nroots = [\"{}\"]\nmin-free-mib = 0\n",
            dir.join("in").display()
        );
        std::fs::write(dir.join("config.toml"), config).expect("a configuration");
        vec!["--config".into(), dir.join("config.toml")]
    });
    let root = daemon.dir.path().join("in");
    let dir = daemon.dir.path().to_owned();
    let after = move || {
        let names = |folder: &Path| {
            let entries = std::fs::read_dir(folder).expect("a folder").flatten();
            let mut names: Vec<String> =
                entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&root), ["größe", "note.txt", "one", "second.txt"]);
        assert_eq!(std::fs::read(root.join("größe/日本/naïve 🙂.bin")).expect("a copy"), vec![b'.'; 12289]);
        assert_eq!(std::fs::read(root.join("second.txt")).expect("a copy"), b"abc");
        assert!(!dir.join("in-not").exists() && !dir.join("x").exists());
    };
    passes_every_scenario_and(daemon, "fcopy", 4, "basic-copy.toml", after);
}
