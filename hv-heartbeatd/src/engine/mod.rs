//! The rules: which number a heartbeat is answered with, and which word about the applications. No IO, no clock.
//!
//! The word is the worst of all that is said. Where nobody is asked and nobody has reported anything it is left as the host
//! has sent it, as the kernel's driver does: Microsoft's own tests look for "OK (Applications Unknown)" from a guest that
//! has nothing to say. Which versions are agreed on makes no difference: the message is the same in 1.0 and 3.0, and the
//! word is written wherever the message has room for it.

mod judge;

pub use judge::{system, unit};

use hv_utils_core::wire::heartbeat::{self, ApplicationState};

/// One of those who say how things are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Who: `system`, the name of a unit, `application :1.5`.
    pub name: String,
    /// What it comes to.
    pub state: ApplicationState,
    /// Why, for a person.
    pub why: String,
}

/// How things are, as far as somebody says.
#[derive(Debug, Default)]
pub struct Engine {
    systemd: Vec<Source>,
    applications: Vec<Source>,
    sequence: u64,
}

impl Engine {
    /// What systemd says, from now on; empty where it is not asked.
    pub fn set_systemd(&mut self, sources: Vec<Source>) {
        self.systemd = sources;
    }

    /// What applications say, from now on.
    pub fn set_applications(&mut self, sources: Vec<Source>) {
        self.applications = sources;
    }

    /// All of them.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.systemd.iter().chain(&self.applications)
    }

    /// The word: the worst of all; `None` where there is nobody to say one.
    #[must_use]
    pub fn word(&self) -> Option<ApplicationState> {
        self.sources().map(|source| source.state).max()
    }

    /// The first of those who say the word.
    #[must_use]
    pub fn worst(&self) -> Option<&Source> {
        let word = self.word()?;
        self.sources().find(|source| source.state == word)
    }

    /// The number that the last heartbeat was answered with; 0 before that.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Makes a heartbeat its answer. What is too short to be one ([`heartbeat::parse`]) stays as it is.
    pub fn answer(&mut self, body: &mut [u8]) {
        let word = self.word();
        self.sequence = heartbeat::fill(body, word).unwrap_or(self.sequence);
    }
}

#[cfg(test)]
mod tests;
