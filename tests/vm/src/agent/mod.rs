//! Commands for the guest: the agent in it runs a shell script and returns what it printed and its exit code.
//!
//! Frames over a virtio-serial port, little-endian: a number that names the request (u32), a kind (u8), the length (u32),
//! bytes. Requests run side by side; their answers come in any order. A look at the clocks is answered at once, by no shell.

mod client;
mod server;

pub use client::{Agent, Finished, Pending};
pub use server::serve;

use std::io::{self, Read};

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// To the guest: a script for the shell.
    Script,
    /// From the guest: the agent is there.
    Hello,
    /// From the guest: what the script wrote to standard output.
    Stdout,
    /// From the guest: what the script wrote to the error output.
    Stderr,
    /// From the guest: the script's exit code (i32), after its output.
    Exit,
    /// To the guest: look at the clocks. From it: the look.
    Clock,
}

const KINDS: [Kind; 6] = [Kind::Script, Kind::Hello, Kind::Stdout, Kind::Stderr, Kind::Exit, Kind::Clock];

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) id: u32,
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
}

/// More than this in one frame is nonsense.
const MAX_BYTES: usize = 64 << 20;

impl Frame {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let kind = KINDS.iter().position(|kind| *kind == self.kind).unwrap_or_default();
        let mut out = self.id.to_le_bytes().to_vec();
        out.push(u8::try_from(kind).unwrap_or_default());
        out.extend(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend(&self.bytes);
        out
    }

    pub(crate) fn read(from: &mut impl Read) -> io::Result<Frame> {
        let mut header = [0; 9];
        from.read_exact(&mut header)?;
        let [i0, i1, i2, i3, kind, l0, l1, l2, l3] = header;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let kind = KINDS.get(usize::from(kind)).copied().filter(|_| length <= MAX_BYTES);
        let kind =
            kind.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no frame of the agent's"))?;
        let mut bytes = vec![0; length];
        from.read_exact(&mut bytes)?;
        Ok(Frame { id: u32::from_le_bytes([i0, i1, i2, i3]), kind, bytes })
    }
}

#[cfg(test)]
mod tests;
