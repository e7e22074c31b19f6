//! One stream of the packet link: frames in both directions, and the channels that open and close on it.
//!
//! Every wait can be cancelled without loss, so one loop does it all and no frame is torn. What is kept is bounded
//! whatever the virtual machine does: a part of a frame, a packet for which there is no room, frames on their way
//! out, and two queues of a few packets. Who sends faster than it is answered finds the stream full.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender};

use super::carrier::Carrier;
use super::frame::{self, Frame, Inbox};
use super::{FramedLink, Open};
use crate::link::Packet;

/// One stream.
pub(super) struct Conversation<'a> {
    carrier: &'a mut Carrier,
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    inbox: Inbox,
    /// What is being written, and how much of it was.
    out: Vec<u8>,
    written: usize,
    open: Open,
    /// A packet for which the channel has no room: nothing is read until it has.
    stalled: Option<Packet>,
    /// Whether the state of the channel is to be asked for.
    ask: bool,
    /// Whether anything came that can be understood.
    pub(super) heard: bool,
}

impl<'a> Conversation<'a> {
    /// A stream that was just connected: asks for the channel's state, and says whether the device is gone.
    pub(super) fn new(carrier: &'a mut Carrier, stream: UnixStream) -> Conversation<'a> {
        let (read, write) = stream.into_split();
        let mut out = Vec::new();
        frame::notice(frame::OPENED, &mut out);
        carrier.device.begin(&mut out);
        Conversation {
            carrier,
            read,
            write,
            inbox: Inbox::default(),
            out,
            written: 0,
            open: Open::default(),
            stalled: None,
            ask: false,
            heard: false,
        }
    }

    /// Goes on until the stream ends.
    ///
    /// # Errors
    /// The stream failed; `InvalidData`: the other side said what it must not.
    pub(super) async fn hold(&mut self) -> io::Result<()> {
        let mut chunk = Inbox::chunk();
        loop {
            self.take_frames()?;
            self.catch_up();
            let idle = self.out.is_empty();
            tokio::select! {
                wanted = self.carrier.device.changed(), if idle => {
                    if !wanted {
                        return Ok(());
                    }
                }
                count = self.write.write(&self.out[self.written..]), if !idle => self.wrote(count?),
                count = self.read.read(&mut chunk), if self.stalled.is_none() => match count? {
                    0 => return Ok(()),
                    count => self.inbox.filled(&chunk[..count]),
                },
                packet = next(&mut self.open.outgoing), if idle => match packet {
                    Some(packet) => frame::packet(&packet, &mut self.out),
                    None => self.given_up(),
                },
                () = room(self.open.incoming.as_ref()), if self.stalled.is_some() => {
                    if let Some(packet) = self.stalled.take() {
                        self.deliver(packet);
                    }
                }
            }
        }
    }

    /// Acts on all whole frames, up to a packet for which there is no room.
    fn take_frames(&mut self) -> io::Result<()> {
        while self.stalled.is_none() {
            let next = self.inbox.next();
            let next = next.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let Some(frame) = next else { break };
            self.heard = true;
            self.carrier.device.heard();
            match frame {
                Frame::Opened => self.opened(),
                Frame::Closed => self.close(),
                Frame::Packet(packet) => self.deliver(packet),
            }
        }
        Ok(())
    }

    /// The guest has opened the channel; one that was open is closed thereby.
    fn opened(&mut self) {
        self.close();
        // Of a device that is gone, or about to go.
        let Some(device) = self.carrier.device.current() else { return };
        let (link, open) = FramedLink::pair(self.carrier.device.since());
        self.open = open;
        self.carrier.meeting.put(Some((device, Ok(link))));
    }

    /// Nothing more goes either way on the channel; what came before can still be received.
    fn close(&mut self) {
        self.open = Open::default();
        self.stalled = None;
    }

    fn deliver(&mut self, packet: Packet) {
        // Without a channel a packet is nobody's.
        let Some(incoming) = &self.open.incoming else { return };
        if let Err(TrySendError::Full(packet)) = incoming.try_send(packet) {
            self.stalled = Some(packet);
        }
    }

    /// Nobody holds the channel any more on this side. If the guest still does, it is begun again.
    fn given_up(&mut self) {
        self.close();
        self.ask = self.carrier.device.current().is_some();
    }

    /// Puts on its way what is due apart from packets, once all that was is written.
    fn catch_up(&mut self) {
        if !self.out.is_empty() {
            return;
        }
        if self.carrier.device.catch_up(&mut self.out) {
            self.close();
            // A machine that is not told has the device as it was, and tells nothing of itself.
            self.ask = self.out.is_empty() && self.carrier.device.current().is_some();
        }
        if std::mem::take(&mut self.ask) {
            frame::notice(frame::OPENED, &mut self.out);
        }
    }

    fn wrote(&mut self, count: usize) {
        self.written += count;
        if self.written < self.out.len() {
            return;
        }
        self.out.clear();
        self.written = 0;
        self.carrier.device.wrote();
    }
}

/// The next packet for the guest; `None` when there will be no more.
async fn next(outgoing: &mut Option<Receiver<Packet>>) -> Option<Packet> {
    match outgoing {
        Some(outgoing) => outgoing.recv().await,
        None => std::future::pending().await,
    }
}

/// Waits until a packet can be left for the host, or until nobody wants it.
async fn room(incoming: Option<&Sender<Packet>>) {
    if let Some(incoming) = incoming {
        // There is no other sender: the room stays.
        let _ = incoming.reserve().await;
    }
}
