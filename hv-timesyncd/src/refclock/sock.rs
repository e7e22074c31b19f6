//! chrony's SOCK: a datagram for each sample, to a socket that chronyd makes when it starts.
//!
//! The socket is looked up anew for each datagram. chronyd removes it when it ends and makes another when it starts, so
//! that a descriptor kept connected would lead to the old one; and samples come seconds apart. Nothing here waits: a sample
//! that cannot be taken now is worth nothing later, for chronyd drops those that are older than two of its polls.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use super::{Feed, SECOND, leap_code};

/// Length of a datagram; chronyd takes no other.
const DATAGRAM: usize = 40;

/// Says that the datagram is of this protocol: "SOCK".
const MAGIC: i32 = 0x534f_434b;

/// Where one chronyd takes samples.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    /// Bound to no name and connected to nobody; `None` before the first sample.
    from: Option<UnixDatagram>,
}

impl Socket {
    /// The parameter of `refclock SOCK` in chronyd's configuration; need not be there yet.
    #[must_use]
    pub const fn new(path: PathBuf) -> Socket {
        Socket { path, from: None }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands a sample to chronyd, or drops it. Whether chronyd uses it is not told.
    ///
    /// # Errors
    /// `NotFound`: chronyd does not run, or has no such refclock. `ConnectionRefused`: it has died and left the socket behind.
    /// `PermissionDenied`: the socket is not writable for this program. `WouldBlock`: chronyd does not read. Others
    /// from sendto(2). Each is a sentence with the path; the next sample may be taken.
    pub fn feed(&mut self, sample: &Feed) -> io::Result<()> {
        let sent = self.send(&datagram(sample));
        sent.map(|_| ()).map_err(|error| io::Error::new(error.kind(), self.sentence(&error)))
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let from = match self.from.take() {
            Some(socket) => socket,
            None => {
                let socket = UnixDatagram::unbound()?;
                socket.set_nonblocking(true)?;
                socket
            }
        };
        self.from.insert(from).send_to(bytes, &self.path)
    }

    fn sentence(&self, error: &io::Error) -> String {
        let path = self.path.display();
        match error.kind() {
            io::ErrorKind::NotFound => {
                format!("{path} is not there: chronyd does not run, or has no refclock SOCK of this path")
            }
            io::ErrorKind::ConnectionRefused => format!("nobody reads {path}: chronyd does not run any more"),
            io::ErrorKind::PermissionDenied => {
                format!("{path} cannot be written: its group has to be that of this program, its mode 0660")
            }
            io::ErrorKind::WouldBlock => format!("{path} is full: chronyd does not read it"),
            _ => format!("{path}: {error}"),
        }
    }
}

/// A sample as chronyd reads it (`struct sock_sample` in its `refclock_sock.c`): the machine's own order of bytes.
///
/// | offset | what |
/// | --- | --- |
/// | 0 | seconds of the guest's clock, i64 |
/// | 8 | microseconds of them, i64 |
/// | 16 | host minus guest, seconds, double |
/// | 24 | 1 for a pulse without seconds, i32: 0 |
/// | 28 | leap second: 0 none, 1 inserted, 2 deleted, i32; others are dropped by chronyd |
/// | 32 | unused, i32: 0 |
/// | 36 | "SOCK", i32 |
///
/// chronyd with 32 bits takes this form, too. The remaining nanoseconds of the guest's clock are lost, not those of the
/// offset.
fn datagram(sample: &Feed) -> [u8; DATAGRAM] {
    let seconds = sample.real.div_euclid(SECOND);
    let micros = sample.real.rem_euclid(SECOND) / 1000;
    let mut bytes = [0; DATAGRAM];
    bytes[0..8].copy_from_slice(&seconds.to_ne_bytes());
    bytes[8..16].copy_from_slice(&micros.to_ne_bytes());
    bytes[16..24].copy_from_slice(&in_seconds(sample.offset).to_ne_bytes());
    bytes[28..32].copy_from_slice(&leap_code(sample.leap).to_ne_bytes());
    bytes[36..40].copy_from_slice(&MAGIC.to_ne_bytes());
    bytes
}

/// A double has 53 bits: exact to a nanosecond for offsets below 100 days.
fn in_seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests;
