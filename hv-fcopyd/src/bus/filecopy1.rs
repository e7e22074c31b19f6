//! `org.hvutils.FileCopy1`: whether and where files are taken, the copy under way, and what became of the last ones.
//!
//! Anyone may read; there is nothing to change. What a host named comes printable.

use zbus::interface;
use zbus::object_server::SignalEmitter;

use super::board::{Active, Board};

/// The interface's name.
pub const FILECOPY1: &str = "org.hvutils.FileCopy1";

/// `Active`: target, size, done, percent.
pub(super) type ActiveShown = (String, u64, u64, u32);
/// One of `History()`: when, target, size, result.
type RowShown = (u64, String, u64, String);

/// The interface object.
#[derive(Debug)]
pub struct FileCopy1 {
    board: Board,
}

impl FileCopy1 {
    /// The interface over what the service publishes.
    #[must_use]
    pub fn new(board: Board) -> FileCopy1 {
        FileCopy1 { board }
    }
}

#[interface(name = "org.hvutils.FileCopy1", introspection_docs = false)]
impl FileCopy1 {
    /// Whether files are taken.
    #[zbus(property)]
    fn enabled(&self) -> bool {
        self.board.shown().enabled
    }

    /// The directories that files may go to.
    #[zbus(property)]
    fn roots(&self) -> Vec<String> {
        self.board.shown().roots
    }

    /// The copy under way: target, bytes, bytes that are here, percent; empty and zeros without one. Its change is told at
    /// its begin and its end, and at most once a second between.
    #[zbus(property)]
    fn active(&self) -> ActiveShown {
        active(self.board.shown().active.as_ref(), self.board.done())
    }

    /// The last copies, the oldest first: when each ended, µs since 1970; target; bytes; `ok`, or what went wrong.
    fn history(&self) -> Vec<RowShown> {
        self.board.rows().into_iter().map(|row| (row.when, row.target, row.size, row.result)).collect()
    }

    /// A file of so many bytes is coming.
    #[zbus(signal)]
    pub(super) async fn started(emitter: &SignalEmitter<'_>, target: &str, size: u64) -> zbus::Result<()>;

    /// A copy is over, or did not begin: `ok`, or what went wrong.
    #[zbus(signal)]
    pub(super) async fn finished(
        emitter: &SignalEmitter<'_>,
        target: &str,
        size: u64,
        result: &str,
    ) -> zbus::Result<()>;
}

pub(super) fn active(active: Option<&Active>, done: u64) -> ActiveShown {
    let Some(active) = active else { return ActiveShown::default() };
    let done = done.min(active.size);
    let percent = match active.size {
        0 => 100,
        // At most 100.
        size => u32::try_from(u128::from(done) * 100 / u128::from(size)).unwrap_or(100),
    };
    (active.target.clone(), active.size, done, percent)
}
