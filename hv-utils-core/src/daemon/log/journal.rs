//! The journal's native protocol: one datagram per message, `NAME=value` lines.
//!
//! Used when standard error is the journal, or on request. Records hold no newline, so the plain form of each
//! field is always enough. Sending never waits: a journal that does not read must not stop a daemon, least of all
//! one that has frozen filesystems. What could not be sent is counted and reported with the next message.

use super::level::priority;
use super::record::Record;
use std::fmt::Write;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the journal listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// A connection to the journal.
#[derive(Debug)]
pub(super) struct Journal {
    socket: UnixDatagram,
    identifier: &'static str,
    lost: AtomicU64,
}

impl Journal {
    pub(super) fn connect(path: &Path, identifier: &'static str) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, identifier, lost: AtomicU64::new(0) })
    }

    /// Sends a message. `false` if the journal is gone, so that the message should go elsewhere.
    pub(super) fn send(&self, record: &Record) -> bool {
        let lost = self.lost.load(Ordering::Relaxed);
        match self.socket.send(self.datagram(record, lost).as_bytes()) {
            Ok(_) => {
                self.lost.fetch_sub(lost, Ordering::Relaxed);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(_) => false,
        }
    }

    fn datagram(&self, record: &Record, lost: u64) -> String {
        let mut out = format!(
            "PRIORITY={}\nSYSLOG_IDENTIFIER={}\nTARGET={}\nMESSAGE={}",
            priority(record.level),
            self.identifier,
            record.target,
            record.line()
        );
        if lost > 0 {
            // Writing to a String cannot fail.
            let _ = write!(out, " (before this, {lost} messages were lost: the journal did not read)");
        }
        out.push('\n');
        for (name, value) in &record.fields {
            out.push_str("HV_");
            out.extend(name.chars().take(60).map(field_character));
            out.push('=');
            out.push_str(value.as_str());
            out.push('\n');
        }
        out
    }
}

/// Journal field names are upper case letters, digits and underscores.
fn field_character(character: char) -> char {
    if character.is_ascii_alphanumeric() { character.to_ascii_uppercase() } else { '_' }
}
