//! The task that owns a port's stream: connects, and waits longer each time nobody listens.
//!
//! What is said on one stream is in [`super::conversation`], what the virtual machine was told of the device from one
//! stream to the next in [`super::device`].

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::sleep;

use super::Meeting;
use super::conversation::Conversation;
use super::device::Device;

/// Pause before a stream is connected again; each attempt in vain doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The task.
#[derive(Debug)]
pub(super) struct Carrier {
    path: PathBuf,
    pub(super) device: Device,
    pub(super) meeting: Arc<Meeting>,
}

impl Carrier {
    pub(super) fn new(path: PathBuf, device: Device, meeting: Arc<Meeting>) -> Carrier {
        Carrier { path, device, meeting }
    }

    /// Works until the task is ended.
    pub(super) async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        let mut last = None;
        loop {
            match UnixStream::connect(&self.path).await {
                Ok(stream) => {
                    last = None;
                    if self.hold(stream).await {
                        pause = FIRST_PAUSE;
                    }
                }
                // The one who listens is busy.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => last = None,
                // Nobody listens yet, or any more: that is what a port waits for.
                Err(error) if is_early(&error) => {
                    last = None;
                    self.device.absent();
                }
                Err(error) => {
                    // Said once, not at every attempt.
                    if last.replace(error.kind()) != Some(error.kind()) {
                        self.tell("connect to", &error);
                    }
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A stream from its first byte to its last; whether the other side has said anything that can be understood.
    async fn hold(&mut self, stream: UnixStream) -> bool {
        let mut conversation = Conversation::new(self, stream);
        let end = conversation.hold().await;
        let heard = conversation.heard;
        drop(conversation);
        let broken = end.err().filter(|error| error.kind() == io::ErrorKind::InvalidData);
        self.device.end(broken.is_none());
        match broken {
            Some(error) => self.tell("go on at", &error),
            // A virtual machine that ends closes its stream or resets it: neither is news.
            None => self.meeting.put(None),
        }
        heard
    }

    fn tell(&self, what: &str, error: &io::Error) {
        let why = format!("cannot {what} {}: {error}", self.path.display());
        self.meeting.put(Some((0, Err(io::Error::new(error.kind(), why)))));
    }
}

fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}
