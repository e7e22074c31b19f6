//! The memory of what was begun, until the disk has ended it: for the log, the history and the bus.
//!
//! What is told of a copy is what became of it on the disk, and not what was decided: one that was cancelled when it had its
//! name already is complete.

use super::Fcopyd;
use crate::bus::Active;
use crate::engine::{Failure, Id};
use crate::escape::printable;
use crate::history::Row;
use crate::target::Refusal;
use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// One copy.
#[derive(Debug)]
struct Copy {
    id: Id,
    /// Printable.
    target: String,
    size: u64,
    /// Bytes that came.
    taken: u64,
    begin: Instant,
    /// Whether the disk had room for it.
    begun: bool,
    /// Why it is to end.
    reason: Option<Failure>,
}

/// Copies that the disk has not ended; no more than [`crate::engine::MOST_OPEN`].
#[derive(Debug, Default)]
pub(super) struct Copies(VecDeque<Copy>);

impl Copies {
    /// A copy is begun. `target` is what the host calls it.
    pub(super) fn begin(&mut self, id: Id, target: &str, size: u64) {
        let target = printable(target).into_owned();
        let begin = Instant::now();
        self.0.push_back(Copy { id, target, size, taken: 0, begin, begun: false, reason: None });
    }

    /// So many bytes more; those that are here then. What comes twice is not known here and counts twice, but never for
    /// more than there is to come.
    pub(super) fn took(&mut self, id: Id, bytes: u64) -> u64 {
        let Some(copy) = self.find(id) else { return 0 };
        copy.taken = copy.taken.saturating_add(bytes).min(copy.size);
        copy.taken
    }

    /// The copy that bytes are for.
    pub(super) fn current(&self) -> Option<Id> {
        self.0.back().filter(|copy| copy.reason.is_none()).map(|copy| copy.id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&mut self, id: Id) -> Option<&mut Copy> {
        // The last one, but where a disk hangs.
        self.0.iter_mut().rev().find(|copy| copy.id == id)
    }

    fn remove(&mut self, id: Id) -> Option<Copy> {
        let index = self.0.iter().position(|copy| copy.id == id)?;
        self.0.remove(index)
    }
}

impl Fcopyd {
    /// A copy is not wanted any more: it is removed as soon as the disk does it.
    pub(super) fn end(&mut self, ended: Option<(Id, Failure)>) {
        let Some((id, failure)) = ended else { return };
        self.gather.clear();
        self.worker.cancel(id);
        if let Some(copy) = self.copies.find(id) {
            copy.reason.get_or_insert(failure);
        }
    }

    /// There is room for a copy; `shown` is where it really goes.
    pub(super) fn began(&mut self, id: Id, shown: &str) {
        let Some(copy) = self.copies.find(id) else { return };
        copy.begun = true;
        copy.target = printable(shown).into_owned();
        let (target, size) = (copy.target.clone(), copy.size);
        if let Some(before) = self.chatter.admit(Instant::now()) {
            let before = (before > 0).then_some(before);
            tracing::info!(unlogged_before = before, "copy to {target} begins: {size} bytes");
        }
        self.board.started(Active { id, target, size });
    }

    /// The disk has done with a copy: what became of it.
    pub(super) fn over(&mut self, id: Id, result: Result<(), Refusal>) -> Result<(), Failure> {
        let Some(mut copy) = self.copies.remove(id) else { return Ok(()) };
        let reason = copy.reason.take();
        let was_wanted = reason.is_none();
        let result =
            result.map_err(|refusal| reason.unwrap_or_else(|| Failure::new(refusal.status, refusal.why)));
        self.engine.over(id, result.clone().map_err(|failure| failure.status));
        if was_wanted {
            self.gather.clear();
        }
        match &result {
            Err(failure) if !copy.begun => self.say_refused(&copy.target, failure),
            result => self.say_ended(&copy, result.as_ref().err()),
        }
        let said = result.as_ref().map_or_else(sentence, |()| "ok".to_owned());
        self.board
            .finished(Some(id), Row { when: now(), target: copy.target, size: copy.size, result: said });
        result
    }

    fn say_ended(&mut self, copy: &Copy, failure: Option<&Failure>) {
        let Some(before) = self.chatter.admit(Instant::now()) else { return };
        let before = (before > 0).then_some(before);
        let Copy { target, size, taken, .. } = copy;
        let seconds = copy.begin.elapsed().as_secs_f64();
        match failure {
            None => tracing::info!(
                unlogged_before = before,
                "copy to {target} is complete: {size} bytes in {seconds:.1} s"
            ),
            Some(failure) => tracing::info!(
                unlogged_before = before,
                "copy to {target} ended after {taken} of {size} bytes and {seconds:.1} s: {}",
                sentence(failure)
            ),
        }
    }

    /// A START was refused before anything was begun.
    pub(super) fn refused(&mut self, target: &str, size: u64, failure: &Failure) {
        let target = printable(target).into_owned();
        self.say_refused(&target, failure);
        let row = Row { when: now(), target, size, result: sentence(failure) };
        self.board.finished(None, row);
    }

    /// Once for each kind of refusal: the history has each of them.
    fn say_refused(&mut self, target: &str, failure: &Failure) {
        let kind = failure.status.meaning().unwrap_or("another status");
        if let Some(before) = self.log.admit(kind) {
            let before = (before > 0).then_some(before);
            tracing::warn!(unlogged_before = before, "copy to {target} is refused: {}", sentence(failure));
        }
    }
}

/// Why, and what the host was told.
fn sentence(failure: &Failure) -> String {
    let Failure { status, why } = failure;
    format!("{}: {status}", printable(why))
}

/// µs since 1970.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}
