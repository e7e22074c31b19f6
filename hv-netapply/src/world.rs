//! What every backend is given: where things are, the bus if there is one, what the administrator decided, and the way to
//! call a manager's own command.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use hv_utils_core::bus::BusChoice;
use hv_utils_core::netapply::NetworkSettings;
use tokio::process::Command;
use tokio::time::timeout;
use zbus::{Connection, connection};

use crate::backend::Roots;
use crate::error::Error;

/// How long the bus may take to let us on.
const BUS_PATIENCE: Duration = Duration::from_secs(3);
/// How long a call on the bus may take.
pub const CALL_PATIENCE: Duration = Duration::from_secs(10);
/// What is told of a command's words.
const MOST_SAID: usize = 600;

/// Shared by all backends, as an `Rc`.
#[derive(Debug)]
pub struct World {
    /// Where everything is.
    pub roots: Roots,
    /// `[network]`.
    pub settings: NetworkSettings,
    bus: BusChoice,
    connection: RefCell<Option<Connection>>,
}

impl World {
    /// A world; the bus is not called before somebody asks for it.
    #[must_use]
    pub fn new(roots: Roots, settings: NetworkSettings, bus: BusChoice) -> Self {
        Self { roots, settings, bus, connection: RefCell::new(None) }
    }

    /// The system bus, if there is one. A connection that broke is made anew.
    pub async fn bus(&self) -> Option<Connection> {
        if let Some(known) = self.connection.borrow().as_ref().filter(|known| !known.is_closed()) {
            return Some(known.clone());
        }
        let address = self.bus.address().ok().flatten()?;
        let builder = connection::Builder::address(address).method_timeout(CALL_PATIENCE);
        let made = timeout(BUS_PATIENCE, builder.build()).await.ok()?.ok()?;
        *self.connection.borrow_mut() = Some(made.clone());
        Some(made)
    }

    /// Whether somebody owns `name` on the bus now; nobody is started.
    pub async fn is_on_bus(&self, name: &str) -> bool {
        let Some(bus) = self.bus().await else { return false };
        const BUS: &str = "org.freedesktop.DBus";
        let reply =
            bus.call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), "NameHasOwner", &name).await;
        reply.and_then(|reply| reply.body().deserialize::<bool>()).unwrap_or(false)
    }

    /// Whether systemd is told to start `unit` at boot: a link in some `.wants` directory below `/etc/systemd/system`.
    #[must_use]
    pub fn is_enabled(&self, unit: &str) -> bool {
        let system = self.roots.etc.join("systemd/system");
        let wants = |directory: &Path| directory.extension() == Some(OsStr::new("wants"));
        let entries = std::fs::read_dir(&system).into_iter().flatten().flatten();
        let mut directories = entries.map(|entry| entry.path()).filter(|path| wants(path));
        directories.any(|directory| directory.join(unit).symlink_metadata().is_ok())
    }

    /// Runs a manager's own command: fixed path, no shell, a process group of its own, killed as a whole when its time is
    /// over. Returns what it printed.
    ///
    /// # Errors
    /// It is not there, took too long or failed; the message has the end of what it said.
    pub async fn command(
        &self,
        program: &Path,
        arguments: &[&OsStr],
        limit: Duration,
    ) -> Result<String, Error> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        command.process_group(0).kill_on_drop(true);
        let failed = |why: String| Error::not_applied(format!("{}: {why}", program.display()));
        let child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        let output = match timeout(limit, child.wait_with_output()).await {
            Ok(output) => output.map_err(|error| failed(error.to_string()))?,
            Err(_) => {
                if let Some(group) = group {
                    // Its children too, whatever they are doing.
                    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                }
                return Err(failed(format!("took longer than {} s", limit.as_secs())));
            }
        };
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = if said.trim().is_empty() { String::from_utf8_lossy(&output.stdout) } else { said };
        let mut from = said.len().saturating_sub(MOST_SAID);
        while !said.is_char_boundary(from) {
            from += 1;
        }
        Err(failed(format!("{}: {}", output.status, said[from..].trim())))
    }
}
