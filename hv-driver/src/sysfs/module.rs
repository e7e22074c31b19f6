//! Loading `uio_hv_generic`: the only program this one ever runs, by its fixed path, without a shell, and not for long.

use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Bus;
use crate::engine::UIO;
use crate::error::Error;

const MODPROBE: &str = "/sbin/modprobe";
/// A module is loaded in milliseconds; a slow disk may be in the way.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

/// Makes sure that the raw driver is there.
///
/// # Errors
/// It is not, and cannot be loaded: the kernel was built without it, or does not let us.
pub fn load_raw_driver(bus: &Bus) -> Result<(), Error> {
    if bus.has_driver(UIO) {
        return Ok(());
    }
    let why =
        if bus.is_real() { modprobe() } else { "not in another sysfs than the machine's own".to_owned() };
    if bus.has_driver(UIO) {
        return Ok(());
    }
    Err(Error::unavailable(format!("the driver {UIO} is not there and cannot be loaded ({why})")))
}

/// Runs it; what it came to, for a sentence.
fn modprobe() -> String {
    ended().unwrap_or_else(|error| format!("cannot run {MODPROBE}: {error}"))
}

fn ended() -> io::Result<String> {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new(MODPROBE);
    command.arg(UIO).stdin(Stdio::null()).stdout(Stdio::null()).env_clear().process_group(0);
    let mut child = command.spawn()?;
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(format!("{MODPROBE} {UIO}: {status}"));
        }
        std::thread::sleep(LOOK);
    }
    // If it cannot be killed it has just ended, or never will; waiting for it would not help either way.
    let _ = child.kill();
    Ok(format!("{MODPROBE} {UIO} does not end"))
}
