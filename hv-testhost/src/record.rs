//! Written records of what passes over a link: for a person ([`Transcript`]), for programs ([`Capture`]), or both.
//!
//! [`Recorded`] wraps any link and changes nothing on it. A record that cannot be written ends nothing.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex};

use hv_utils_core::wire::Ic;
use tokio::time::Instant;

use crate::capture::{Capture, Direction};
use crate::link::{LinkError, Packet, PacketLink, Rings};
use crate::transcript::{Transcript, describe};

/// Lines into one place; clones write to the same.
#[derive(Clone)]
pub(crate) struct Lines(Arc<Mutex<Box<dyn Write + Send>>>);

impl Lines {
    pub(crate) fn to(out: Box<dyn Write + Send>) -> Lines {
        Lines(Arc::new(Mutex::new(out)))
    }

    /// Writes one line, whole, and at once.
    pub(crate) fn line(&self, text: &str) {
        // A record that cannot be written must not end what it describes.
        if let Ok(mut out) = self.0.lock() {
            let _ = out.write_all(format!("{text}\n").as_bytes()).and_then(|()| out.flush());
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

/// Where packets are written down; nowhere by default.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// What each packet says.
    pub transcript: Option<Transcript>,
    /// Each packet whole.
    pub capture: Option<Capture>,
}

impl Records {
    /// Writes down what a part begins that the packets of its own do not show.
    pub fn heading(&self, text: &str) {
        if let Some(transcript) = &self.transcript {
            transcript.line(&format!("== {text}"));
        }
        if let Some(capture) = &self.capture {
            capture.comment(text);
        }
    }

    fn note(&self, ic: Ic, what: &str) {
        if let Some(transcript) = &self.transcript {
            transcript.line(&format!("-- {:<9} {what}", ic.name()));
        }
        if let Some(capture) = &self.capture {
            capture.comment(&format!("{}: {what}", ic.name()));
        }
    }

    fn packet(&self, direction: Direction, ic: Ic, packet: &Packet) {
        if let Some(transcript) = &self.transcript {
            transcript.line(&format!("{} {:<9} {}", direction.arrow(), ic.name(), describe(packet)));
        }
        if let Some(capture) = &self.capture {
            capture.packet(direction, ic, packet);
        }
    }
}

/// A link whose packets are written down.
#[derive(Debug)]
pub struct Recorded<L> {
    link: L,
    ic: Ic,
    records: Records,
}

impl<L> Recorded<L> {
    /// Wraps a link that was just opened.
    pub fn new(link: L, ic: Ic, records: Records) -> Recorded<L> {
        records.note(ic, "channel opened");
        Recorded { link, ic, records }
    }
}

impl<L> Drop for Recorded<L> {
    fn drop(&mut self) {
        self.records.note(self.ic, "channel closed by the host's end");
    }
}

impl<L: PacketLink> PacketLink for Recorded<L> {
    async fn recv(&mut self) -> Result<Packet, LinkError> {
        let got = self.link.recv().await;
        match &got {
            Ok(packet) => self.records.packet(Direction::ToHost, self.ic, packet),
            Err(error) => self.records.note(self.ic, &error.to_string()),
        }
        got
    }

    async fn send(&mut self, packet: &Packet) -> Result<(), LinkError> {
        self.link.send(packet).await?;
        self.records.packet(Direction::ToGuest, self.ic, packet);
        Ok(())
    }

    fn try_send(&mut self, packet: &Packet) -> Result<bool, LinkError> {
        let sent = self.link.try_send(packet)?;
        if sent {
            self.records.packet(Direction::ToGuest, self.ic, packet);
        }
        Ok(sent)
    }

    fn machine_since(&self) -> Option<Instant> {
        self.link.machine_since()
    }

    fn rings(&mut self) -> Option<&mut dyn Rings> {
        self.link.rings()
    }
}

#[cfg(test)]
mod tests;
