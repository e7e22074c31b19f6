//! What the service manager is told: ready, status, watchdog, reloading, stopping (`sd_notify(3)`).
//!
//! One datagram per message to `NOTIFY_SOCKET`; without that variable everything here does nothing. What must
//! arrive may wait for a second, the rest never waits: a manager that does not read must not stop a daemon.

use rustix::net::{SendFlags, SocketAddrUnix};
use rustix::time::{ClockId, clock_gettime};
use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for a message that must arrive.
const PATIENCE: Duration = Duration::from_secs(1);

/// Longest status text sent, in bytes.
const STATUS_BYTES: usize = 1024;

/// The line to the service manager. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Notifier(Option<Arc<Line>>);

#[derive(Debug)]
struct Line {
    socket: UnixDatagram,
    manager: SocketAddrUnix,
}

impl Notifier {
    /// The line that `NOTIFY_SOCKET` names, if any.
    ///
    /// # Errors
    /// The variable names something that cannot be a socket's address.
    pub fn from_env() -> io::Result<Self> {
        match env::var_os("NOTIFY_SOCKET") {
            Some(address) if !address.is_empty() => Self::to(&address),
            _ => Ok(Self::default()),
        }
    }

    /// The line to a socket: a path, or `@` and a name in the abstract namespace.
    ///
    /// # Errors
    /// `address` cannot be a socket's address, or there is no socket to be had.
    pub fn to(address: &OsStr) -> io::Result<Self> {
        let manager = match address.as_bytes() {
            [b'@', name @ ..] => SocketAddrUnix::new_abstract_name(name)?,
            path @ [b'/', ..] => SocketAddrUnix::new(path)?,
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "neither a path nor an abstract name",
                ));
            }
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(Some(Arc::new(Line { socket, manager }))))
    }

    /// The daemon serves.
    pub fn ready(&self) {
        self.must("READY=1");
    }

    /// One line for `systemctl status`.
    pub fn status(&self, text: &str) {
        let line = text.lines().next().unwrap_or_default();
        let end = (0..=line.len().min(STATUS_BYTES)).rev().find(|end| line.is_char_boundary(*end));
        self.may(&format!("STATUS={}", end.and_then(|end| line.get(..end)).unwrap_or_default()));
    }

    /// The daemon is alive.
    pub fn watchdog(&self) {
        self.may("WATCHDOG=1");
    }

    /// The configuration is being read again; [`Notifier::ready`] ends it.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.must(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The daemon is about to end.
    pub fn stopping(&self) {
        self.must("STOPPING=1");
    }

    /// Start, stop or reload takes longer: not to be given up for `more`, counted from now.
    pub fn extend_timeout(&self, more: Duration) {
        self.must(&format!("EXTEND_TIMEOUT_USEC={}", more.as_micros()));
    }

    /// The daemon may be silent for `time` before it is taken for dead: a new period for its watchdog, from now on.
    pub fn watchdog_period(&self, time: Duration) {
        self.must(&format!("WATCHDOG_USEC={}", time.as_micros()));
    }

    fn must(&self, message: &str) {
        self.send(message, SendFlags::NOSIGNAL);
    }

    fn may(&self, message: &str) {
        self.send(message, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
    }

    fn send(&self, message: &str, flags: SendFlags) {
        let Some(line) = &self.0 else { return };
        if let Err(error) = rustix::net::sendto(&line.socket, message.as_bytes(), flags, &line.manager) {
            tracing::debug!(%error, told = message, "the service manager could not be told");
        }
    }
}

/// How often to send [`Notifier::watchdog`]: half of what the manager waits, if it watches this process.
#[must_use]
pub fn watchdog_interval() -> Option<Duration> {
    half_of(env::var_os("WATCHDOG_USEC"), env::var_os("WATCHDOG_PID"), std::process::id())
}

/// How long the manager waits for [`Notifier::watchdog`], if it watches this process.
#[must_use]
pub fn watchdog_limit() -> Option<Duration> {
    watchdog_interval().map(|half| half * 2)
}

fn half_of(micros: Option<OsString>, watched: Option<OsString>, own: u32) -> Option<Duration> {
    let number = |text: OsString| text.to_str()?.parse::<u64>().ok();
    let ours = match watched {
        Some(pid) => number(pid)? == u64::from(own),
        None => true,
    };
    let micros = number(micros?)?;
    (ours && micros > 1).then(|| Duration::from_micros(micros / 2))
}

#[cfg(test)]
mod tests;
