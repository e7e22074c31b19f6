//! The device as the virtual machine was told of it: what is still to be said, and whether it is understood.
//!
//! 0xfff2 (rescind) and 0xfff3 (offer) came after 0xfff0 and 0xfff1, and who does not know a type ends the stream. There
//! is no answer to either, so a refusal is seen in two steps: a stream that ends soon after one of them raises a doubt,
//! and on the next stream, where none is sent, whoever answers is alive and has refused.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::frame;

/// A stream that ends so soon after a rescind or an offer was perhaps ended by it.
const SOON: Duration = Duration::from_secs(1);

/// The device as the host's administrator wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    pub(super) offered: bool,
    /// How often `offered` has changed: two changes are a new device.
    pub(super) changes: u64,
    /// How often an offer was asked for although there is one: for a machine that another host left without.
    pub(super) offers: u64,
}

/// What has come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Progress {
    /// Nobody listens.
    pub(super) absent: bool,
    /// There is a stream.
    pub(super) connected: bool,
    /// Something came on it that can be understood.
    pub(super) heard: bool,
    /// The machine knows neither rescind nor offer.
    pub(super) refused: bool,
    /// When the machine was first heard of, since it is there.
    pub(super) since: Option<Instant>,
    /// The newest wish that was written to a stream, as far as there is something to write for it.
    pub(super) told: Wanted,
}

impl Progress {
    /// Whether nothing is left to say of a wish.
    pub(super) fn is_told(&self, wanted: Wanted) -> bool {
        (self.told.changes, self.told.offers) == (wanted.changes, wanted.offers)
    }
}

/// Waits until a machine is known to refuse and nothing was said of it, or the other way round.
pub(super) async fn differs(progress: &mut watch::Receiver<Progress>, keeps: bool) {
    if progress.wait_for(|progress| progress.refused != keeps).await.is_err() {
        // The carrier lives as long as its port.
        std::future::pending::<()>().await;
    }
}

/// What is known of a virtual machine's side.
#[derive(Debug, Clone)]
pub(crate) struct Contact(pub(super) watch::Receiver<Progress>);

impl Contact {
    /// Whether there is a stream, and whether anything has come on it that can be understood.
    pub(crate) fn is_connected_and_heard(&self) -> (bool, bool) {
        let progress = self.0.borrow();
        (progress.connected, progress.heard)
    }

    /// When the machine was first heard of, since it is there.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.0.borrow().since
    }
}

/// What the machine believes, from one stream to the next.
#[derive(Debug)]
pub(super) struct Device {
    wanted: watch::Receiver<Wanted>,
    progress: watch::Sender<Progress>,
    /// The newest wish that frames were made for.
    said: Wanted,
    /// Whether the machine may believe that the device is gone.
    rescinded: bool,
    /// Whether the last stream may have been ended by what was said.
    doubt: bool,
    /// When the last frame about it was written to this stream.
    written: Option<Instant>,
    /// Whether there is one among the frames on their way out.
    under_way: bool,
}

impl Device {
    pub(super) fn new(wanted: watch::Receiver<Wanted>, progress: watch::Sender<Progress>) -> Device {
        let said = Wanted::default();
        Device { wanted, progress, said, rescinded: false, doubt: false, written: None, under_way: false }
    }

    /// Waits until something else is wanted; `false` when nobody can want anything any more. Cancel safe.
    pub(super) async fn changed(&mut self) -> bool {
        self.wanted.changed().await.is_ok()
    }

    /// The number of the device that is offered, once there is nothing to say of it.
    pub(super) fn current(&self) -> Option<u64> {
        let wanted = *self.wanted.borrow();
        (wanted.offered && wanted.changes == self.said.changes).then_some(wanted.changes)
    }

    /// A stream begins: says what one who was not there has to know. How often the device was offered anew in between
    /// is of no use to it.
    pub(super) fn begin(&mut self, out: &mut Vec<u8>) {
        let wanted = *self.wanted.borrow_and_update();
        self.said = wanted;
        self.written = None;
        self.progress.send_modify(|progress| (progress.absent, progress.connected) = (false, true));
        let asked = self.progress.borrow().told.offers != wanted.offers;
        if self.is_mute() {
            return;
        }
        if !wanted.offered {
            self.rescinded = true;
            self.notice(frame::RESCIND, out);
        } else if self.rescinded || asked {
            self.notice(frame::OFFER, out);
        }
    }

    /// Says what has changed; whether the device is another than before, or is to be used again.
    pub(super) fn catch_up(&mut self, out: &mut Vec<u8>) -> bool {
        let wanted = *self.wanted.borrow_and_update();
        let said = std::mem::replace(&mut self.said, wanted);
        let anew = said.changes != wanted.changes;
        if self.is_mute() {
            return anew;
        }
        if anew {
            if !self.rescinded {
                self.notice(frame::RESCIND, out);
            }
            if wanted.offered {
                self.notice(frame::OFFER, out);
            }
            // Until all of it is written, the worst has to be assumed.
            self.rescinded = true;
        } else if wanted.offered && said.offers != wanted.offers {
            self.notice(frame::OFFER, out);
        }
        anew
    }

    fn notice(&mut self, kind: u16, out: &mut Vec<u8>) {
        frame::notice(kind, out);
        self.under_way = true;
    }

    /// All that was said is written.
    pub(super) fn wrote(&mut self) {
        if self.doubt {
            // If it was none, all of it is said on another stream.
            return;
        }
        let said = self.said;
        if std::mem::take(&mut self.under_way) {
            self.rescinded = !said.offered;
            self.written = Some(Instant::now());
        }
        self.progress.send_if_modified(|progress| {
            let changed = progress.told != said;
            progress.told = said;
            changed
        });
    }

    /// The machine has said something.
    pub(super) fn heard(&mut self) {
        let refused = std::mem::take(&mut self.doubt);
        self.rescinded &= !refused;
        self.progress.send_if_modified(|progress| {
            let before = *progress;
            progress.heard = true;
            progress.since.get_or_insert_with(Instant::now);
            progress.refused |= refused;
            *progress != before
        });
    }

    /// The stream has ended; whether by the machine's will.
    pub(super) fn end(&mut self, by_machine: bool) {
        let soon = self.written.take().is_some_and(|at| at.elapsed() < SOON);
        self.doubt = by_machine && soon;
        self.under_way = false;
        self.progress.send_modify(|progress| (progress.connected, progress.heard) = (false, false));
    }

    /// Nobody listens: who comes next is somebody else.
    pub(super) fn absent(&mut self) {
        self.doubt = false;
        self.progress.send_if_modified(|progress| {
            let before = *progress;
            (progress.absent, progress.refused, progress.since) = (true, false, None);
            *progress != before
        });
    }

    /// When the machine was first heard of, since it is there.
    pub(super) fn since(&self) -> Option<Instant> {
        self.progress.borrow().since
    }

    /// Whether the machine does not understand what would be said, or perhaps does not.
    pub(super) fn is_mute(&self) -> bool {
        self.doubt || self.progress.borrow().refused
    }
}

#[cfg(test)]
mod tests;
