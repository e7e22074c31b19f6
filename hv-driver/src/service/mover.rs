//! One journey of one device, with everything around it that must be right whatever happens.
//!
//! Marker and guard first, then auto-probing off, the steps of [`Switch`] until it is done or cannot be, then auto-probing
//! on and a driver for whatever arrived meanwhile; marker and guard last.

use std::time::{Duration, Instant};

use hv_utils_core::daemon::InstanceLock;
use hv_utils_core::wire::Ic;

use super::Roots;
use crate::components::Component;
use crate::engine::{Failure, Goal, HV_UTILS, Step, Switch, UIO};
use crate::error::{Error, Kind};
use crate::guard::Guard;
use crate::sysfs::{Bus, Marker, repair};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

pub(super) fn travel(
    bus: &Bus,
    roots: &Roots,
    lock: &InstanceLock,
    component: Component,
    goal: Goal,
) -> Result<(), Error> {
    let Some(found) = bus.find(component.ic)? else {
        return Err(Error::unavailable(format!("the host does not offer {} any more", component.name)));
    };
    let marker = Marker::new(&roots.run);
    marker.set(bus, &found.vmbus, goal == Goal::Unbound)?;
    let guard = Guard::start(&roots.sysfs, &roots.run, lock).inspect_err(|_| drop(marker.clear()))?;
    let moved = drive(bus, component, goal);
    // Whatever happened.
    let mended = repair(bus, &marker);
    let arrived = match (&moved, &mended) {
        (Ok(()), Ok(())) => still_there(bus, component, goal),
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

fn drive(bus: &Bus, component: Component, goal: Goal) -> Result<(), Error> {
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
                let done = bus.unbind(instance, found.vmbus.driver.as_deref().unwrap_or(HV_UTILS))?;
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
