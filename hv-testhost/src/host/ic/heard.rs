//! What a guest says while no request is outstanding: its choice of versions, late answers, packets nobody asked for.
//!
//! Asking and its answers are in [`super`]; here nothing is sent.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use hv_utils_core::wire::Agreed;

use super::{Ic, IcError};
use crate::host::check;
use crate::host::problem::Problem;
use crate::link::{LinkError, Packet, PacketLink};

/// What a guest says without being asked for the next answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The answer to the NEGOTIATE that is outstanding.
    Agreed(Result<Agreed, IcError>),
    /// Another packet: a late answer, or one nobody asked for. What is wrong with it is recorded.
    Packet,
    /// The end of the channel.
    Closed,
}

impl<L: PacketLink> Ic<L> {
    /// Waits, while no request is outstanding, for whatever the guest says. Cancel safe.
    pub async fn listen(&mut self) -> Heard {
        match self.link.recv().await {
            Ok(packet) => self.heard(packet),
            Err(LinkError::Packet(why)) => {
                self.violated("idle", Problem::Unusable(why));
                Heard::Packet
            }
            Err(LinkError::Corrupt(why)) => {
                self.violated("idle", Problem::Corrupt(why));
                Heard::Closed
            }
            Err(_) => Heard::Closed,
        }
    }

    fn heard(&mut self, packet: Packet) -> Heard {
        match self.offered.take() {
            Some(sent) if check::is_negotiate(&packet) => {
                self.outstanding = 0;
                Heard::Agreed(self.judge(&sent, packet))
            }
            offered => {
                self.offered = offered;
                self.unasked("idle");
                Heard::Packet
            }
        }
    }

    fn judge(&mut self, sent: &Packet, answer: Packet) -> Result<Agreed, IcError> {
        let offer = self.options.offer.clone();
        let mut tolerated = Vec::new();
        let checked = check::negotiation(sent, answer, (&offer.framework, &offer.message), &mut tolerated);
        for problem in tolerated {
            self.violated("negotiation", problem);
        }
        match checked {
            Ok(agreed) => {
                self.agreed = Some(agreed);
                Ok(agreed)
            }
            Err(Problem::Counts { framework: 0, message: 0 }) => Err(IcError::NoCommonVersion),
            Err(problem) => Err(self.broken("negotiation", problem)),
        }
    }

    /// A packet that answers no request of now: the late answer to the last one, or one too many.
    pub(super) fn unasked(&mut self, during: &str) {
        match self.outstanding.checked_sub(1) {
            Some(left) => self.outstanding = left,
            None => self.violated(during, Problem::Unasked),
        }
    }
}

/// What a future gives if it is asked just once: no timer, which would cost each request a millisecond.
pub(super) async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        })
    })
    .await
}
