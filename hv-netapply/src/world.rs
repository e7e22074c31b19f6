//! What every backend is given: where things are, the bus if there is one, what the administrator decided, and the way to
//! call a manager's own command.

use std::cell::{Cell, RefCell};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::{FusedFuture, FutureExt, join3};
use hv_utils_core::bus::BusChoice;
use hv_utils_core::netapply::NetworkSettings;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, Command};
use tokio::time::{Instant, timeout};
use zbus::{Connection, connection};

use crate::backend::Roots;
use crate::error::Error;

/// How long the bus may take to let us on.
const BUS_PATIENCE: Duration = Duration::from_secs(3);
/// How long a bus that did not let us on in that time is not asked again: a transaction asks often, and has no time to wait
/// for each.
const BUS_SILENCE: Duration = Duration::from_secs(20);
/// How long a call on the bus may take.
pub const CALL_PATIENCE: Duration = Duration::from_secs(10);
/// How long a program that has ended may still be heard.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// What is kept of a command's output.
const MOST_KEPT: usize = 1 << 20;
/// What is told of a command's words.
const MOST_SAID: usize = 600;

/// Shared by all backends, as an `Rc`.
#[derive(Debug)]
pub struct World {
    /// Where everything is.
    pub roots: Roots,
    /// `[network]`.
    pub settings: NetworkSettings,
    /// Why nothing is configured here, if that is so.
    pub refusal: Option<&'static str>,
    bus: BusChoice,
    connection: RefCell<Option<Connection>>,
    /// When the bus kept silent.
    silent: Cell<Option<Instant>>,
}

impl World {
    /// A world; the bus is not called before somebody asks for it.
    #[must_use]
    pub fn new(roots: Roots, settings: NetworkSettings, bus: BusChoice) -> Self {
        let forbidden =
            "the administrator does not let the host configure adapters ([network] host-may-configure)";
        let refusal = (!settings.host_may_configure).then_some(forbidden);
        Self { roots, settings, refusal, bus, connection: RefCell::new(None), silent: Cell::new(None) }
    }

    /// The system bus, if there is one. A connection that broke is made anew; a bus that listens and does not answer is none
    /// for a while.
    pub async fn bus(&self) -> Option<Connection> {
        if let Some(known) = self.connection.borrow().as_ref().filter(|known| !known.is_closed()) {
            return Some(known.clone());
        }
        if self.silent.get().is_some_and(|since| since.elapsed() < BUS_SILENCE) {
            return None;
        }
        let address = self.bus.address().ok().flatten()?;
        let builder = connection::Builder::address(address).method_timeout(CALL_PATIENCE);
        let made = timeout(BUS_PATIENCE, builder.build()).await;
        self.silent.set(made.is_err().then(Instant::now));
        let made = made.ok()?.ok()?;
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

    /// Whether `unit` is to be started at boot: systemd has a link in some `.wants` or `.requires` directory and has not
    /// masked it; or, where systemd has not started this machine, System V's, OpenRC's or runit's links say so.
    #[must_use]
    pub fn is_enabled(&self, unit: &str) -> bool {
        let Roots { etc, run, usr, .. } = &self.roots;
        let own = [etc.join("systemd/system"), run.join("systemd/system")];
        let mut files = own.iter().map(|directory| directory.join(unit));
        // The administrator's file counts before the one of this boot.
        let is_masked = files.find(|file| file.symlink_metadata().is_ok()).is_some_and(|file| is_null(&file));
        let vendor = usr.join("lib/systemd/system");
        let by_systemd =
            !is_masked && own.iter().chain([&vendor]).any(|directory| is_wanted(directory, unit));
        // As sd_booted(3) asks.
        by_systemd || !own[1].is_dir() && is_enabled_elsewhere(etc, unit)
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
        self.command_with(program, arguments, &[], limit).await
    }

    /// The same with `input` on its standard input.
    ///
    /// # Errors
    /// As for a command.
    pub async fn command_with(
        &self,
        program: &Path,
        arguments: &[&OsStr],
        input: &[u8],
        limit: Duration,
    ) -> Result<String, Error> {
        run(Job { program, arguments, environment: &[], input }, limit).await
    }

    /// The same for a program of the administrator's, which gets `input` on standard input.
    ///
    /// # Errors
    /// As for a command.
    pub async fn hook(
        &self,
        program: &Path,
        environment: &[(&'static str, String)],
        input: &[u8],
        limit: Duration,
    ) -> Result<String, Error> {
        run(Job { program, arguments: &[], environment, input }, limit).await
    }
}

/// A link to `/dev/null`, or an empty file: systemd takes it for nothing.
fn is_null(file: &Path) -> bool {
    let nowhere = fs::read_link(file).is_ok_and(|to| to == Path::new("/dev/null"));
    nowhere || fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
}

fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Whether systemd has a link to it in `directory`.
fn is_wanted(directory: &Path, unit: &str) -> bool {
    let pulls = |path: &PathBuf| path.extension().is_some_and(|word| word == "wants" || word == "requires");
    let mut links = entries(directory).filter(pulls).map(|inner| inner.join(unit));
    let nowhere = |link: &Path| fs::read_link(link).is_ok_and(|to| to == Path::new("/dev/null"));
    links.any(|link| link.symlink_metadata().is_ok() && !nowhere(&link))
}

/// Whether another init system starts it: under the unit's name, or as Debian calls NetworkManager.
fn is_enabled_elsewhere(etc: &Path, unit: &str) -> bool {
    let unit = unit.strip_suffix(".service").unwrap_or(unit);
    let debian = if unit == "NetworkManager" { "network-manager" } else { unit };
    let names = [unit, debian];
    let is_link = |path: &Path| {
        let name = path.file_name().and_then(OsStr::to_str).and_then(|name| name.strip_prefix('S'));
        name.and_then(|name| name.get(2..)).is_some_and(|name| names.contains(&name))
    };
    let system_v = (2..=5).any(|level| entries(&etc.join(format!("rc{level}.d"))).any(|path| is_link(&path)));
    let levels = entries(&etc.join("runlevels")).chain([etc.join("runit/runsvdir/default")]);
    let starts = |level: &Path| names.iter().any(|name| level.join(name).symlink_metadata().is_ok());
    system_v || levels.into_iter().any(|level| starts(&level))
}

/// A program to be run.
struct Job<'a> {
    program: &'a Path,
    arguments: &'a [&'a OsStr],
    environment: &'a [(&'static str, String)],
    input: &'a [u8],
}

/// Ends a process group when it goes out of scope, unless told that the work is done.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Children too, whatever they are doing.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn run(job: Job<'_>, limit: Duration) -> Result<String, Error> {
    let failed = |why: String| Error::not_applied(format!("{}: {why}", job.program.display()));
    let mut command = Command::new(job.program);
    command.args(job.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
    command.envs(job.environment.iter().map(|(name, value)| (name, value)));
    command.process_group(0);
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = {
        let talk = join3(
            feed(child.stdin.take(), job.input),
            listen(child.stdout.take(), &mut out),
            listen(child.stderr.take(), &mut err),
        );
        let mut talk = pin!(talk.fuse());
        let ended = async {
            tokio::select! {
                status = child.wait() => return status,
                _ = &mut talk => {}
            }
            child.wait().await
        };
        let status = timeout(limit, ended).await;
        // What it has left in the background may hold its output open for ever.
        if !talk.is_terminated() {
            let _ = timeout(LAST_WORDS, &mut talk).await;
        }
        status
    };
    let Ok(status) = status else { return Err(failed(format!("took longer than {} s", limit.as_secs()))) };
    let status = status.map_err(|error| failed(error.to_string()))?;
    group.0 = None;
    if status.success() {
        return Ok(String::from_utf8_lossy(&out).into_owned());
    }
    let told = if err.trim_ascii().is_empty() { &out } else { &err };
    let told = &told[told.len().saturating_sub(MOST_SAID)..];
    Err(failed(format!("{status}: {}", String::from_utf8_lossy(told).trim())))
}

async fn feed(stdin: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        // Who does not read it is not interested.
        let _ = stdin.write_all(input).await;
    }
}

/// Reads all of it, and keeps as much as is looked at.
async fn listen(from: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if kept.len() < MOST_KEPT {
            kept.extend_from_slice(&buffer[..length]);
        }
    }
}

#[cfg(test)]
mod tests;
