//! How a device gets from one driver to another: what was seen goes in, one act comes out.
//!
//! No act is believed: after each, the shell looks again. That is what makes it bear a host that takes the device away
//! and offers another one in the middle (KVP, at each close of its channel), a kernel that gives the new one to its own
//! driver, an override that was lost with the old one, and a tree of plain files that obeys late.

use std::time::Duration;

use super::{Goal, Owner};

/// A host that replaces a closed device does so within this; then the old one has stayed.
pub(super) const SETTLE: Duration = Duration::from_secs(1);
/// How long a device may be gone between rescind and offer.
pub(super) const ABSENT: Duration = Duration::from_secs(5);
/// A write that has had no effect by then has none.
const EFFECT: Duration = Duration::from_secs(1);
/// All of it.
pub(super) const LIMIT: Duration = Duration::from_secs(15);
/// The kernel may take a new device before us; more often it is not the kernel's auto-probing.
pub(super) const MAX_UNBINDS: u32 = 4;
/// How often a driver may refuse a device.
pub(super) const MAX_BINDS: u32 = 3;

/// What tells a device from the one that was there before under the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Number of its channel; a host may give the same one again.
    pub relid: Option<u32>,
    /// The directory's inode number.
    pub inode: u64,
}

/// What `driver_override` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Override {
    /// Nothing.
    None,
    /// `uio_hv_generic`.
    Uio,
    /// Another driver.
    Other,
}

/// A device as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    /// Which one.
    pub identity: Identity,
    /// Who has it.
    pub owner: Owner,
    /// Its override.
    pub forced: Override,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Look again soon.
    Wait,
    /// Take it from its driver.
    Unbind,
    /// Set the override to `uio_hv_generic`.
    Force,
    /// Clear the override.
    Unforce,
    /// Give it to the goal's driver.
    Bind,
    /// It is where it should be.
    Done,
    /// It cannot be brought there.
    Failed(Failure),
}

/// Why it cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The device is gone and does not come back.
    Gone,
    /// Something else gives it back to its old driver each time.
    TakenAgain,
    /// The driver does not take it.
    Refused,
    /// Nothing happens any more.
    TimeOut,
}

/// A switch under way.
#[derive(Debug)]
pub struct Switch {
    goal: Goal,
    /// The host may replace the device when its channel is closed.
    replaced: bool,
    unbound: Option<(Identity, Duration)>,
    unbinds: u32,
    bound: Option<(Identity, Duration)>,
    binds: u32,
    absent: Option<Duration>,
    unforced: Option<Identity>,
}

impl Switch {
    /// From wherever it is to `goal`. `replaced`: its host may offer another one after a close.
    #[must_use]
    pub fn new(goal: Goal, replaced: bool) -> Self {
        let (unbound, bound, absent, unforced) = (None, None, None, None);
        Self { goal, replaced, unbound, unbinds: 0, bound, binds: 0, absent, unforced }
    }

    /// The next act, after `seen` was seen at `now` (since the beginning).
    pub fn next(&mut self, seen: Option<Device>, now: Duration) -> Step {
        if now >= LIMIT {
            return Step::Failed(Failure::TimeOut);
        }
        let Some(device) = seen else {
            let since = *self.absent.get_or_insert(now);
            return if now - since < ABSENT { Step::Wait } else { Step::Failed(Failure::Gone) };
        };
        self.absent = None;
        if self.goal.is_reached_by(device.owner) {
            return self.arrived(device, now);
        }
        match device.owner {
            Owner::Nobody => self.bind(device, now),
            _ => self.unbind(device, now),
        }
    }

    /// The last act failed at once: there is no effect to wait for.
    pub fn refused(&mut self) {
        self.bound = None;
        self.unbound = None;
    }

    /// An unbind is over at `now`: it may have had to wait for whoever had the device open.
    pub fn unbound(&mut self, now: Duration) {
        if let Some((_, at)) = &mut self.unbound {
            *at = now;
        }
    }

    fn arrived(&mut self, device: Device, now: Duration) -> Step {
        // With nobody: the device that comes after this one is the one that counts.
        if self.goal == Goal::Unbound && self.settling(device, now) {
            return Step::Wait;
        }
        self.unforce(device).unwrap_or(Step::Done)
    }

    fn unbind(&mut self, device: Device, now: Duration) -> Step {
        if self.unbound.is_some_and(|(identity, at)| identity == device.identity && now - at < EFFECT) {
            return Step::Wait;
        }
        if let Some(step) = self.unforce(device) {
            return step;
        }
        if self.unbinds == MAX_UNBINDS {
            return Step::Failed(Failure::TakenAgain);
        }
        self.unbinds += 1;
        self.unbound = Some((device.identity, now));
        Step::Unbind
    }

    fn bind(&mut self, device: Device, now: Duration) -> Step {
        if self.settling(device, now) {
            return Step::Wait;
        }
        if self.goal == Goal::Uio && device.forced != Override::Uio {
            return Step::Force;
        }
        if let Some(step) = self.unforce(device) {
            return step;
        }
        match self.bound {
            Some((identity, at)) if identity == device.identity && now - at < EFFECT => return Step::Wait,
            Some((identity, _)) if identity != device.identity => self.binds = 0,
            _ => {}
        }
        if self.binds == MAX_BINDS {
            return Step::Failed(Failure::Refused);
        }
        self.binds += 1;
        self.bound = Some((device.identity, now));
        Step::Bind
    }

    /// An override would lead the kernel astray when we are done. Cleared once: what stays is not ours.
    fn unforce(&mut self, device: Device) -> Option<Step> {
        let clear = self.goal != Goal::Uio
            && device.forced != Override::None
            && self.unforced != Some(device.identity);
        clear.then(|| {
            self.unforced = Some(device.identity);
            Step::Unforce
        })
    }

    /// Whether this is the device that was unbound, and its host may still be about to replace it.
    fn settling(&self, device: Device, now: Duration) -> bool {
        self.replaced
            && self.unbound.is_some_and(|(identity, at)| identity == device.identity && now - at < SETTLE)
    }
}
