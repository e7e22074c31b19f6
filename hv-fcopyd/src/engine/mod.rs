//! The rules of file copy: which request is in order, what it means for the copy under way, and what the host is told.
//!
//! A plain state machine: no files, no clock, no bytes. One copy at a time. What was decided is done elsewhere and comes
//! back ([`Engine::over`]); the first failure of a copy is the answer to everything until the next START or CANCEL, so
//! that a host which does not look at every answer cannot take half a file for a whole one.
//!
//! A START while a copy is under way ends that one and begins its own: hosts copy one file after the other, so one that
//! begins anew has forgotten what it began before (it crashed, or was restored from an older state).

use hv_utils_core::wire::Status;
use std::sync::Arc;

/// Copies that were begun and that the disk has not ended yet, before another is refused: a host must not pile them up
/// before a disk that hangs.
pub const MOST_OPEN: u32 = 8;

/// What the administrator allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Whether anything is taken.
    pub enabled: bool,
    /// The largest file, bytes.
    pub max_file: u64,
}

/// Names a copy; never used twice.
pub type Id = u64;

/// Why a copy is not, or is no longer, what the host wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What the host is told.
    pub status: Status,
    /// A sentence for a person, without a full stop.
    pub why: Arc<str>,
}

impl Failure {
    /// With this status.
    pub fn new(status: Status, why: impl Into<Arc<str>>) -> Failure {
        Failure { status, why: why.into() }
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// This copy is over, and is to be removed, for this reason.
    pub ended: Option<(Id, Failure)>,
    /// What is to be done then.
    pub next: Next,
}

/// What is to be done about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It is answered.
    Answer(Status),
    /// A START is not followed, for this reason, which is the answer.
    Refuse(Failure),
    /// A copy begins; the answer is whether it can.
    Begin(Id),
    /// The bytes are this copy's.
    Take(Id),
    /// The copy is to be completed; the answer is whether that was possible.
    Finish(Id),
    /// The answer is success, as soon as nothing of this copy is left.
    Remove(Id),
}

impl From<Next> for Decision {
    fn from(next: Next) -> Decision {
        Decision { ended: None, next }
    }
}

/// The state between two requests.
#[derive(Debug)]
enum State {
    Idle,
    Copying(Copy),
    /// There was a copy, or was to be one.
    Failed(Status),
}

#[derive(Debug)]
struct Copy {
    id: Id,
    size: u64,
    /// COMPLETE was seen: there is nothing to add.
    finishing: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Engine {
    limits: Limits,
    state: State,
    last: Id,
    open: u32,
    /// The copy that a CANCEL is about: the last one, if the last START was followed.
    subject: Option<Id>,
    /// That copy, if it was ended and the disk has not done so yet.
    ending: Option<Id>,
    /// That copy is complete, and the host takes it for failed.
    untold: bool,
}

impl Engine {
    /// Nothing has been asked yet.
    #[must_use]
    pub const fn new(limits: Limits) -> Engine {
        Engine { limits, state: State::Idle, last: 0, open: 0, subject: None, ending: None, untold: false }
    }

    /// START of a file of `size` bytes, or of something that is none (`size` is then what is wrong with it).
    pub fn start(&mut self, size: Result<u64, Failure>) -> Decision {
        let ended = self.end(|| Failure::new(Status::ABORTED, "the host began another copy"));
        (self.subject, self.ending, self.untold) = (None, None, false);
        let next = match size.and_then(|size| self.admit(size)) {
            Err(failure) => {
                self.state = State::Failed(failure.status);
                Next::Refuse(failure)
            }
            Ok(size) => {
                self.last += 1;
                self.open += 1;
                self.subject = Some(self.last);
                self.state = State::Copying(Copy { id: self.last, size, finishing: false });
                Next::Begin(self.last)
            }
        };
        Decision { ended, next }
    }

    fn admit(&self, size: u64) -> Result<u64, Failure> {
        if !self.limits.enabled {
            return Err(switched_off());
        }
        if size > self.limits.max_file {
            let why = format!("it has {size} bytes, and max-file-mib allows {}", self.limits.max_file);
            return Err(Failure::new(Status::FILE_TOO_LARGE, why));
        }
        if self.open >= MOST_OPEN {
            return Err(Failure::new(Status::BUSY, "the disk has not ended the copies before this one"));
        }
        Ok(size)
    }

    /// WRITE of so many bytes.
    pub fn write(&mut self, offset: u64, bytes: usize) -> Decision {
        let copy = match self.copying() {
            Ok(copy) => copy,
            Err(status) => return Next::Answer(status).into(),
        };
        // No machine has a usize of more than 64 bits.
        let end = u64::try_from(bytes).ok().and_then(|bytes| offset.checked_add(bytes));
        if end.is_some_and(|end| end <= copy.size) {
            return Next::Take(copy.id).into();
        }
        let why = format!("{bytes} bytes at {offset} are not within the file's {}", copy.size);
        self.fail(&Failure::new(Status::INVALID_ARG, why))
    }

    /// A WRITE that cannot be read: what it was to bring is missing.
    pub fn unreadable_write(&mut self, failure: &Failure) -> Decision {
        match self.copying() {
            Ok(_) => self.fail(failure),
            Err(status) => Next::Answer(status).into(),
        }
    }

    /// COMPLETE.
    pub fn complete(&mut self) -> Decision {
        match self.copying() {
            Ok(copy) => {
                copy.finishing = true;
                Next::Finish(copy.id).into()
            }
            Err(status) => Next::Answer(status).into(),
        }
    }

    /// CANCEL. Without a copy there is nothing left of one already, which is what is asked for.
    pub fn cancel(&mut self) -> Decision {
        let ended = self.end(|| Failure::new(Status::ABORTED, "the host cancelled it"));
        let next = match self.ending {
            Some(id) => Next::Remove(id),
            // It cannot be taken back any more.
            None if std::mem::take(&mut self.untold) => Next::Answer(Status::FAIL),
            None => Next::Answer(Status::OK),
        };
        Decision { ended, next }
    }

    /// The host did not hear that its COMPLETE of this copy was good, because it had been told otherwise before. Whether it can
    /// still ask for it.
    pub fn untold(&mut self, id: Id) -> bool {
        let asked_for = self.subject == Some(id);
        self.untold |= asked_for;
        asked_for
    }

    /// The host, or the way to it, is another from here on, or this daemon is to end. The copy to be removed, if any.
    pub fn host_gone(&mut self, why: &'static str) -> Option<(Id, Failure)> {
        self.end(|| Failure::new(Status::ABORTED, why))
    }

    /// The disk takes longer than anybody waits for. The copy to be removed, if there is one.
    pub fn give_up(&mut self, failure: &Failure) -> Option<(Id, Failure)> {
        match self.state {
            State::Copying(_) => self.fail(failure).ended,
            State::Idle | State::Failed(_) => None,
        }
    }

    /// The disk has done with a copy, well or not.
    pub fn over(&mut self, id: Id, result: Result<(), Status>) {
        self.open = self.open.saturating_sub(1);
        self.ending.take_if(|ending| *ending == id);
        if matches!(&self.state, State::Copying(copy) if copy.id == id) {
            self.state = result.map_or_else(State::Failed, |()| State::Idle);
        }
    }

    /// From the next START on; but what is switched off is off at once. The copy to be removed, if any.
    pub fn set_limits(&mut self, limits: Limits) -> Option<(Id, Failure)> {
        self.limits = limits;
        if limits.enabled {
            return None;
        }
        let ended = self.end(switched_off);
        if ended.is_some() {
            self.state = State::Failed(Status::NOT_SUPPORTED);
        }
        ended
    }

    /// The copy that takes bytes, or what a request for one is answered.
    fn copying(&mut self) -> Result<&mut Copy, Status> {
        match &mut self.state {
            State::Copying(copy) if !copy.finishing => Ok(copy),
            State::Copying(_) | State::Idle => Err(Status::FAIL),
            State::Failed(status) => Err(*status),
        }
    }

    /// Ends the copy under way, whatever it is at, and forgets a failure.
    fn end(&mut self, failure: impl FnOnce() -> Failure) -> Option<(Id, Failure)> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Copying(copy) => {
                self.ending = Some(copy.id);
                Some((copy.id, failure()))
            }
            State::Idle | State::Failed(_) => None,
        }
    }

    /// Ends it because it cannot become what the host wants.
    fn fail(&mut self, failure: &Failure) -> Decision {
        let ended = self.end(|| failure.clone());
        self.state = State::Failed(failure.status);
        Decision { ended, next: Next::Answer(failure.status) }
    }
}

fn switched_off() -> Failure {
    Failure::new(Status::NOT_SUPPORTED, "file copy is switched off (enabled in [file-copy])")
}

#[cfg(test)]
mod tests;
