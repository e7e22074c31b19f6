//! The rules of the backup service: what host, bus and guardian may want, and when. No IO, no clock, no filesystem.
//!
//! ```text
//!  Thawed ── freeze ──► Freezing ── reached ──► Frozen ── thaw, deadline, … ──► Thawing ── over ──► Settling ── settled ──► Thawed
//!                          └───────────── failed, given up ────────────────────────┘                (hooks)
//! ```
//! The service tells what has happened and asks about every message; what is returned is what it has to do. The one thing
//! that outlives a freeze is a debt: a host that was told "frozen" and whose filesystems were thawed by somebody else is told
//! so at its next THAW, once.

use crate::report::{Cause, Origin};
use hv_utils_core::wire::vss::Operation;

/// How far a freeze is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// None is under way.
    Thawed,
    /// Hooks run, dirty data is written, filesystems freeze.
    Freezing,
    /// Everything is frozen.
    Frozen,
    /// It is being thawed, or what froze of a freeze that failed.
    Thawing,
    /// Nothing is frozen; hooks run.
    Settling,
}

/// What is to be done about a message of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Answer: success, or failure.
    Answer(bool),
    /// Find out whether a freeze would succeed, and answer that.
    Check,
    /// Begin a freeze; it is answered when it is known how it ended.
    Freeze,
    /// Have everything thawed, then ask again.
    Thaw,
    /// Ask again when the phase has changed.
    Await,
}

/// Why something is not done for a caller on the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A freeze is under way; whose.
    Busy(Origin),
    /// There is none.
    NotFrozen,
    /// The daemon is about to end.
    Stopping,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    phase: Phase,
    /// Whose the freeze is; of none that of the last.
    origin: Origin,
    /// Why it ends.
    cause: Option<Cause>,
    /// The host believes that everything is frozen.
    told: bool,
    /// The same, of the freeze that is ending.
    was_told: bool,
    owed: bool,
    /// No freeze is begun any more.
    stopping: bool,
}

impl Engine {
    /// Nothing is frozen; `owed`: the host's last freeze, before this daemon began, did not last.
    #[must_use]
    pub fn new(owed: bool) -> Engine {
        Engine {
            phase: Phase::Thawed,
            origin: Origin::Host,
            cause: None,
            told: false,
            was_told: false,
            owed,
            stopping: false,
        }
    }

    /// How far the freeze is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Why it ends, once it does.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// Whether the host's next THAW is to be answered by a failure.
    #[must_use]
    pub fn is_owed(&self) -> bool {
        self.owed
    }

    /// Whose the freeze is that is under way, or was the last.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The daemon is about to end: what is under way is seen to its end, and nothing more is begun.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// The host did not hear that its freeze did not last: the next THAW says so again.
    pub fn owes_still(&mut self) {
        self.owed = true;
    }

    /// The host asks for something.
    pub fn request(&mut self, operation: Operation) -> Action {
        match operation {
            Operation::HOT_BACKUP => match (self.phase, self.origin) {
                (Phase::Thawed | Phase::Settling, _) => Action::Check,
                // It is in the midst of one, and a second freeze is none.
                (Phase::Frozen, Origin::Host) => Action::Answer(true),
                _ => Action::Answer(false),
            },
            Operation::FREEZE => self.host_freezes(),
            Operation::THAW => self.host_thaws(),
            // Nothing to be done for these; what a reply adds to them is in the message.
            _ => Action::Answer(operation.name().is_some()),
        }
    }

    /// Somebody on the bus wants a freeze, and is allowed to.
    ///
    /// # Errors
    /// One is under way.
    pub fn bus_freezes(&mut self) -> Result<(), Refusal> {
        if self.stopping {
            return Err(Refusal::Stopping);
        }
        if self.phase != Phase::Thawed {
            return Err(Refusal::Busy(self.origin));
        }
        self.begin(Origin::Bus);
        Ok(())
    }

    /// Somebody on the bus wants the thaw, and is allowed to. The filesystems are to be thawed.
    ///
    /// # Errors
    /// There is nothing to thaw.
    pub fn bus_thaws(&mut self) -> Result<(), Refusal> {
        match self.phase {
            Phase::Thawed | Phase::Settling => Err(Refusal::NotFrozen),
            _ => {
                self.end(Cause::Bus);
                Ok(())
            }
        }
    }

    /// Everything is frozen. `false`: an end is wanted already, whoever asked for the freeze is to be told that it failed.
    pub fn frozen(&mut self) -> bool {
        if self.phase != Phase::Freezing {
            return false;
        }
        self.phase = Phase::Frozen;
        if self.origin == Origin::Host {
            // Whatever an earlier freeze owed: the next THAW is of this one.
            (self.told, self.owed) = (true, false);
        }
        true
    }

    /// The freeze is to end: the filesystems are to be thawed, or are being thawed. The first cause counts. Nothing if none
    /// is under way.
    pub fn end(&mut self, cause: Cause) {
        if !matches!(self.phase, Phase::Freezing | Phase::Frozen) {
            return;
        }
        self.phase = Phase::Thawing;
        self.cause = Some(cause);
        if self.told && cause != Cause::Host {
            self.owed = true;
        }
        self.was_told = std::mem::take(&mut self.told);
    }

    /// The channel is lost: what the host froze ends.
    pub fn host_gone(&mut self) {
        if self.origin == Origin::Host {
            self.end(Cause::Error);
        }
    }

    /// The host was not told that its freeze is in force: it ends, and nothing is owed for it.
    pub fn unheard(&mut self) {
        self.told = false;
        self.host_gone();
        if std::mem::take(&mut self.was_told) {
            // It ended before that was known.
            self.owed = false;
        }
    }

    /// What was frozen did not stay so until it was thawed: the host is not to believe it did.
    pub fn spoiled(&mut self) {
        if (self.phase, self.origin, self.cause) == (Phase::Thawing, Origin::Host, Some(Cause::Host)) {
            self.owed = self.was_told;
        }
    }

    /// Nothing is frozen any more.
    pub fn over(&mut self) {
        self.end(Cause::Error);
        if self.phase == Phase::Thawing {
            self.phase = Phase::Settling;
        }
    }

    /// A freeze before this daemon's time was undone; its hooks are to be told.
    pub fn recovered(&mut self, origin: Origin) {
        (self.phase, self.origin, self.cause) = (Phase::Settling, origin, Some(Cause::Guardian));
    }

    /// The hooks are done.
    pub fn settled(&mut self) {
        if self.phase == Phase::Settling {
            self.phase = Phase::Thawed;
        }
    }

    fn begin(&mut self, origin: Origin) {
        (self.phase, self.origin, self.cause, self.told) = (Phase::Freezing, origin, None, false);
    }

    fn host_freezes(&mut self) -> Action {
        match (self.phase, self.origin) {
            // It is as the host wants it, and since when the host knows.
            (Phase::Frozen, Origin::Host) => Action::Answer(true),
            (Phase::Thawed | Phase::Settling, _) if self.stopping => Action::Answer(false),
            (Phase::Thawed, _) => {
                self.begin(Origin::Host);
                Action::Freeze
            }
            (Phase::Settling, _) => Action::Await,
            // The host has given up the request that began it, so its answer would go nowhere.
            (Phase::Freezing, Origin::Host) => {
                self.end(Cause::Error);
                Action::Thaw
            }
            (Phase::Thawing, Origin::Host) => Action::Await,
            (_, Origin::Bus) => Action::Answer(false),
        }
    }

    fn host_thaws(&mut self) -> Action {
        match (self.phase, self.origin) {
            (Phase::Freezing | Phase::Frozen, Origin::Host) => {
                self.end(Cause::Host);
                Action::Thaw
            }
            (Phase::Thawing, Origin::Host) => Action::Await,
            // What somebody in the guest has frozen is not the host's to thaw.
            _ => Action::Answer(!std::mem::take(&mut self.owed)),
        }
    }
}

#[cfg(test)]
mod tests;
