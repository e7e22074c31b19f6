//! Has hv-netapply go on with what was cut short: at our start, when its socket appears, when it died over a request.
//!
//! hv-netapply is started by its socket and ends when it has nothing to do, so somebody has to call it. Whether there is
//! anything to do says a file of its own; without that file it is not called. Nothing waits here for long: where nobody
//! answers, a few attempts, and then the next appearance of the socket.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hv_utils_core::daemon::PathWatch;
use hv_utils_core::netapply::Request;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::attempt::{Failure, done};
use super::conversation::{Conversation, Trouble};
use super::pauses::Pauses;

/// Attempts in a row.
const ATTEMPTS: u32 = 6;
/// Before the second; doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// To undo, or to hand everything that is kept to the kernel.
const PATIENCE: Duration = Duration::from_secs(120);

/// The task; ends with the value.
#[derive(Debug)]
pub(crate) struct Resumer {
    task: JoinHandle<()>,
    cut: Arc<Notify>,
}

impl Resumer {
    /// Begins to look after hv-netapply at `socket`, which has something to do while there is a file at `owed`. Needs a
    /// tokio runtime.
    pub(crate) fn start(socket: PathBuf, owed: PathBuf) -> Resumer {
        Resumer::with_pause(socket, owed, FIRST_PAUSE)
    }

    pub(super) fn with_pause(socket: PathBuf, owed: PathBuf, pause: Duration) -> Resumer {
        let cut = Arc::new(Notify::new());
        let work = Work { socket, owed, pause, cut: Arc::clone(&cut) };
        Resumer { task: tokio::spawn(work.run()), cut }
    }

    /// hv-netapply died in the middle of a change: it is called once more, whatever its files say.
    pub(crate) fn was_cut(&self) {
        self.cut.notify_one();
    }
}

impl Drop for Resumer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Work {
    socket: PathBuf,
    owed: PathBuf,
    pause: Duration,
    cut: Arc<Notify>,
}

impl Work {
    async fn run(self) {
        let mut was_cut = false;
        let mut pauses = Pauses::new();
        loop {
            // Before the look, so that nothing that comes after it is missed.
            let watch = PathWatch::new(&self.socket);
            if was_cut || self.owed.exists() {
                self.resume().await;
            }
            let news = async { watch?.changed().await };
            was_cut = tokio::select! {
                () = self.cut.notified() => true,
                () = pauses.wait(true, news, &self.socket) => false,
            };
        }
    }

    /// Calls until it is done, a few times.
    async fn resume(&self) {
        let mut pause = self.pause;
        for attempt in 1..=ATTEMPTS {
            match self.call().await {
                Ok(()) => return tracing::debug!("hv-netapply went on with what was cut short"),
                // At boot its socket comes when it comes, and is watched for.
                Err(Failure::Trouble(Trouble::Absent { .. })) if !self.socket.exists() => {
                    return tracing::debug!("hv-netapply is not there yet");
                }
                Err(failure) if attempt == ATTEMPTS => {
                    tracing::warn!("hv-netapply cannot go on with what was cut short: {failure}");
                }
                Err(failure) => {
                    tracing::debug!(%failure, "hv-netapply is called again");
                    sleep(pause).await;
                    pause *= 2;
                }
            }
        }
    }

    async fn call(&self) -> Result<(), Failure> {
        done(Conversation::open(&self.socket)?, &Request::Resume, PATIENCE).await
    }
}
