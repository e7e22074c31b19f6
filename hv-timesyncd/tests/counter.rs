//! `hv-timesync-counter` as a process: what it says and how it ends where it cannot measure, and what it leaves alone. A
//! register that counts takes a hypervisor: that is tests/vm's; here `/dev` is a directory.

#![expect(clippy::unwrap_used, reason = "a test, its helpers too, fails by panicking")]

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

enum Node {
    Empty,
    /// The register shows this number for good.
    Register(u64),
}

struct World {
    dir: tempfile::TempDir,
}

impl World {
    /// With a node for each processor, which begins so; without one where nothing is given.
    fn with_node(node: Option<Node>) -> World {
        let world = World { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(world.path("run")).unwrap();
        fs::create_dir_all(world.path("dev/cpu")).unwrap();
        if let Some(node) = node {
            fs::create_dir(world.path("one")).unwrap();
            let file = File::create(world.path("one/msr")).unwrap();
            if let Node::Register(value) = node {
                // A hole of a gigabyte and eight bytes.
                file.write_all_at(&value.to_ne_bytes(), 0x4000_0020).unwrap();
            }
            for cpu in 0..1024 {
                symlink("../../one", world.path(&format!("dev/cpu/{cpu}"))).unwrap();
            }
        }
        world
    }

    fn path(&self, below: &str) -> std::path::PathBuf {
        self.dir.path().join(below)
    }

    fn run(&self, more: &[&str]) -> Output {
        let mut program = program();
        program.arg("--run-dir").arg(self.path("run")).arg("--dev-root").arg(self.path("dev"));
        program.args(more).output().unwrap()
    }

    fn is_untouched(&self) -> bool {
        fs::read_dir(self.path("run")).unwrap().next().is_none()
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_hv-timesync-counter"))
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn without_the_module_it_says_how_to_load_it_and_ends_with_69() {
    let world = World::with_node(None);
    let output = world.run(&[]);
    assert_eq!(output.status.code(), Some(69), "{}", said(&output));
    assert!(said(&output).starts_with("hv-timesync-counter: cannot open "), "{}", said(&output));
    if cfg!(target_arch = "x86_64") {
        assert!(said(&output).contains("modprobe msr"), "{}", said(&output));
    }
    assert!(world.is_untouched());
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_register_that_does_not_move_is_no_counter_and_nothing_is_written() {
    for value in [0, 123_456] {
        let world = World::with_node(Some(Node::Register(value)));
        let output = world.run(&["--reads", "16"]);
        assert_eq!(output.status.code(), Some(69), "{}", said(&output));
        assert!(said(&output).contains(&format!("does not move (it is at {value})")), "{}", said(&output));
        assert!(output.stdout.is_empty() && world.is_untouched());
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_file_without_registers_is_an_internal_error() {
    let world = World::with_node(Some(Node::Empty));
    let output = world.run(&[]);
    assert_eq!(output.status.code(), Some(70), "{}", said(&output));
    assert!(said(&output).contains("no node of registers"), "{}", said(&output));
}

#[test]
fn options_that_make_no_sense_are_usage_errors() {
    for arguments in [["--reads", "1"], ["--reads", "1000000"], ["--nonsense", "1"]] {
        let output = program().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_for_people() {
    let help = program().arg("--help").output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success() && text.contains("CAP_SYS_RAWIO") && text.contains("--print"), "{text}");
    let version = program().arg("--version").output().unwrap();
    let expected = format!("hv-timesync-counter {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(version.stdout).unwrap(), expected);
}

/// On a machine whose hypervisor has the counter, and whose kernel shows it.
#[test]
fn a_machine_with_the_counter_gets_its_pairs() {
    let measured = program().args(["--print"]).output().unwrap();
    if !measured.status.success() {
        eprintln!("skipped: {}", said(&measured));
        return;
    }
    let text = String::from_utf8(measured.stdout).unwrap();
    let words: Vec<&str> = text.lines().last().unwrap().split(' ').collect();
    assert!(
        words.len() == 4 && words[0] == "pair" && words[1..].iter().all(|word| word.parse::<u64>().is_ok()),
        "{text}"
    );
    let run = tempfile::tempdir().unwrap();
    for count in 1..3 {
        assert!(program().arg("--run-dir").arg(run.path()).status().unwrap().success());
        let now =
            hv_timesyncd::counter::pairs::current(run.path(), Path::new("/sys"), Path::new("/proc")).unwrap();
        assert_eq!(now.pairs.len(), count);
    }
}

/// The lines of a unit of ours, without comments.
fn unit(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd").join(name);
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| line.contains('=') && !line.starts_with('#')).map(str::to_owned).collect()
}

fn value(unit: &[String], key: &str) -> u32 {
    unit.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')?.parse().ok()).unwrap()
}

/// How often the daemon asks is in `counter::wanting`.
#[test]
fn a_daemon_that_asks_every_four_seconds_is_far_from_the_limit_of_the_unit() {
    let unit = unit("hv-timesync-counter.service");
    let asked = value(&unit, "StartLimitIntervalSec") / 4;
    assert!(value(&unit, "StartLimitBurst") >= 2 * asked);
}

#[test]
fn a_machine_where_the_counter_cannot_be_read_has_no_failed_unit() {
    let unit = unit("hv-timesync-counter.service");
    assert_eq!(value(&unit, "SuccessExitStatus"), 69);
    let has = |line: &str| unit.iter().any(|other| other == line);
    assert!(has("ConditionArchitecture=|x86-64") && has("ConditionArchitecture=|x86"));
}

#[test]
fn no_setting_of_the_path_unit_is_there_twice() {
    let unit = unit("hv-timesync-counter.path");
    let mut keys: Vec<&str> = unit.iter().map(|line| line.split('=').next().unwrap()).collect();
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), all, "{unit:?}");
}
