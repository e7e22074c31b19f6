//! What is wanted of systemd, and what was seen. No IO.

use std::collections::BTreeMap;

use hv_utils_core::wire::heartbeat::ApplicationState;

use crate::engine::{self, Source};

/// What systemd is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// How the system is.
    pub system: bool,
    /// How these units are, by the names that the administrator uses.
    pub units: Vec<String>,
}

impl Wanted {
    /// Whether there is nothing to ask.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        !self.system && self.units.is_empty()
    }
}

/// A unit, in systemd's words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnitSeen {
    /// `loaded`, `not-found`, `masked`, …
    pub load: String,
    /// `active`, `failed`, …
    pub active: String,
    /// What it is in the words of its kind: `running`, `auto-restart`, …
    pub sub: String,
    /// The type of its job; empty: it has none.
    pub job: String,
}

/// What was seen last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// Why nothing is known; `None`: it is known.
    pub(super) silent: Option<&'static str>,
    /// `SystemState`, if it was asked for.
    pub(super) system: Option<String>,
    /// Units, by the names that the administrator uses.
    pub(super) units: BTreeMap<String, UnitSeen>,
}

impl Seen {
    /// What there is of it that is still wanted.
    pub(super) fn of(mut self, wanted: &Wanted) -> Seen {
        self.system = self.system.filter(|_| wanted.system);
        self.units.retain(|name, _| wanted.units.contains(name));
        self
    }

    /// Of one unit, for tests.
    #[cfg(test)]
    pub(crate) fn unit(name: &str, active: &str) -> Seen {
        let unit = UnitSeen { load: "loaded".to_owned(), active: active.to_owned(), ..UnitSeen::default() };
        Seen { units: BTreeMap::from([(name.to_owned(), unit)]), ..Seen::default() }
    }

    /// Nothing is known, and that is why.
    pub(super) fn silent(why: &'static str) -> Seen {
        Seen { silent: Some(why), ..Seen::default() }
    }

    /// Whether systemd has ever said anything.
    pub(super) fn is_known(&self) -> bool {
        self.system.is_some() || !self.units.is_empty()
    }

    /// As what they are to the host, for all that is wanted.
    #[must_use]
    pub fn sources(&self, wanted: &Wanted) -> Vec<Source> {
        let nothing = || {
            let why = self.silent.unwrap_or("systemd has not said yet");
            (ApplicationState::Unknown, why.to_owned())
        };
        let system = wanted.system.then(|| {
            let seen = self.system.as_ref();
            ("system".to_owned(), seen.map(|word| (engine::system(word), word.clone())))
        });
        let unit = |name: &String| (name.clone(), self.units.get(name).map(engine::unit));
        let all = system.into_iter().chain(wanted.units.iter().map(unit));
        all.map(|(name, judged)| {
            let (state, why) = judged.unwrap_or_else(nothing);
            Source { name, state, why }
        })
        .collect()
    }
}
