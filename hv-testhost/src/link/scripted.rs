//! A link for tests: a function answers each packet, or leaves it unanswered.

use std::collections::VecDeque;

use super::{LinkError, Packet, PacketLink};

/// A guest in a function.
pub(crate) struct Scripted<F> {
    answer: F,
    /// What the host can receive.
    pub(crate) waiting: VecDeque<Result<Packet, LinkError>>,
    /// What the host sent.
    pub(crate) sent: Vec<Packet>,
    /// No packet is taken any more.
    pub(crate) full: bool,
    /// The guest runs on this machine.
    pub(crate) here: bool,
}

impl<F: FnMut(&Packet) -> Vec<Packet> + Send> Scripted<F> {
    pub(crate) fn new(answer: F) -> Scripted<F> {
        Scripted { answer, waiting: VecDeque::new(), sent: Vec::new(), full: false, here: false }
    }
}

impl<F: FnMut(&Packet) -> Vec<Packet> + Send> PacketLink for Scripted<F> {
    async fn recv(&mut self) -> Result<Packet, LinkError> {
        match self.waiting.pop_front() {
            Some(got) => got,
            None => std::future::pending().await,
        }
    }

    async fn send(&mut self, packet: &Packet) -> Result<(), LinkError> {
        if !self.try_send(packet)? {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    fn shares_machine(&self) -> bool {
        self.here
    }

    fn try_send(&mut self, packet: &Packet) -> Result<bool, LinkError> {
        if self.full {
            return Ok(false);
        }
        self.sent.push(packet.clone());
        self.waiting.extend((self.answer)(packet).into_iter().map(Ok));
        Ok(true)
    }
}

/// The reply to a request: flags 5, and the status.
pub(crate) fn reply(request: &Packet, status: u32) -> Packet {
    let mut reply = request.clone();
    reply.payload[20..24].copy_from_slice(&status.to_le_bytes());
    reply.payload[25] = 5;
    reply
}

/// The reply to a NEGOTIATE that chooses framework 3.0 and messages `major`.0.
pub(crate) fn agree(request: &Packet, major: u8) -> Packet {
    let mut reply = reply(request, 0);
    reply.payload[18] = 16;
    reply.payload[28..44].copy_from_slice(&[1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, major, 0, 0, 0]);
    reply
}

/// Whether a packet is a NEGOTIATE.
pub(crate) fn is_negotiate(packet: &Packet) -> bool {
    packet.payload[12..14] == [0, 0]
}
