//! A message bus of a test's own, for daemons that run as processes: a `dbus-daemon` on a socket in a directory, on which
//! everybody may do everything. Who may do what is then the daemon's to decide.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A running `dbus-daemon`; ends with the value.
#[derive(Debug)]
pub struct MessageBus {
    daemon: Child,
    /// Its address, for `--bus`.
    pub address: String,
}

impl MessageBus {
    /// The address of a bus in that directory, whether it runs or not.
    #[must_use]
    pub fn address_in(directory: &Path) -> String {
        format!("unix:path={}", directory.join("bus").display())
    }

    /// Starts it, and returns when it listens.
    ///
    /// # Errors
    /// There is no `dbus-daemon` (kind `NotFound`), or it does not say where it listens.
    pub fn start(directory: &Path) -> io::Result<MessageBus> {
        let address = Self::address_in(directory);
        let configuration = format!(
            "<busconfig><type>custom</type><listen>{address}</listen><auth>EXTERNAL</auth>\
             <policy context='default'><allow user='*'/><allow own='*'/><allow send_destination='*'/>\
             <allow receive_sender='*'/></policy></busconfig>"
        );
        let file = directory.join("bus.conf");
        fs::write(&file, configuration)?;
        let mut command = Command::new("dbus-daemon");
        command.args(["--nofork", "--nopidfile", "--print-address=1", "--config-file"]).arg(file);
        let mut daemon = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut told = String::new();
        if let Some(output) = daemon.stdout.take() {
            BufReader::new(output).read_line(&mut told)?;
        }
        let bus = MessageBus { daemon, address };
        if told.starts_with(&bus.address) {
            Ok(bus)
        } else {
            Err(io::Error::other(format!("dbus-daemon listens at {told:?}, not at {}", bus.address)))
        }
    }

    /// Sends a signal to the bus itself: `SIGSTOP` makes one that does not answer.
    ///
    /// # Errors
    /// As kill(2).
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.daemon), signal)?)
    }
}

impl Drop for MessageBus {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
