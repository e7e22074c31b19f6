//! A message bus of a test's own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running `dbus-daemon`; ends with the value.
#[derive(Debug)]
pub(crate) struct PrivateBus {
    daemon: Child,
    pub(crate) address: String,
}

impl PrivateBus {
    /// Starts it.
    pub(crate) fn start(directory: &Path) -> PrivateBus {
        let address = format!("unix:path={}", directory.join("bus").display());
        let configuration = format!(
            "<busconfig><type>custom</type><listen>{address}</listen><auth>EXTERNAL</auth>\
             <policy context='default'><allow user='*'/><allow own='*'/><allow send_destination='*'/>\
             <allow receive_sender='*'/></policy></busconfig>"
        );
        std::fs::write(directory.join("bus.conf"), configuration).unwrap();
        let mut daemon = Command::new("dbus-daemon")
            .args(["--nofork", "--nopidfile", "--print-address=1", "--config-file"])
            .arg(directory.join("bus.conf"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon is installed");
        let mut told = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut told).unwrap();
        assert!(told.starts_with(&address), "dbus-daemon says {told:?}");
        PrivateBus { daemon, address }
    }
}

impl Drop for PrivateBus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
