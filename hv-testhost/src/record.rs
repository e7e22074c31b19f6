//! Written records of what passes over a link: for a person ([`Transcript`]), for programs ([`Capture`]), or both.
//!
//! [`Recorded`] wraps any link and changes nothing on it. A record that cannot be written ends, and nothing
//! else does.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use hv_utils_core::wire::Ic;
use tokio::time::Instant;

use crate::capture::{Capture, Direction};
use crate::link::{LinkError, Packet, PacketLink, Rings};
use crate::transcript::{Transcript, describe};

/// Lines into one place; clones write to the same.
#[derive(Clone)]
pub(crate) struct Lines(Arc<Mutex<Page>>);

/// Where lines go.
struct Page {
    /// For whoever reads that it ends.
    name: String,
    /// Nothing after the first line that could not be written.
    out: Option<Box<dyn Sink>>,
    /// Bytes of whole lines.
    whole: u64,
}

/// Something that takes bytes, and can perhaps take back the last of them.
trait Sink: Write + Send {
    /// Drops everything after so many bytes.
    fn cut(&mut self, _bytes: u64) -> io::Result<()> {
        Ok(())
    }
}

struct Plain(Box<dyn Write + Send>);

impl Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Sink for Plain {}

impl Sink for File {
    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }
}

impl Lines {
    /// Into anything that takes bytes.
    pub(crate) fn to(out: Box<dyn Write + Send>) -> Lines {
        Lines::into("the record".to_owned(), Box::new(Plain(out)))
    }

    /// Into a new file, which is called a `what`.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn to_file(what: &str, path: &Path) -> io::Result<Lines> {
        let name = format!("the {what} {}", path.display());
        Ok(Lines::into(name, Box::new(File::create(path)?)))
    }

    fn into(name: String, out: Box<dyn Sink>) -> Lines {
        Lines(Arc::new(Mutex::new(Page { name, out: Some(out), whole: 0 })))
    }

    /// Writes one line, whole, and at once. The first that cannot be written is the end of the record, which is said
    /// on the error output: what follows a torn line would be read as a part of it.
    pub(crate) fn line(&self, text: &str) {
        // A record that cannot be written must not end what it describes.
        let failed = self.0.lock().ok().and_then(|mut page| page.line(text).err());
        if let Some(why) = failed {
            let _ = writeln!(io::stderr(), "hv-testhost: {why}");
        }
    }
}

impl Page {
    fn line(&mut self, text: &str) -> Result<(), String> {
        let Some(out) = &mut self.out else { return Ok(()) };
        let line = format!("{text}\n");
        let Err(error) = out.write_all(line.as_bytes()).and_then(|()| out.flush()) else {
            self.whole += line.len() as u64;
            return Ok(());
        };
        // A pipe cannot be cut; its reader sees a line without an end.
        let _ = out.cut(self.whole);
        self.out = None;
        Err(format!("{} ends here, it cannot be written: {error}", self.name))
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

    fn shares_machine(&self) -> bool {
        self.link.shares_machine()
    }

    fn rings(&mut self) -> Option<&mut dyn Rings> {
        self.link.rings()
    }
}

#[cfg(test)]
mod tests;
