//! Who has asked for a freeze over D-Bus, and therefore may thaw it.
//!
//! They were allowed to by polkit before anything was frozen. While it is frozen polkit may hang, so what is remembered has
//! to do: a unique name, which on one connection is never given twice, or else a user. It holds for the one freeze that
//! they have asked for, and not for the host's freezes, nor for somebody else's. While nothing is frozen they are told
//! just that, and nothing is passed on: by the time it would be looked at, the host's freeze may have begun.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zbus::names::{OwnedUniqueName, UniqueName};

use super::remote::Shown;
use crate::report::Origin;

/// The number of a connection of this daemon to a bus: another bus gives the same names to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line(u64);

/// A caller of `Freeze`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Freezer {
    pub(super) user: u32,
    pub(super) name: OwnedUniqueName,
    pub(super) line: Line,
}

/// All that are remembered.
#[derive(Debug, Default)]
pub(super) struct Freezers {
    numbers: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Those whose freeze is under way, each with its number. All but one are told at once that they have to wait.
    waiting: Vec<(u64, Freezer)>,
    /// The last whose freeze came about, and its [`Shown::frozen_since`]; 0 if it was over before it was seen.
    last: Option<(Freezer, u64)>,
}

impl Freezers {
    /// A connection that was none before.
    pub(super) fn line(&self) -> Line {
        Line(self.numbers.fetch_add(1, Ordering::Relaxed))
    }

    /// Remembers who asks, for as long as the value lives: the answer is not known yet.
    pub(super) fn ask(this: &Arc<Freezers>, freezer: Freezer) -> Asking {
        let number = this.numbers.fetch_add(1, Ordering::Relaxed);
        this.state().waiting.push((number, freezer));
        Asking { freezers: Arc::clone(this), number }
    }

    /// Whether this name may thaw what is shown.
    pub(super) fn has_name(&self, shown: &Shown, line: Line, name: &UniqueName<'_>) -> bool {
        self.state().of(shown).any(|freezer| freezer.line == line && freezer.name == *name)
    }

    /// The users that may thaw what is shown.
    pub(super) fn users(&self, shown: &Shown) -> Vec<u32> {
        self.state().of(shown).map(|freezer| freezer.user).collect()
    }

    /// Whether the last freeze that came about was this user's. It gives no right.
    pub(super) fn was_of(&self, user: u32) -> bool {
        self.state().last.as_ref().is_some_and(|(freezer, _)| freezer.user == user)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of(&self, shown: &Shown) -> impl Iterator<Item = &Freezer> {
        // Whoever waits while the host freezes is about to be told so.
        let anybodys = shown.origin != Some(Origin::Host);
        let now = shown.frozen_since;
        let last = self.last.iter().filter(move |(_, since)| now != 0 && now == *since);
        let all = self.waiting.iter().map(|(_, freezer)| freezer).chain(last.map(|(freezer, _)| freezer));
        all.filter(move |_| anybodys)
    }
}

/// A freeze that was asked for and not answered. Dropped, it is forgotten.
#[derive(Debug)]
pub(super) struct Asking {
    freezers: Arc<Freezers>,
    number: u64,
}

impl Asking {
    /// It came about: what is shown is theirs.
    pub(super) fn frozen(self, shown: &Shown) {
        let mut state = self.freezers.state();
        let freezer = state.waiting.iter().find(|(number, _)| *number == self.number);
        state.last = freezer.map(|(_, freezer)| (freezer.clone(), shown.frozen_since));
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.freezers.state().waiting.retain(|(number, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests;
