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

use crate::freeze::Ended;
use crate::freeze::record::Record;
use hv_utils_core::sys;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair, sockopt};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// The argument that makes the program a guardian.
pub const ARGUMENT: &str = "--guardian";

/// How long the guardian may take for an answer before it is taken for dead.
const PATIENCE: Duration = Duration::from_secs(10);

/// The daemon's side of a guardian.
#[derive(Debug)]
pub struct Guardian {
    child: Child,
    line: Arc<Line>,
    news: AsyncFd<Arc<OwnedFd>>,
}

/// What is asked of the guardian, from the thread that freezes. Each call waits for the answer.
#[derive(Debug)]
pub struct Line(OwnedFd);

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
        Ok(Guardian { child, line: Arc::new(Line(command)), news: sys::watch(news)? })
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

    /// Ends it, and waits until it has ended: it holds nothing any more.
    pub fn end(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Line {
    /// Hands over the record and the descriptors, in the record's order. When it returns, the guardian is ready to act.
    ///
    /// # Errors
    /// It is dead, or does not answer.
    pub(crate) fn arm(&self, record: &Record, targets: &[OwnedFd]) -> io::Result<()> {
        talk::arm(&self.0, record.descriptor(), targets.len())?;
        for some in targets.chunks(talk::BATCH) {
            talk::targets(&self.0, some)?;
        }
        talk::answer(&self.0)
    }

    /// The first filesystem is about to be frozen: all are to be thawed at `deadline` (CLOCK_MONOTONIC) at the latest.
    ///
    /// # Errors
    /// It is dead, does not answer, or was told to end.
    pub(crate) fn go(&self, deadline: Duration) -> io::Result<()> {
        talk::go(&self.0, deadline)?;
        talk::answer(&self.0)
    }

    /// Everything is thawed: it may close the descriptors.
    ///
    /// # Errors
    /// It is dead, or does not answer.
    pub(crate) fn release(&self) -> io::Result<()> {
        talk::release(&self.0)?;
        talk::answer(&self.0)
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}
