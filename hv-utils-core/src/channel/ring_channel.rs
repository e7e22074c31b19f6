//! One open channel over a ring pair: send, receive, wait. Both ends, real and simulated.
//!
//! The rings themselves are [`crate::wire::ring`]'s; here they meet a way to interrupt the peer and a descriptor that
//! tells of its interrupts ([`super::doorbell`]). What the packets mean is not known here. The receive loop is the
//! one that is safe on every kernel: drain, unmask, look again, and only then sleep; a driver may start with the
//! interrupt masked, and a packet that was queued meanwhile announces itself by nothing.

use super::doorbell::Doorbell;
use super::error::{ChannelError, PacketFault};
use crate::sys::SharedMemory;
use crate::wire::ring::{self, Consumer, Popped, Producer, PushError, Signal};
use crate::wire::{MAX_PAYLOAD, PacketHeader};
use std::sync::Arc;

/// Which end of the channel this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Guest,
    Host,
}

/// An open channel. Dropping it closes it.
#[derive(Debug)]
pub struct RingChannel {
    memory: Arc<SharedMemory>,
    producer: Producer<Arc<SharedMemory>>,
    consumer: Consumer<Arc<SharedMemory>>,
    doorbell: Doorbell,
}

impl RingChannel {
    /// `control_bytes`: size of one ring's control page.
    pub(super) fn new(
        memory: Arc<SharedMemory>,
        control_bytes: usize,
        end: End,
        doorbell: Doorbell,
    ) -> Result<Self, ChannelError> {
        let (producer, consumer) = match end {
            End::Guest => ring::guest_ends(memory.clone(), control_bytes)?,
            End::Host => ring::host_ends(memory.clone(), control_bytes)?,
        };
        Ok(Self { memory, producer, consumer, doorbell })
    }

    /// The mapping of both rings, for a test host that means to spoil them.
    #[must_use]
    pub const fn memory(&self) -> &Arc<SharedMemory> {
        &self.memory
    }

    /// The socket whose closing ends a simulated channel.
    #[must_use]
    pub const fn socket(&self) -> Option<&tokio::net::UnixStream> {
        self.doorbell.socket()
    }

    /// Takes the next packet if one is there, without waiting. `payload` is reused.
    ///
    /// # Errors
    /// [`ChannelError::Packet`]: a packet was skipped, go on. Else the channel is of no more use.
    pub fn try_recv(&mut self, payload: &mut Vec<u8>) -> Result<Option<PacketHeader>, ChannelError> {
        let Some(Popped { header, payload_len, oversized, signal }) =
            self.consumer.pop(payload, MAX_PAYLOAD)?
        else {
            return Ok(None);
        };
        self.signal_if(signal)?;
        if oversized {
            return Err(PacketFault::Oversized { bytes: payload_len }.into());
        }
        Ok(Some(header))
    }

    /// Waits for a packet. Cancel safe. `payload` is reused, and holds what follows the packet's descriptor.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv); [`ChannelError::Closed`] only after the last packet was taken.
    pub async fn recv(&mut self, payload: &mut Vec<u8>) -> Result<PacketHeader, ChannelError> {
        loop {
            if let Some(header) = self.try_recv(payload)? {
                return Ok(header);
            }
            if !self.consumer.unmask()? {
                self.doorbell.wait().await?;
            }
        }
    }

    /// Sends a packet if the ring has room. `false`: it has not; [`writable`](Self::writable) tells when.
    ///
    /// # Errors
    /// [`ChannelError::Packet`]: it is longer than the ring could hold. Else the channel is of no more use.
    pub fn try_send(&mut self, header: PacketHeader, payload: &[u8]) -> Result<bool, ChannelError> {
        match self.producer.push(header, payload) {
            Ok(signal) => self.signal_if(signal).map(|()| true),
            Err(PushError::Full) => Ok(false),
            Err(PushError::TooLarge) => Err(PacketFault::TooLarge { bytes: payload.len() }.into()),
            Err(PushError::Corrupt(corruption)) => Err(corruption.into()),
        }
    }

    /// After a [`try_send`](Self::try_send) that found no room: waits until the peer has taken something, or put
    /// something into the other ring. Try again then. Cancel safe.
    ///
    /// # Errors
    /// The channel is of no more use.
    pub async fn writable(&mut self) -> Result<(), ChannelError> {
        self.doorbell.wait().await
    }

    /// Sends a packet, waiting for room. Cancel safe: it is sent whole or not at all.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    pub async fn send(&mut self, header: PacketHeader, payload: &[u8]) -> Result<(), ChannelError> {
        while !self.try_send(header, payload)? {
            self.writable().await?;
        }
        Ok(())
    }

    /// Interrupts the peer, needed or not. The sending functions do it by themselves when it is needed.
    ///
    /// # Errors
    /// The channel is of no more use.
    pub fn signal(&self) -> Result<(), ChannelError> {
        self.doorbell.ring()
    }

    /// Asks the peer not to interrupt us, until the next [`recv`](Self::recv) finds the ring empty.
    pub fn mask(&mut self) {
        self.consumer.mask();
    }

    /// Bytes the peer's ring could still take, descriptors and footers included.
    ///
    /// # Errors
    /// The ring is corrupt.
    pub fn free_bytes(&self) -> Result<usize, ChannelError> {
        Ok(self.producer.free_bytes()?)
    }

    /// Whether the peer has taken everything that was sent. Nothing announces it.
    ///
    /// # Errors
    /// The ring is corrupt.
    pub fn is_drained(&self) -> Result<bool, ChannelError> {
        Ok(self.producer.is_drained()?)
    }

    fn signal_if(&self, signal: Signal) -> Result<(), ChannelError> {
        match signal {
            Signal::Needed => self.doorbell.ring(),
            Signal::NotNeeded => Ok(()),
        }
    }
}
