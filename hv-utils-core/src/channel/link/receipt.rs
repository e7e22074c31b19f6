//! What becomes of an answer: sent, waiting for room, or never sent.
//!
//! Most services do not care. One that changes the machine and takes it back if the host was not told has to.

use super::status::Books;
use crate::channel::ChannelError;
use tokio::sync::oneshot::{self, error::TryRecvError};

/// What becomes of an answer, for whoever must know what the host has been told.
#[derive(Debug)]
pub struct Receipt(pub(super) oneshot::Receiver<()>);

impl Receipt {
    /// Waits until the answer is where the host finds it. `false`: it never will be, because the host ended the request, or
    /// the channel was lost before there was room for it. Cancel safe.
    pub async fn delivered(&mut self) -> bool {
        (&mut self.0).await.is_ok()
    }

    /// As [`delivered`](Self::delivered), if it is known by now. Not to be asked again when it was.
    pub fn known(&mut self) -> Option<bool> {
        match self.0.try_recv() {
            Ok(()) => Some(true),
            Err(TryRecvError::Closed) => Some(false),
            Err(TryRecvError::Empty) => None,
        }
    }
}

/// The other end of a [`Receipt`]: told when the answer is sent, dropped when it is not.
#[derive(Debug, Default)]
pub(super) struct Note(Option<oneshot::Sender<()>>);

impl Note {
    pub(super) fn with_receipt() -> (Self, Receipt) {
        let (note, receipt) = oneshot::channel();
        (Self(Some(note)), Receipt(receipt))
    }

    /// The answer is where the host finds it.
    pub(super) fn sent(self) {
        if let Some(note) = self.0 {
            // Whoever wanted to know may have lost interest.
            let _ = note.send(());
        }
    }
}

/// What became of an attempt to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is where the host finds it.
    Yes,
    /// No ring could hold it: nothing better can become of it.
    Never,
    /// There is no room now.
    NoRoom,
}

impl Sent {
    /// Whether the answer is done with.
    pub(super) fn is_over(self) -> bool {
        self != Self::NoRoom
    }
}

/// Judges an attempt; logs the first that no ring could hold.
pub(super) fn sent(result: Result<bool, ChannelError>, books: &mut Books) -> Result<Sent, ChannelError> {
    match result {
        Ok(true) => Ok(Sent::Yes),
        Ok(false) => Ok(Sent::NoRoom),
        Err(ChannelError::Packet(fault)) => {
            books.warn("reply not sent", &fault);
            Ok(Sent::Never)
        }
        Err(error) => Err(error),
    }
}
