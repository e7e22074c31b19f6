//! The guardian: a process of its own that thaws when the daemon cannot.
//!
//! Started with the daemon, from the same program image, and idle until a freeze. Then it holds the filesystems' descriptors
//! and the record, in locked memory, and thaws what is frozen at the deadline, when it is told to end, and when the daemon's
//! end of the line closes: however that one died. It knows nothing of hosts, buses or configurations.
//!
//! ```text
//!  daemon ── command: arm (record), targets, go (deadline), release ──► guardian      each answered by one byte
//!         ◄── news: deadline, told to end ────────────────────────────
//! ```
//! Here is the daemon's side of it; `process` is the other one, `talk` what is said.

mod process;
mod talk;

pub use process::main;

use crate::freeze::record::Record;
use crate::freeze::{Ended, STACK_BYTES};
use hv_utils_core::sys;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair, sockopt};
use rustix::process::{Pid, Signal, kill_process};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// The argument that makes the program a guardian.
pub const ARGUMENT: &str = "--guardian";

/// How long the guardian may take for an answer before it is taken for dead.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same, where somebody is waiting for something else.
const MOMENT: Duration = Duration::from_secs(1);

/// The daemon's side of a guardian.
#[derive(Debug)]
pub struct Guardian {
    child: Child,
    line: Arc<Line>,
    news: AsyncFd<Arc<OwnedFd>>,
}

/// What is asked of the guardian, from the thread that freezes. Each call waits for the answer.
#[derive(Debug)]
pub struct Line(Mutex<OwnedFd>);

/// What the guardian has to say by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It has thawed what was frozen.
    Thawed(Ended),
    /// It is gone.
    Dead,
}

impl Guardian {
    /// Starts one. Needs a tokio runtime.
    ///
    /// # Errors
    /// There is no process or descriptor to be had.
    pub fn start() -> io::Result<Guardian> {
        let pair = || socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
        let ((command, theirs), (news, told)) = (pair()?, pair()?);
        sockopt::set_socket_timeout(&command, sockopt::Timeout::Recv, Some(PATIENCE))?;
        sockopt::set_socket_timeout(&command, sockopt::Timeout::Send, Some(PATIENCE))?;
        // Through /proc, so that it is this very program, also if another was installed meanwhile.
        let child = Command::new("/proc/self/exe")
            .arg0("hv-vssd-guardian")
            .arg(ARGUMENT)
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::from(told))
            .env_clear()
            .spawn()?;
        Ok(Guardian { child, line: Arc::new(Line(Mutex::new(command))), news: sys::watch(news)? })
    }

    /// The line to it.
    pub fn line(&self) -> Arc<Line> {
        Arc::clone(&self.line)
    }

    /// Its process, for the log.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for what it has to say. Cancel safe.
    pub async fn news(&mut self) -> News {
        loop {
            let Ok(mut guard) = self.news.readable().await else { return News::Dead };
            match talk::hear(guard.get_inner()) {
                Ok(Some(news)) => return News::Thawed(news),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                Ok(None) | Err(_) => return News::Dead,
            }
        }
    }

    /// Ends it, at once: only while it holds nothing that is frozen.
    pub fn end(mut self) {
        let _ = self.child.kill();
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            // It dies in a moment, or when the kernel lets go of it: nobody waits for that. Without a thread it is a zombie
            // until we end.
            let reap = move || drop(self.child.wait());
            let _ = thread::Builder::new().name("reap".into()).stack_size(STACK_BYTES).spawn(reap);
        }
    }

    /// Leaves it to what it guards. It is told to end, so that it thaws, and does when we are gone.
    pub fn leave(self) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::TERM));
        }
    }
}

impl Line {
    /// Hands over the record and the descriptors, in the record's order. When it returns, the guardian is ready to act.
    ///
    /// # Errors
    /// It is dead, or does not answer: then it is not to be asked again, since its answer may still come.
    pub(crate) fn arm(&self, record: &Record, targets: &[OwnedFd]) -> io::Result<()> {
        let line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        talk::arm(&*line, record.descriptor(), targets.len())?;
        for some in targets.chunks(talk::BATCH) {
            talk::targets(&*line, some)?;
        }
        talk::answer(&*line)
    }

    /// The first filesystem is about to be frozen: all are to be thawed at `deadline` (CLOCK_MONOTONIC) at the latest.
    ///
    /// # Errors
    /// It is dead, does not answer, or was told to end.
    pub(crate) fn go(&self, deadline: Duration) -> io::Result<()> {
        let line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        talk::go(&*line, deadline)?;
        talk::answer(&*line)
    }

    /// Everything is thawed: it may close the descriptors. Whoever waits for the thaw waits for this, so not for long.
    ///
    /// # Errors
    /// It is dead, or does not answer.
    pub(crate) fn release(&self) -> io::Result<()> {
        let line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sockopt::set_socket_timeout(&*line, sockopt::Timeout::Recv, Some(MOMENT))?;
        talk::release(&*line)?;
        talk::answer(&*line)?;
        Ok(sockopt::set_socket_timeout(&*line, sockopt::Timeout::Recv, Some(PATIENCE))?)
    }
}
