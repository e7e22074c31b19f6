//! A guest for a test: a bus that obeys its files, a kernel's version, installed daemons, a configuration.
//!
//! Limits of time only turn a hang into a failure.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use hv_utils_core::testing::{Driver, FakeBus, Moment, Written};
use hv_utils_core::wire::Ic;
use tempfile::TempDir;

/// When a test that hangs has failed.
pub(crate) const HANG: Duration = Duration::from_secs(60);

/// A guest.
pub(crate) struct Guest {
    pub(crate) directory: TempDir,
    pub(crate) bus: FakeBus,
}

impl Guest {
    /// Linux 6.12 with these components offered, the bus obeying.
    pub(crate) fn new(ics: &[Ic]) -> Self {
        Self::observed(ics, |_, _| {})
    }

    /// The same, with every control write seen by `observer`.
    pub(crate) fn observed(ics: &[Ic], observer: impl FnMut(&Written, Moment) + Send + 'static) -> Self {
        Self::begun(Driver::HvUtils, ics, observer)
    }

    /// The same, with all devices on that driver to begin with.
    pub(crate) fn begun(
        driver: Driver,
        ics: &[Ic],
        observer: impl FnMut(&Written, Moment) + Send + 'static,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut bus = FakeBus::new(directory.path()).unwrap();
        for ic in ics {
            match driver {
                Driver::HvUtils => bus.offer(*ic).unwrap(),
                Driver::Uio => bus.offer_on_uio(*ic).unwrap(),
            }
        }
        bus.obey_files(observer).unwrap();
        let guest = Self { directory, bus };
        guest.set_kernel("6.12.95+deb12-cloud-amd64");
        guest.write("proc/sys/kernel/random/boot_id", "6d0ad7c1-0000-4000-8000-000000000001\n");
        guest.write("etc/hv-utils/hv-utils.toml", "");
        guest.install("hv-kvpd");
        guest
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(crate) fn set_kernel(&self, release: &str) {
        self.write("proc/sys/kernel/osrelease", &format!("{release}\n"));
    }

    pub(crate) fn install(&self, daemon: &str) {
        self.write(&format!("libexec/{daemon}"), "");
    }

    /// This test's process is one of the guest's from now on.
    pub(crate) fn shows_this_process(&self) {
        let pid = std::process::id();
        std::os::unix::fs::symlink(format!("/proc/{pid}"), self.path("proc").join(pid.to_string())).unwrap();
    }

    /// `hv-driver` in this guest, without a bus.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        driver(self.directory.path(), "none", args)
    }

    /// `hv-driver` in this guest, on a bus.
    pub(crate) fn command_on(&self, bus: &str, args: &[&str]) -> Command {
        driver(self.directory.path(), bus, args)
    }

    /// Runs it to its end, and to that of all that it has written: the bus may be a moment behind.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let ran = self.command(args).output().unwrap().into();
        self.bus.caught_up().unwrap();
        ran
    }

    /// Runs it to its end, which has to be a good one.
    #[track_caller]
    pub(crate) fn good(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {}{}", ran.out, ran.err);
        ran
    }

    /// After any journey: new devices are probed, and nothing says that one is under way.
    #[track_caller]
    pub(crate) fn is_orderly(&self) {
        assert!(self.bus.autoprobe(), "auto-probing is off");
        assert!(!self.path("run/hv-driver.switching").exists(), "a switch seems to be under way");
    }

    #[track_caller]
    pub(crate) fn has(&self, ic: Ic, driver: impl Into<Option<Driver>>) {
        assert_eq!(self.bus.driver(ic), driver.into(), "{ic}");
    }
}

/// Another program in the guest below `root`, which has a node open.
pub(crate) fn runs(root: &Path, pid: u32, comm: &str, node: &str) {
    let process = root.join("proc").join(pid.to_string());
    fs::create_dir_all(process.join("fd")).unwrap();
    fs::write(process.join("comm"), format!("{comm}\n")).unwrap();
    std::os::unix::fs::symlink(root.join(node), process.join("fd/3")).unwrap();
}

/// `hv-driver` with all its roots below a directory.
fn driver(root: &Path, bus: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hv-driver"));
    command.args(args).args(["--bus", bus]);
    let roots = [
        ("sysfs-root", "sys"),
        ("proc-root", "proc"),
        ("dev-root", "dev"),
        ("run-dir", "run"),
        ("daemon-dir", "libexec"),
    ];
    for (option, name) in roots {
        command.arg(format!("--{option}")).arg(root.join(name));
    }
    command.arg("--config").arg(root.join("etc/hv-utils/hv-utils.toml"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ran {
    /// The row of a component in the table.
    pub(crate) fn row(&self, service: &str) -> &str {
        let mut lines = self.out.lines();
        lines.find(|line| line.split_whitespace().next() == Some(service)).unwrap_or_default()
    }
}

/// Waits until it is so.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < HANG, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A process that is ended with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
