//! A written record of every packet for a person, a line each: time, direction, service, what it says.
//!
//! [`crate::record::Recorded`] feeds it. A packet is decoded as far as it makes sense by its own bytes, without memory
//! of what went before; what makes no sense is shown as hex. Whole packets, for programs, are [`crate::capture`]'s.

mod describe;

use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

pub use describe::describe;

use crate::record::Lines;

/// Where the lines go; clones write to the same place.
#[derive(Debug, Clone)]
pub struct Transcript {
    out: Lines,
    start: Instant,
}

impl Transcript {
    /// A transcript into a new file.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn to_file(path: &Path) -> io::Result<Transcript> {
        Ok(Transcript { out: Lines::to_file("transcript", path)?, start: Instant::now() })
    }

    /// A transcript into anything that takes bytes.
    pub fn to(out: Box<dyn Write + Send>) -> Transcript {
        Transcript { out: Lines::to(out), start: Instant::now() }
    }

    /// Writes one line with the time (seconds since the start) before it.
    pub fn line(&self, text: &str) {
        self.out.line(&format!("{:12.6} {text}", self.start.elapsed().as_secs_f64()));
    }
}

#[cfg(test)]
mod tests;
