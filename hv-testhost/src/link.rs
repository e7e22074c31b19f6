//! The seam between the services and a way to a guest: send a packet, receive a packet.
//!
//! The services are written once over [`PacketLink`] and [`Port`] and know nothing of rings or sockets. The sim
//! link implements both over rings in shared memory, the packet link over framed packets to a virtual machine.
//! [`Rings`] is what only a link with rings of its own can offer: the means to damage them, for scenarios.

use std::future::Future;
use std::io;

use hv_utils_core::wire::ring::PacketHeader;
use tokio::time::Instant;

/// One VMBus packet: its descriptor's fields and everything after the descriptor, from the pipe header on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Packet type, flags and transaction id.
    pub header: PacketHeader,
    /// Payload bytes, padded to 8 where the link pads.
    pub payload: Vec<u8>,
}

/// Why a packet could not be sent or received.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The guest closed the channel, or the device was rescinded.
    #[error("the guest closed the channel")]
    Closed,
    /// One packet of the guest's is unusable; the next one can be received.
    #[error("unusable packet from the guest: {0}")]
    Packet(String),
    /// The guest damaged its ring: nothing after this can be trusted.
    #[error("the guest's ring is corrupt: {0}")]
    Corrupt(String),
    /// A packet that no ring of this size can hold.
    #[error("a packet of {bytes} payload bytes does not fit this link: {why}")]
    TooLarge {
        /// Payload bytes.
        bytes: usize,
        /// What limits it.
        why: String,
    },
    /// The operating system failed us.
    #[error("the link failed: {0}")]
    Io(#[from] io::Error),
}

/// An open channel to a guest.
pub trait PacketLink: Send {
    /// The next packet of the guest's. Cancel safe: a packet is either returned or still there.
    fn recv(&mut self) -> impl Future<Output = Result<Packet, LinkError>> + Send;

    /// Sends one packet as it is; waits while there is no room. Cancel safe: if dropped, nothing was sent.
    fn send(&mut self, packet: &Packet) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Sends without waiting; `false` when there is no room now.
    fn try_send(&mut self, packet: &Packet) -> Result<bool, LinkError>;

    /// When the machine in which the guest runs was first heard of, where it is known apart from this channel.
    fn machine_since(&self) -> Option<Instant> {
        None
    }

    /// Whether the guest runs on this machine, whose CLOCK_MONOTONIC_RAW is then its reference counter.
    fn shares_machine(&self) -> bool {
        false
    }

    /// The rings under this link, where they are ours to damage.
    fn rings(&mut self) -> Option<&mut dyn Rings> {
        None
    }
}

/// Where one integration component is offered and guests open its channel.
pub trait Port: Send {
    /// The channel a guest opens.
    type Link: PacketLink;

    /// Waits until a guest has opened the channel; none can while the device is rescinded. Cancel safe.
    ///
    /// # Errors
    /// `Unsupported`: the device cannot be rescinded, and is offered again ([`Port::kept`]). Others pass.
    fn opened(&mut self) -> impl Future<Output = io::Result<Self::Link>> + Send;

    /// Takes the device away. Does nothing if it is not offered.
    fn rescind(&mut self);

    /// Offers the device, as a new one. If it is offered, says so once more or does nothing.
    fn offer(&mut self) -> io::Result<()>;

    /// Why the device cannot be rescinded, as far as that is known.
    fn kept(&self) -> Option<io::Error> {
        None
    }

    /// The host ends, nothing more is asked of this port. A device that lives by this host alone goes with it.
    fn end(&mut self) -> impl Future<Output = ()> + Send {
        self.rescind();
        std::future::ready(())
    }
}

/// One of the two rings, seen from the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ring {
    /// Host to guest: the host writes packets, the guest reads them.
    ToGuest,
    /// Guest to host.
    ToHost,
}

/// A word of a ring's control page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Offset of the next byte to write.
    WriteIndex,
    /// Offset of the next byte to read.
    ReadIndex,
    /// 1 while the reader wants no interrupt.
    InterruptMask,
    /// Bytes a blocked writer waits for.
    PendingSendSize,
    /// Feature bits of the writer.
    FeatureBits,
}

/// Direct access to the rings of a link.
pub trait Rings {
    /// Reads a word of a control page.
    fn peek(&self, ring: Ring, word: Word) -> u32;
    /// Overwrites a word of a control page.
    fn poke(&mut self, ring: Ring, word: Word, value: u32);
    /// Overwrites bytes of a ring's data area from `offset` (bytes); what lies beyond its end is left out.
    fn scribble(&mut self, ring: Ring, offset: usize, bytes: &[u8]);
    /// Interrupts the guest, whether the rules call for it or not.
    fn signal(&mut self) -> io::Result<()>;
}

#[cfg(test)]
pub(crate) mod scripted;
