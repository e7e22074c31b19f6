//! One component brought to where the rules want it, and examined there: what it costs, whether it works.

use std::time::Duration;

use hv_utils_core::wire::Ic;

use super::{Daemons, Worker, mover};
use crate::components::Component;
use crate::engine::{Choice, Goal, HV_UTILS, Owner};
use crate::error::Error;
use crate::sysfs::{Bus, Found, load_raw_driver};

/// The maps of a uio device are shown a moment after it was bound.
const LATE_MAPS: u32 = 5;
const LATE_MAP: Duration = Duration::from_millis(100);

impl Worker<'_> {
    /// Brings one component to where the rules want it, and looks whether it should stay there.
    pub(super) fn settle(
        &mut self,
        component: Component,
        choice: Choice,
        ready: &dyn Daemons,
    ) -> Result<(), Error> {
        let Some(found) = self.world.bus.find(component.ic)? else { return Ok(()) };
        let decision = self.world.decide(component, choice, found.device.owner);
        if choice == Choice::Uio && decision.goal != Some(Goal::Uio) {
            tracing::warn!("{} cannot be on raw VMBus: {}", component.name, decision.reason);
        }
        if let Some(goal) = decision.move_from(found.device.owner) {
            announce(component, goal, &decision.reason);
            self.travel(component, goal)?;
        }
        if decision.goal == Some(Goal::Uio) { self.examine(component, choice, ready) } else { Ok(()) }
    }

    /// On raw VMBus: does it cost what it should not, does it work? Under `auto` it goes back if not.
    fn examine(&mut self, component: Component, choice: Choice, ready: &dyn Daemons) -> Result<(), Error> {
        let costly = self.is_costly(component)?;
        // A device that is about to go back is not worth waiting for.
        let good = !(costly && choice == Choice::Auto) && self.is_ready(component, ready)?;
        if good || choice != Choice::Auto {
            return Ok(());
        }
        // The facts have changed: the rules say where it belongs now.
        let decision = self.world.decide(component, choice, Owner::Uio);
        let Some(goal) = decision.move_from(Owner::Uio) else { return Ok(()) };
        announce(component, goal, &decision.reason);
        self.travel(component, goal)
    }

    fn is_costly(&mut self, component: Component) -> Result<bool, Error> {
        let Some(bytes) = cost(&self.world.bus, component.ic)? else { return Ok(false) };
        tracing::warn!(
            component = component.name,
            bytes,
            "this kernel takes memory for each device on raw VMBus"
        );
        self.world.memory.cost = Some(bytes);
        self.world.memory.save()?;
        Ok(true)
    }

    /// Whether nothing speaks against it: nobody may be there to be asked.
    fn is_ready(&mut self, component: Component, ready: &dyn Daemons) -> Result<bool, Error> {
        let Some(reached) = ready.reached(component) else { return Ok(true) };
        let name = component.name;
        if reached {
            self.world.memory.forget(component.ic);
        } else {
            tracing::warn!(component = name, "{} does not reach the host on raw VMBus", component.daemon);
            self.world.memory.never_ready.insert(component.ic);
        }
        self.world.memory.save()?;
        Ok(reached)
    }

    pub(super) fn travel(&mut self, component: Component, goal: Goal) -> Result<(), Error> {
        if goal == Goal::Uio {
            load_raw_driver(&self.world.bus)?;
            // Before it is begun: an attempt that kills the machine has been one as well.
            self.world.memory.attempt(component.ic);
            self.world.memory.save()?;
        }
        if goal == Goal::HvUtils && !self.world.bus.has_driver(HV_UTILS) {
            return Err(Error::unavailable("the driver hv_utils is not there: modprobe hv_utils"));
        }
        mover::travel(&self.world.bus, &self.roots, &self.lock, self.daemons, component, goal)
    }
}

/// Bytes of the buffers that were taken for a device on raw VMBus, if any were.
fn cost(bus: &Bus, ic: Ic) -> Result<Option<u64>, Error> {
    for _ in 0..LATE_MAPS {
        match bus.find(ic)? {
            Some(found) if found.vmbus.uio.as_ref().is_some_and(|uio| !uio.maps.is_empty()) => {
                return Ok(taken(&found));
            }
            _ => std::thread::sleep(LATE_MAP),
        }
    }
    Ok(None)
}

/// Bytes of the buffers that only network devices need, if they were taken for this one.
fn taken(found: &Found) -> Option<u64> {
    let uio = found.vmbus.uio.as_ref()?;
    let buffers =
        uio.maps.iter().filter(|map| map.name.starts_with("recv:") || map.name.starts_with("send:"));
    Some(buffers.map(|map| map.size).sum()).filter(|bytes| *bytes > 0)
}

fn announce(component: Component, goal: Goal, reason: &str) {
    let to = if goal == Goal::Unbound { "no driver" } else { goal.driver() };
    tracing::info!("moving {} to {to}: {reason}", component.name);
}
