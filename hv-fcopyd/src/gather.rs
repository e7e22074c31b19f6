//! Pieces of a file between the host and the disk: joined as long as they follow each other, and bounded.
//!
//! A host sends 6 KiB at a time and waits for the answer. To hand each of them to the thread that writes would cost two
//! switches of threads and a system call for every 6 KiB; joined, they cost one for [`PIECE_BYTES`]. The answer to a WRITE
//! is therefore given when its bytes are here, and not when they are written; how far the disk may be behind is bounded:
//! [`MOST_AWAY`] pieces are with the thread, and while a further one waits for its turn, so does the answer.

use hv_utils_core::wire::fcopy::MAX_DATA;
use std::collections::VecDeque;

/// Bytes of a piece at most: 42 WRITEs, and whole pages.
pub const PIECE_BYTES: usize = 42 * MAX_DATA;
/// Pieces that are with the thread: one is written while the next waits for that.
pub const MOST_AWAY: usize = 2;

/// Bytes that belong together.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Where in the file.
    pub offset: u64,
    /// Never empty outside of here.
    pub data: Vec<u8>,
}

impl Piece {
    fn is_followed_by(&self, offset: u64) -> bool {
        u64::try_from(self.data.len()).ok().and_then(|bytes| self.offset.checked_add(bytes)) == Some(offset)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Gather {
    /// Still grows.
    current: Piece,
    /// Do not, and wait for their turn.
    ready: VecDeque<Piece>,
    /// Pieces that are with the thread.
    away: usize,
    /// Buffers for the next pieces.
    spare: Vec<Vec<u8>>,
    /// Whether it is worth keeping any.
    in_use: bool,
}

impl Gather {
    /// Takes the bytes of a WRITE, of [`MAX_DATA`] at most.
    pub fn push(&mut self, offset: u64, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        self.in_use = true;
        if !self.current.is_followed_by(offset) {
            self.close();
            self.current.offset = offset;
        }
        self.current.data.extend_from_slice(data);
        if self.current.data.len() + MAX_DATA > PIECE_BYTES {
            self.close();
        }
    }

    /// The piece that is to go to the thread now, if any.
    pub fn turn(&mut self) -> Option<Piece> {
        let piece = (self.away < MOST_AWAY).then(|| self.ready.pop_front()).flatten()?;
        self.away += 1;
        Some(piece)
    }

    /// One of those that are left at the end; all of them go to the thread at once.
    pub fn rest(&mut self) -> Option<Piece> {
        self.close();
        let piece = self.ready.pop_front()?;
        self.away += 1;
        Some(piece)
    }

    /// Whether the host may send more.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.ready.is_empty()
    }

    /// A piece was written, or is no longer wanted: its buffer.
    pub fn back(&mut self, mut buffer: Vec<u8>) {
        self.away = self.away.saturating_sub(1);
        if self.in_use && self.spare.len() < MOST_AWAY {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// There is no copy any more: nothing is kept, and no memory either.
    pub fn clear(&mut self) {
        *self = Gather { away: self.away, ..Gather::default() };
    }

    fn close(&mut self) {
        if !self.current.data.is_empty() {
            let data = self.spare.pop().unwrap_or_default();
            self.ready.push_back(std::mem::replace(&mut self.current, Piece { offset: 0, data }));
        }
    }
}

#[cfg(test)]
mod tests;
