//! What this program does, from one end to the other: gather the facts, let the engine decide, move, measure, remember.
//!
//! Plain code that waits by short looks within limits; no runtime. One instance at a time, by the lock in the run
//! directory; only [`show`] does without, and reads.

mod mover;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hv_utils_core::daemon::InstanceLock;
use hv_utils_core::wire::Ic;

use crate::components::{COMPONENTS, Component};
use crate::config::{Place, Settings};
use crate::engine::{Choice, Decision, Facts, Goal, HV_UTILS, Kernel, Machine, Owner, decide};
use crate::error::Error;
use crate::memory::Memory;
use crate::show::Row;
use crate::sysfs::{Bus, Found, Marker, repair};

/// The lock's name, and this program's.
pub const NAME: &str = "hv-driver";

/// How often all components are looked at in one `apply`: a device can be offered while another one is moved.
const PASSES: u32 = 3;

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Roots {
    /// sysfs.
    pub sysfs: PathBuf,
    /// procfs.
    pub proc: PathBuf,
    /// What lives until the next boot.
    pub run: PathBuf,
    /// Where the daemons' programs are.
    pub daemons: PathBuf,
}

/// Says whether a component's daemon reached its host on raw VMBus: `None` if no daemon runs that could say.
pub trait Readiness {
    /// Waits, bounded.
    fn reached(&self, component: Component) -> Option<bool>;
}

/// Nobody to be asked.
#[derive(Debug, Clone, Copy)]
pub struct Unasked;

impl Readiness for Unasked {
    fn reached(&self, _: Component) -> Option<bool> {
        None
    }
}

/// All components with their choice and its reason. Changes nothing but what an earlier instance left half done, and
/// that only where it may.
///
/// # Errors
/// The configuration is wrong, or sysfs cannot be read.
pub fn show(roots: &Roots, place: &Place) -> Result<Vec<Row>, Error> {
    mend(roots);
    let world = World::look(roots, place.settings()?);
    COMPONENTS.into_iter().map(|component| world.row(component)).collect()
}

/// Puts right what an instance left that was killed together with its guard; if one is at work, it is left alone.
fn mend(roots: &Roots) {
    if Marker::new(&roots.run).is_set() {
        // Who may not mend may still look.
        if let Err(error) = Worker::begin(roots, Settings::default()) {
            tracing::debug!("an earlier switch is not put right: {error}");
        }
    }
}

/// What is known at one moment.
#[derive(Debug)]
struct World {
    bus: Bus,
    machine: Machine,
    settings: Settings,
    memory: Memory,
    daemons: PathBuf,
}

impl World {
    fn look(roots: &Roots, settings: Settings) -> Self {
        let bus = Bus::new(&roots.sysfs);
        let memory = Memory::load(&roots.run, &roots.proc);
        let machine = Machine {
            kernel: kernel(&roots.proc),
            hibernation: bus.hibernation(),
            file_copy: settings.file_copy,
            cost: memory.cost,
        };
        Self { bus, machine, settings, memory, daemons: roots.daemons.clone() }
    }

    /// The choice in force, and whether it ends with this boot.
    fn choice(&self, ic: Ic) -> (Choice, bool) {
        match self.memory.choices.get(&ic) {
            Some(choice) => (*choice, true),
            None => (self.settings.choice(ic), false),
        }
    }

    fn decide(&self, component: Component, choice: Choice, owner: Owner) -> Decision {
        let ic = component.ic;
        let facts = Facts {
            ic,
            owner,
            daemon: component.daemon,
            installed: self.daemons.join(component.daemon).is_file(),
            attempts: self.memory.attempts.get(&ic).copied().unwrap_or(0),
            released: self.memory.released.contains(&ic),
            never_ready: self.memory.never_ready.contains(&ic),
        };
        let machine = Machine { cost: self.memory.cost, ..self.machine.clone() };
        decide(choice, &machine, &facts)
    }

    fn row(&self, component: Component) -> Result<Row, Error> {
        let found = self.bus.find(component.ic)?;
        let (choice, runtime) = self.choice(component.ic);
        let decision = found.as_ref().map(|found| self.decide(component, choice, found.device.owner));
        Ok(Row::new(component, found.as_ref(), choice, decision, runtime))
    }
}

fn kernel(proc_root: &Path) -> Kernel {
    Kernel::new(&fs::read_to_string(proc_root.join("sys/kernel/osrelease")).unwrap_or_default())
}

/// The one instance that may move devices.
#[derive(Debug)]
pub struct Worker {
    roots: Roots,
    world: World,
    lock: InstanceLock,
}

impl Worker {
    /// Takes the lock, and puts right what an earlier instance left half done.
    ///
    /// # Errors
    /// Another instance is at work (75), or this one is not permitted.
    pub fn begin(roots: &Roots, settings: Settings) -> Result<Self, Error> {
        let lock = InstanceLock::take(&roots.run, NAME)?;
        let bus = Bus::new(&roots.sysfs);
        let marker = Marker::new(&roots.run);
        if marker.is_set() {
            tracing::warn!("a switch was cut short: auto-probing is turned on again");
            repair(&bus, &marker)?;
            marker.clear()?;
        }
        Ok(Self { world: World::look(roots, settings), roots: roots.clone(), lock })
    }

    /// Applies what is configured to all components. One that cannot be moved does not hold up the others.
    ///
    /// # Errors
    /// The first failure, after all were tried.
    pub fn apply(&mut self) -> Result<(), Error> {
        let mut result = Ok(());
        let mut failed = BTreeSet::new();
        for _ in 0..PASSES {
            let mut quiet = true;
            for component in COMPONENTS {
                let (choice, _) = self.world.choice(component.ic);
                if failed.contains(&component.ic) || !self.wants_move(component, choice)? {
                    continue;
                }
                quiet = false;
                if let Err(error) = self.settle(component, choice, &Unasked) {
                    failed.insert(component.ic);
                    result = first(result, error);
                }
            }
            if quiet {
                break;
            }
        }
        result
    }

    fn wants_move(&self, component: Component, choice: Choice) -> Result<bool, Error> {
        let Some(found) = self.world.bus.find(component.ic)? else { return Ok(false) };
        let owner = found.device.owner;
        Ok(self.world.decide(component, choice, owner).move_from(owner).is_some())
    }

    /// Moves components as `choice` says and keeps the choice: for good, or until the next boot. None named means all.
    ///
    /// # Errors
    /// This machine has no such component, its kernel cannot do it, or it did not work. The first failure, after all
    /// were tried; what did not work is not kept.
    pub fn choose(
        &mut self,
        named: &[Component],
        choice: Choice,
        place: Option<&Place>,
        ready: &dyn Readiness,
    ) -> Result<(), Error> {
        let components = self.possible(named, choice)?;
        let (mut kept, mut result) = (Vec::new(), Ok(()));
        for component in components {
            self.world.memory.forget(component.ic);
            match self.settle(component, choice, ready) {
                Ok(()) => kept.push(component.ic),
                Err(error) => result = first(result, error),
            }
        }
        if let Some(place) = place {
            self.world.memory.choices.retain(|ic, _| !kept.contains(ic));
            self.world.memory.save()?;
            if !kept.is_empty() {
                place.keep(&kept, choice)?;
                self.world.settings = place.settings()?;
            }
        } else {
            self.world.memory.choices.extend(kept.iter().map(|ic| (*ic, choice)));
            self.world.memory.save()?;
        }
        result
    }

    /// The components that are meant, if this machine can do that with them at all.
    fn possible(&self, named: &[Component], choice: Choice) -> Result<Vec<Component>, Error> {
        let kernel = &self.world.machine.kernel;
        if choice == Choice::Uio && !kernel.has_raw() {
            return Err(Error::unavailable(format!(
                "raw VMBus for integration components needs Linux 6.10 or newer; this kernel is {kernel}"
            )));
        }
        let all = if named.is_empty() { &COMPONENTS[..] } else { named };
        let mut there = 0;
        for component in all {
            match self.world.bus.find(component.ic)? {
                Some(_) => there += 1,
                None if named.is_empty() => {}
                None => return Err(self.absent(*component)),
            }
        }
        if there == 0 {
            return Err(Error::unavailable(format!(
                "there is no integration component on a VMBus below {}: this is no Hyper-V guest, or its host offers none",
                self.roots.sysfs.display()
            )));
        }
        if choice == Choice::HvUtils && !self.world.bus.has_driver(HV_UTILS) {
            return Err(Error::unavailable("the driver hv_utils is not there: modprobe hv_utils"));
        }
        Ok(all.to_vec())
    }

    fn absent(&self, component: Component) -> Error {
        Error::unavailable(format!(
            "the host does not offer {} to this machine (no device of its class below {})",
            component.name,
            self.roots.sysfs.join("bus/vmbus/devices").display()
        ))
    }

    /// Gives a component back to the kernel, for as long as this boot lasts or until somebody chooses.
    ///
    /// # Errors
    /// This machine has no such component, or it cannot be moved.
    pub fn release(&mut self, component: Component) -> Result<(), Error> {
        let Some(found) = self.world.bus.find(component.ic)? else { return Err(self.absent(component)) };
        self.world.memory.released.insert(component.ic);
        self.world.memory.save()?;
        let goal = if component.ic == Ic::FileCopy { Goal::Unbound } else { Goal::HvUtils };
        if goal.is_reached_by(found.device.owner) {
            return Ok(());
        }
        self.travel(component, goal)
    }

    /// The rows of these components; all if none are named.
    ///
    /// # Errors
    /// sysfs cannot be read.
    pub fn rows(&self, named: &[Component]) -> Result<Vec<Row>, Error> {
        let all = if named.is_empty() { &COMPONENTS[..] } else { named };
        all.iter().map(|component| self.world.row(*component)).collect()
    }

    /// Brings one component to where the rules want it, and looks whether it should stay there.
    fn settle(&mut self, component: Component, choice: Choice, ready: &dyn Readiness) -> Result<(), Error> {
        let Some(found) = self.world.bus.find(component.ic)? else { return Ok(()) };
        let decision = self.world.decide(component, choice, found.device.owner);
        if choice == Choice::Uio && decision.goal != Some(Goal::Uio) {
            tracing::warn!(component = component.name, "not on raw VMBus: {}", decision.reason);
        }
        if let Some(goal) = decision.move_from(found.device.owner) {
            tracing::info!(component = component.name, to = goal.driver(), "{}", decision.reason);
            self.travel(component, goal)?;
        }
        if decision.goal == Some(Goal::Uio) { self.examine(component, choice, ready) } else { Ok(()) }
    }

    /// On raw VMBus: does it cost what it should not, does it work? Under `auto` it goes back if not.
    fn examine(&mut self, component: Component, choice: Choice, ready: &dyn Readiness) -> Result<(), Error> {
        let mut objection = false;
        if let Some(bytes) = self.cost(component)? {
            self.world.memory.cost = Some(bytes);
            self.world.memory.save()?;
            tracing::warn!(
                component = component.name,
                bytes,
                "this kernel takes memory for each device on raw VMBus"
            );
            objection = true;
        }
        if !objection {
            match ready.reached(component) {
                Some(true) => {
                    self.world.memory.forget(component.ic);
                    self.world.memory.save()?;
                }
                Some(false) => {
                    tracing::warn!(
                        component = component.name,
                        "{} does not reach the host on raw VMBus",
                        component.daemon
                    );
                    self.world.memory.never_ready.insert(component.ic);
                    self.world.memory.save()?;
                    objection = true;
                }
                None => {}
            }
        }
        if !objection || choice != Choice::Auto {
            return Ok(());
        }
        // The facts have changed: the rules say where it belongs now.
        let decision = self.world.decide(component, choice, Owner::Uio);
        match decision.move_from(Owner::Uio) {
            Some(goal) => {
                tracing::info!(component = component.name, to = goal.driver(), "{}", decision.reason);
                self.travel(component, goal)
            }
            None => Ok(()),
        }
    }

    fn cost(&self, component: Component) -> Result<Option<u64>, Error> {
        mover::cost(&self.world.bus, component.ic)
    }

    fn travel(&mut self, component: Component, goal: Goal) -> Result<(), Error> {
        if goal == Goal::Uio {
            crate::sysfs::load_raw_driver(&self.world.bus)?;
            // Before it is begun: an attempt that kills the machine has been one as well.
            self.world.memory.attempt(component.ic);
            self.world.memory.save()?;
        }
        if goal == Goal::HvUtils && !self.world.bus.has_driver(HV_UTILS) {
            return Err(Error::unavailable("the driver hv_utils is not there: modprobe hv_utils"));
        }
        mover::travel(&self.world.bus, &self.roots, &self.lock, component, goal)
    }
}

/// The first failure is returned, and said by whoever asked; further ones are said here.
fn first(result: Result<(), Error>, error: Error) -> Result<(), Error> {
    if result.is_err() {
        tracing::error!("{error}");
    }
    result.and(Err(error))
}

/// Bytes of the buffers that only network devices need, if they were taken for this one.
fn taken(found: &Found) -> Option<u64> {
    let uio = found.vmbus.uio.as_ref()?;
    let buffers =
        uio.maps.iter().filter(|map| map.name.starts_with("recv:") || map.name.starts_with("send:"));
    Some(buffers.map(|map| map.size).sum()).filter(|bytes| *bytes > 0)
}
