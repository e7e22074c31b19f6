//! A message bus of a test's own: a private `dbus-daemon` that anyone on the machine may talk on.
//!
//! Used by the unit tests of `bus` and by the tests of whole daemons. Where the program is missing a test is
//! skipped by name, with the reason on standard output.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A user no test runs as.
pub(crate) const NOBODY: u32 = 65534;

/// A running `dbus-daemon`; ends with the value.
#[derive(Debug)]
pub(crate) struct PrivateBus {
    directory: TempDir,
    daemon: Option<Child>,
}

impl PrivateBus {
    /// Starts a bus for the test `name`, or prints why the test is skipped.
    pub(crate) fn start(name: &str) -> Option<Self> {
        let mut bus = Self::absent(name)?;
        bus.restart();
        Some(bus)
    }

    /// A bus that has an address but does not run yet.
    pub(crate) fn absent(name: &str) -> Option<Self> {
        if let Err(error) = Command::new("dbus-daemon").arg("--version").stdout(Stdio::null()).status() {
            println!("skipped: {name}: dbus-daemon cannot be run: {error}");
            return None;
        }
        let directory = tempfile::tempdir().expect("a temporary directory");
        // Other users have to reach the socket.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))
            .expect("chmod of our own directory");
        let bus = Self { directory, daemon: None };
        fs::write(bus.path("bus.conf"), bus.configuration("")).expect("write to our own directory");
        Some(bus)
    }

    /// The bus, with more policy than "everything is allowed".
    pub(crate) fn with_policy(name: &str, policy: &str) -> Option<Self> {
        let mut bus = Self::absent(name)?;
        fs::write(bus.path("bus.conf"), bus.configuration(policy)).expect("write to our own directory");
        bus.restart();
        Some(bus)
    }

    fn configuration(&self, policy: &str) -> String {
        format!(
            "<busconfig><type>custom</type><listen>{}</listen><auth>EXTERNAL</auth>\
             <policy context='default'><allow user='*'/><allow own='*'/><allow send_destination='*'/>\
             <allow receive_sender='*'/>{policy}</policy></busconfig>",
            self.address()
        )
    }

    /// Where the bus is.
    pub(crate) fn address(&self) -> String {
        format!("unix:path={}", self.path("bus").display())
    }

    /// A path in the bus's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts the bus, or stops it and starts it again. Returns when it listens.
    pub(crate) fn restart(&mut self) {
        self.stop();
        let mut daemon = Command::new("dbus-daemon")
            .args(["--nofork", "--nopidfile", "--print-address=1", "--config-file"])
            .arg(self.path("bus.conf"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon, which has just told its version");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().expect("standard output is piped"))
            .read_line(&mut address)
            .expect("dbus-daemon tells its address");
        assert!(address.starts_with(&self.address()), "dbus-daemon says {address:?}");
        self.daemon = Some(daemon);
    }

    /// Ends the bus; its socket file is left lying about, as after a crash.
    pub(crate) fn stop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

impl Drop for PrivateBus {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Calls a method on the bus at `address` as another user with `dbus-send`: as nobody if we are root, else as
/// ourselves. `None`, with the reason printed, if that cannot be done.
pub(crate) fn call_as_other(
    test: &str,
    address: &str,
    destination: &str,
    arguments: &[&str],
) -> Option<Output> {
    let mut call = Command::new("dbus-send");
    call.arg(format!("--bus={address}")).arg("--print-reply").arg(format!("--dest={destination}"));
    call.args(arguments).current_dir("/");
    if rustix::process::geteuid().is_root() {
        call.uid(NOBODY);
    }
    call.output().inspect_err(|error| println!("skipped: {test}: dbus-send cannot be run: {error}")).ok()
}
