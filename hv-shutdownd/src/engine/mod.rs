//! The rules of Guest Shutdown: what becomes of a request, given what runs already and what stands in its way.
//!
//! Plain state and functions: nothing here waits, reads a clock or asks anybody. The service does what a [`Step`] says and
//! comes back with what has happened. What is begun is begun once, and in this order: accepted, told to the host, seen to leave,
//! prepared (hooks), acted, begun. Only a forced request changes one that runs: it is made forced too, and goes on at once.

mod refusal;
mod surroundings;

use std::time::Duration;

use hv_utils_core::wire::Version;
use hv_utils_core::wire::shutdown::{Action, Problem, Request, parse};

pub use refusal::Refusal;
pub use surroundings::{Look, Seen};

/// The longest delay that a host's timeout comes to.
pub const MOST_DELAY: Duration = Duration::from_secs(3600);

/// Why no host may have the guest hibernate.
pub(crate) const OFF: &str = "it is switched off in the configuration ([shutdown] hibernate)";

/// What the administrator has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How long an unforced power-off or restart is announced before (`delay-secs`).
    pub delay: Duration,
    /// The host's timeout is such a delay too (`honour-host-timeout`).
    pub honour_host_timeout: bool,
    /// Inhibitors refuse what is not forced (`respect-inhibitors`).
    pub respect_inhibitors: bool,
    /// The host may have the guest hibernate (`hibernate`).
    pub hibernate: bool,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { delay: Duration::ZERO, honour_host_timeout: false, respect_inhibitors: true, hibernate: true }
    }
}

/// What is to be done about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is answered with the refusal's status, and that is all.
    Refuse(Refusal),
    /// It runs already: it is answered OK, and that is all.
    Again,
    /// It runs already and is forced from now on: it is answered OK, and [`Engine::hurry`] says what follows.
    Upgrade,
    /// What surrounds it is to be looked at: [`Engine::seen`] decides.
    Look(Look),
    /// It is accepted: it is answered OK, and begun when that has left: [`Engine::told`].
    Begin,
}

/// How far what runs is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The answer is on its way.
    Telling,
    /// Hooks run.
    Preparing,
    /// Whoever can do it is being asked to.
    Acting,
    /// It is begun: the service manager is at it, or will be when the delay is over.
    Begun,
}

/// What follows a request that was made forced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hurry {
    /// Nothing at once: what comes next knows.
    Wait,
    /// Hooks that run are ended, and it is acted.
    Act,
}

/// What follows an attempt to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It is begun: whether it is called off has to be watched.
    Watch,
    /// It was made forced meanwhile: it is acted once more.
    Act,
    /// It has failed, and nothing runs any more, or nothing that is followed: the next request is begun anew.
    Failed,
}

#[derive(Debug)]
struct Running {
    request: Request,
    phase: Phase,
    /// The attempt that is under way, or was the last, was made as a forced one.
    insisted: bool,
    /// Made forced while an attempt was under way that was not.
    hurried: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Engine {
    rules: Rules,
    running: Option<Running>,
    stopping: bool,
}

impl Engine {
    /// Nothing runs.
    #[must_use]
    pub fn new(rules: Rules) -> Engine {
        Engine { rules, running: None, stopping: false }
    }

    /// From now on these rules. What runs goes on as it began.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// The rules of now.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What runs, and how far it is.
    #[must_use]
    pub fn running(&self) -> Option<(&Request, Phase)> {
        self.running.as_ref().map(|running| (&running.request, running.phase))
    }

    /// A host's message of the version agreed on; the request, if it is one.
    pub fn receive(&mut self, body: &[u8], version: Version) -> (Step, Option<Request>) {
        match parse(body, version) {
            Ok(request) => (self.request(&request), Some(request)),
            Err(problem) => (Step::Refuse(Refusal::Malformed(problem)), None),
        }
    }

    /// A request.
    pub fn request(&mut self, request: &Request) -> Step {
        if let Some(running) = &mut self.running {
            return running.meets(request);
        }
        if self.stopping {
            return Step::Refuse(Refusal::Ending);
        }
        let hibernation = request.action == Action::Hibernate;
        if hibernation && !self.rules.hibernate {
            return Step::Refuse(Refusal::CannotHibernate(OFF.to_owned()));
        }
        let inhibitors = !request.force && self.rules.respect_inhibitors;
        if inhibitors || hibernation {
            return Step::Look(Look { inhibitors, hibernation });
        }
        self.begin(request)
    }

    /// What was seen of what surrounds a request: [`Step::Refuse`] or [`Step::Begin`].
    pub fn seen(&mut self, request: &Request, seen: Seen) -> Step {
        if self.running.is_some() || self.stopping {
            return self.request(request);
        }
        if request.action == Action::Hibernate {
            if let Err(why) = seen.hibernation {
                return Step::Refuse(Refusal::CannotHibernate(why));
            }
            if let Some(what) = seen.busy {
                return Step::Refuse(Refusal::Busy(what));
            }
        }
        if !request.force && self.rules.respect_inhibitors && !seen.objections.is_empty() {
            return Step::Refuse(Refusal::Inhibited(seen.objections));
        }
        self.begin(request)
    }

    fn begin(&mut self, request: &Request) -> Step {
        let request = request.clone();
        self.running = Some(Running { request, phase: Phase::Telling, insisted: false, hurried: false });
        Step::Begin
    }

    /// The answer has left, or never will. `true`: what was accepted is to be prepared. `false`: nothing runs.
    pub fn told(&mut self, left: bool) -> bool {
        match &mut self.running {
            Some(running) if running.phase == Phase::Telling && left => {
                running.phase = Phase::Preparing;
                true
            }
            Some(running) if running.phase == Phase::Telling => {
                self.running = None;
                false
            }
            _ => false,
        }
    }

    /// All is prepared: it is to be acted.
    pub fn prepared(&mut self) {
        if let Some(running) = &mut self.running {
            running.act();
        }
    }

    /// After [`Step::Upgrade`].
    pub fn hurry(&mut self) -> Hurry {
        let Some(running) = &mut self.running else { return Hurry::Wait };
        match running.phase {
            Phase::Telling => Hurry::Wait,
            // What was acted since it was made forced is what was asked for.
            Phase::Acting | Phase::Begun if running.insisted => Hurry::Wait,
            Phase::Acting => {
                running.hurried = true;
                Hurry::Wait
            }
            Phase::Preparing | Phase::Begun => {
                running.act();
                Hurry::Act
            }
        }
    }

    /// How an attempt to act has ended.
    pub fn acted(&mut self, good: bool) -> After {
        let Some(running) = &mut self.running else { return After::Failed };
        if std::mem::take(&mut running.hurried) {
            running.act();
            return After::Act;
        }
        if !good {
            self.running = None;
            return After::Failed;
        }
        running.phase = Phase::Begun;
        After::Watch
    }

    /// What runs was called off, or is over with the guest still up.
    pub fn over(&mut self) {
        self.running = None;
    }

    /// The daemon ends: nothing new is accepted. What runs, if it was promised and not acted upon: it still has to be.
    pub fn stop(&mut self) -> Option<Phase> {
        self.stopping = true;
        self.running.as_ref().map(|running| running.phase)
    }

    /// How long it is announced before it is done.
    #[must_use]
    pub fn delay(&self, request: &Request) -> Duration {
        if request.force || request.action == Action::Hibernate {
            return Duration::ZERO;
        }
        let host = Duration::from_secs(u64::from(request.timeout_secs)).min(MOST_DELAY);
        if self.rules.honour_host_timeout { self.rules.delay.max(host) } else { self.rules.delay }
    }
}

impl Running {
    /// An attempt begins, as the request is now.
    fn act(&mut self) {
        self.phase = Phase::Acting;
        self.insisted = self.request.force;
    }

    /// Another request while this one runs.
    fn meets(&mut self, request: &Request) -> Step {
        if request.action != self.request.action {
            return Step::Refuse(Refusal::UnderWay(self.request.action));
        }
        // Once the machine is being put to sleep, nothing makes that faster.
        let asleep =
            request.action == Action::Hibernate && matches!(self.phase, Phase::Acting | Phase::Begun);
        if !request.force || self.request.force || asleep {
            return Step::Again;
        }
        self.request.force = true;
        Step::Upgrade
    }
}

/// A message that is no request, for the log.
pub(crate) const fn key(problem: Problem) -> &'static str {
    match problem {
        Problem::TooShort { .. } => "short",
        Problem::Flags(_) => "flags",
        Problem::Version { .. } => "version",
    }
}

#[cfg(test)]
mod tests;
