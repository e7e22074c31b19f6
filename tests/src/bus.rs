//! A D-Bus daemon of the test's own, with a policy that allows everything: authorisation is then the daemons'.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A private bus; gone with the value.
#[derive(Debug)]
pub struct PrivateBus {
    child: Child,
    /// The address that clients connect to.
    pub address: String,
}

const POLICY: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>custom</type>
  <listen>unix:path=@SOCKET@</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
"#;

impl PrivateBus {
    /// Starts a bus whose socket is in `dir`; `None`, with the reason printed, where there is no `dbus-daemon`.
    pub fn start(dir: &Path) -> Option<PrivateBus> {
        let socket = dir.join("bus.sock");
        let config = dir.join("bus.conf");
        let text = POLICY.replace("@SOCKET@", &socket.display().to_string());
        std::fs::write(&config, text).expect("the test's directory can be written");
        let spawned = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = spawned else {
            use std::io::Write as _;
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("a test");
            // Not eprintln!: the runner swallows what a test that passes prints with it.
            let _ =
                writeln!(std::io::stderr(), "SKIPPED {test}: no dbus-daemon on this machine (package dbus)");
            return None;
        };
        // The address is printed once the bus listens.
        let mut address = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut address).expect("dbus-daemon prints its address");
        assert!(
            !address.trim().is_empty(),
            "dbus-daemon ended at once; its configuration: {}",
            config.display()
        );
        Some(PrivateBus { child, address: format!("unix:path={}", socket.display()) })
    }
}

impl Drop for PrivateBus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
