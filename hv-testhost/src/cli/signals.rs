//! SIGINT and SIGTERM: what they cut short, and the exit code that says so.
//!
//! The first one is a request: a host thaws what a checkpoint froze and gives devices back before the program ends. The
//! second one is not waited for.

use std::future::Future;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// Both signals, from when this is made.
pub(super) struct Signals(Option<(Signal, Signal)>);

/// One that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Interrupt,
    Terminate,
}

impl Signals {
    /// Needs a tokio runtime. Without signals (the system refuses) the program is ended as any other.
    pub(super) fn new() -> Signals {
        let both =
            || -> io::Result<_> { Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)) };
        Signals(both().ok())
    }

    /// Waits for one. Cancel safe.
    pub(super) async fn next(&mut self) -> Told {
        let Some((interrupt, terminate)) = &mut self.0 else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => Told::Interrupt,
            _ = terminate.recv() => Told::Terminate,
        }
    }

    /// Does something unless a signal comes first.
    ///
    /// # Errors
    /// The signal.
    pub(super) async fn unless<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Told> {
        tokio::select! {
            done = work => Ok(done),
            told = self.next() => Err(told),
        }
    }
}

impl From<Told> for Failure {
    fn from(told: Told) -> Failure {
        match told {
            Told::Interrupt => Failure::Interrupted { signal: "SIGINT", exit: 130 },
            Told::Terminate => Failure::Interrupted { signal: "SIGTERM", exit: 143 },
        }
    }
}
