//! What surrounds a request: what of it is to be looked at, and what was seen.
//!
//! Data only. The service looks, and who it asks is its own affair; what follows is [`Engine::seen`](super::Engine::seen)'s.

/// What is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Who inhibits it.
    pub inhibitors: bool,
    /// Whether hibernation can work, and whether anything is under way that would not survive it.
    pub hibernation: bool,
}

/// What was seen. What was not looked at is as if nothing stood in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Who inhibits it, and why: a sentence each.
    pub objections: Vec<String>,
    /// Why hibernation cannot work.
    pub hibernation: Result<(), String>,
    /// What is under way that hibernation must not interrupt.
    pub busy: Option<String>,
}

impl Default for Seen {
    fn default() -> Seen {
        Seen { objections: Vec::new(), hibernation: Ok(()), busy: None }
    }
}

impl Seen {
    /// Nobody knows: hibernation cannot be promised, and nobody is known to inhibit.
    #[must_use]
    pub fn unknown() -> Seen {
        let why = "it cannot be found out whether it can work";
        Seen { hibernation: Err(why.to_owned()), ..Seen::default() }
    }
}
