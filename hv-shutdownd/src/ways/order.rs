//! What is asked for, and what came of it, in words.

use std::fmt;
use std::time::Duration;

use hv_utils_core::wire::shutdown::Action;

use super::Way;

/// Characters of a text that comes from elsewhere.
const TEXT: usize = 200;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What is to become of the guest.
    pub action: Action,
    /// Nothing may stand in its way: no inhibitor, no delay, no service that takes its time for ever.
    pub force: bool,
    /// Whether inhibitors that come up meanwhile are heard (`respect-inhibitors`); a forced one never does.
    pub respect_inhibitors: bool,
    /// How much later; only for powering off and restarting, and never for a forced one.
    pub delay: Duration,
    /// The host's words for the guest's users.
    pub text: String,
    /// The host's reason code.
    pub reason: u32,
}

impl Order {
    /// How much later it is really begun.
    pub(super) fn delay(&self) -> Duration {
        if self.force || self.action == Action::Hibernate { Duration::ZERO } else { self.delay }
    }

    /// Whether inhibitors are heard.
    pub(super) fn heeds(&self) -> bool {
        self.respect_inhibitors && !self.force
    }

    /// Whether one way after the other is taken until the machine is down. A machine that has hibernated is up again at
    /// last, and must not do it again.
    pub(super) fn insists(&self) -> bool {
        self.force && self.action != Action::Hibernate
    }

    /// What its users read.
    pub(super) fn wall(&self) -> String {
        let what = format!("Hyper-V's host asks this machine to {}", verb(self.action));
        let text = bounded(&self.text);
        if text.is_empty() { what } else { format!("{what}: {text}") }
    }
}

/// What was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// What it is.
    pub action: Action,
    /// Who does it.
    pub by: Way,
    /// In how long.
    pub delay: Duration,
}

/// As an outcome is told: `begun by logind`, `begun by logind, in 300 s`, `would power off (print)`.
impl fmt::Display for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let print = self.by == Way::Print;
        match print {
            true => write!(f, "would {}", verb(self.action))?,
            false => write!(f, "begun by {}", self.by)?,
        }
        let seconds = self.delay.as_secs();
        match (seconds, print) {
            (0, _) => {}
            (_, true) => write!(f, " in {seconds} s")?,
            (_, false) => write!(f, ", in {seconds} s")?,
        }
        f.write_str(if print { " (print)" } else { "" })
    }
}

/// What it is, after "to".
pub(super) fn verb(action: Action) -> &'static str {
    match action {
        Action::PowerOff => "power off",
        Action::Restart => "restart",
        Action::Hibernate => "hibernate",
    }
}

/// A text that comes from elsewhere, on one line and of a bounded length.
pub(super) fn bounded(text: &str) -> String {
    let plain = |char: char| if is_odd(char) { ' ' } else { char };
    let cut: String = text.trim().chars().take(TEXT).map(plain).collect();
    cut.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What could make a terminal do something, or a line read otherwise than it is written.
fn is_odd(char: char) -> bool {
    let turns = matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    char.is_control() || turns
}

#[cfg(test)]
mod tests;
