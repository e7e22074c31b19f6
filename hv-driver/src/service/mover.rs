//! One journey of one device, with everything around it that must be right whatever happens.
//!
//! Nobody may have a raw device open first: then nothing has been changed yet. Marker and guard next, then auto-probing off, the steps of [`Switch`] until it is done or cannot be, then auto-probing
//! on and a driver for whatever arrived meanwhile; marker and guard last.

use std::time::{Duration, Instant};

use hv_utils_core::daemon::InstanceLock;
use hv_utils_core::wire::Ic;

use super::{Daemons, Roots, holders};
use crate::components::Component;
use crate::engine::{Failure, Goal, HV_UTILS, Identity, Owner, Step, Switch, UIO};
use crate::error::{Error, Kind};
use crate::guard::Guard;
use crate::sysfs::{Bus, Found, Marker, repair};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

pub(super) fn travel(
    bus: &Bus,
    roots: &Roots,
    lock: &InstanceLock,
    daemons: &dyn Daemons,
    component: Component,
    goal: Goal,
) -> Result<(), Error> {
    holders::free(bus, roots, daemons, component)?;
    // It may be another one by now, or gone for a moment, as its host does after a close.
    let found = bus.find(component.ic)?;
    let raw =
        found.as_ref().filter(|found| found.device.owner == Owner::Uio).map(|found| found.device.identity);
    let marker = Marker::new(&roots.run);
    marker.set(bus, found.as_ref().map(|found| &found.vmbus), goal == Goal::Unbound)?;
    let guard = Guard::start(&roots.sysfs, &roots.run, lock).inspect_err(|_| drop(marker.clear()))?;
    let moved = drive(bus, roots, daemons, component, goal);
    // Whatever happened.
    let mended = repair(bus, &marker);
    let arrived = match (&moved, &mended) {
        (Ok(()), Ok(())) => {
            still_there(bus, component, goal).inspect(|()| warn_of_rescind(bus, component, raw))
        }
        _ => Ok(()),
    };
    if moved.as_ref().is_err_and(|error| error.kind() == Kind::Stuck) {
        guard.leave();
        return moved;
    }
    // Where nothing may be written nothing was changed, and a guard could not do more.
    if mended.is_ok() || bus.probes() {
        marker.clear()?;
        guard.dismiss();
    }
    moved.and(mended).and(arrived)
}

fn drive(
    bus: &Bus,
    roots: &Roots,
    daemons: &dyn Daemons,
    component: Component,
    goal: Goal,
) -> Result<(), Error> {
    if goal == Goal::Uio {
        bus.set_probing(false)?;
    }
    // Only KVP is known to be replaced by its host after a close.
    let mut switch = Switch::new(goal, component.ic == Ic::Kvp);
    let began = Instant::now();
    loop {
        let Some(found) = bus.find(component.ic)? else {
            match switch.next(None, began.elapsed()) {
                Step::Failed(failure) => return Err(cannot(component, goal, failure)),
                _ => std::thread::sleep(LOOK),
            }
            continue;
        };
        let instance = found.vmbus.instance.as_str();
        let done = match switch.next(Some(found.device), began.elapsed()) {
            Step::Done => return Ok(()),
            Step::Failed(failure) => return Err(cannot(component, goal, failure)),
            Step::Wait => {
                std::thread::sleep(LOOK);
                true
            }
            Step::Unbind => {
                let free = found.device.owner != Owner::Uio || holders::free(bus, roots, daemons, component)?;
                let done = free && take(bus, &found)?;
                switch.unbound(began.elapsed());
                done
            }
            Step::Force => bus.set_override(instance, Some(UIO)).map(|()| true)?,
            Step::Unforce => bus.set_override(instance, None).map(|()| true)?,
            Step::Bind => bus.bind(instance, goal)?,
        };
        if !done {
            switch.refused();
            std::thread::sleep(LOOK);
        }
    }
}

fn take(bus: &Bus, found: &Found) -> Result<bool, Error> {
    bus.unbind(&found.vmbus.instance, found.vmbus.driver.as_deref().unwrap_or(HV_UTILS))
}

/// A channel that was raw once keeps the raw driver's function for its rescind, until there is a new channel: Linux 6.12
/// crashes in it when the host takes the service away (seen; mainline's source of 2025 does not take it back either).
fn warn_of_rescind(bus: &Bus, component: Component, raw: Option<Identity>) {
    let now = bus.find(component.ic).ok().flatten();
    let same = now.is_some_and(|now| now.device.owner != Owner::Uio && Some(now.device.identity) == raw);
    if same {
        tracing::warn!(
            "{} is on the same channel as before: if a program has used it on {UIO}, this kernel may crash when the host \
             takes the service away (unticks it); restart this machine when you can",
            component.name
        );
    }
}

/// After everything that arrived has been given a driver.
fn still_there(bus: &Bus, component: Component, goal: Goal) -> Result<(), Error> {
    match bus.find(component.ic)? {
        Some(found) if !goal.is_reached_by(found.device.owner) => {
            Err(cannot(component, goal, Failure::TakenAgain))
        }
        _ => Ok(()),
    }
}

fn cannot(component: Component, goal: Goal, failure: Failure) -> Error {
    let name = component.name;
    let to = if goal == Goal::Unbound { "no driver" } else { goal.driver() };
    Error::refused(match failure {
        Failure::Gone => {
            format!("{name} cannot be given to {to}: its host took it away and does not offer it again")
        }
        Failure::TakenAgain => {
            format!("{name} cannot be given to {to}: another driver or program takes it back each time")
        }
        Failure::Refused => {
            format!("{name} cannot be given to {to}: the driver does not take it (dmesg tells more)")
        }
        Failure::TimeOut => format!("{name} cannot be given to {to}: it takes too long"),
    })
}
