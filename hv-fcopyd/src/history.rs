//! The last copies, and what became of them: what `FileCopy1.History()` says.
//!
//! In memory: it is about what this daemon has done, and the files themselves are on the disk.

use std::collections::VecDeque;

/// Copies that are remembered.
pub const MOST: usize = 64;

/// One copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// When it ended, µs since 1970.
    pub when: u64,
    /// Where to; printable.
    pub target: String,
    /// Bytes that it was to have.
    pub size: u64,
    /// `ok`, or a sentence with the status that the host was told; printable.
    pub result: String,
}

/// See the module.
#[derive(Debug, Default)]
pub struct History(VecDeque<Row>);

impl History {
    /// One more; the oldest may go.
    pub fn push(&mut self, row: Row) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(row);
    }

    /// The oldest first.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests;
