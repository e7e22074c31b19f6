//! What this program does, from one end to the other: gather the facts, let the engine decide, move, measure, remember.
//!
//! Plain code that waits by short looks within limits; no runtime. Daemons are asked through [`Daemons`]. One instance at a
//! time, by the lock in the run directory; only [`show`] does without, and reads.

mod daemons;
mod holders;
mod mover;
mod settle;
mod sleep;
mod world;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hv_utils_core::daemon::{Exit, InstanceLock};
use hv_utils_core::wire::Ic;

use crate::components::{COMPONENTS, Component};
use crate::config::{Place, Settings};
use crate::engine::{Choice, Goal, HV_UTILS};
use crate::error::{Error, Kind};
use crate::show::Row;
use crate::sysfs::{Bus, Marker, repair};
pub use daemons::{Daemons, Unasked};
use world::World;

/// The lock's name, and this program's.
pub const NAME: &str = "hv-driver";

/// How often all components are looked at in one `apply`: a device can be offered while another one is moved.
const PASSES: u32 = 3;

/// How long another instance may be at work before one whose turn has to come gives up: longer than most journeys, and less
/// than the time that `hv-utils-sleep.service` has.
const TURN: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(100);

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Roots {
    /// sysfs.
    pub sysfs: PathBuf,
    /// procfs.
    pub proc: PathBuf,
    /// Where device nodes are.
    pub dev: PathBuf,
    /// What lives until the next boot.
    pub run: PathBuf,
    /// Where the daemons' programs are.
    pub daemons: PathBuf,
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
pub fn mend(roots: &Roots) {
    if Marker::new(&roots.run).is_set() {
        // Who may not mend may still look.
        if let Err(error) = Worker::begin(roots, Settings::default(), &Unasked) {
            tracing::debug!("an earlier switch is not put right: {error}");
        }
    }
}

/// The one instance that may move devices.
#[derive(Debug)]
pub struct Worker<'a> {
    roots: Roots,
    world: World,
    lock: InstanceLock,
    daemons: &'a dyn Daemons,
}

impl<'a> Worker<'a> {
    /// Takes the lock, and puts right what an earlier instance left half done.
    ///
    /// # Errors
    /// Another instance is at work (75), or this one is not permitted.
    pub fn begin(roots: &Roots, settings: Settings, daemons: &'a dyn Daemons) -> Result<Self, Error> {
        let lock = InstanceLock::take(&roots.run, NAME)?;
        let bus = Bus::new(&roots.sysfs);
        let marker = Marker::new(&roots.run);
        if marker.is_set() {
            tracing::warn!("a switch was cut short: auto-probing is turned on again");
            repair(&bus, &marker)?;
            marker.clear()?;
        }
        Ok(Self { world: World::look(roots, settings), roots: roots.clone(), lock, daemons })
    }

    /// As [`begin`](Self::begin), but waits, bounded, for another instance to come to its end: nobody asks a second time
    /// before a hibernation, or after it.
    ///
    /// # Errors
    /// As there.
    pub fn begin_in_turn(
        roots: &Roots,
        settings: &Settings,
        daemons: &'a dyn Daemons,
    ) -> Result<Self, Error> {
        let end = Instant::now() + TURN;
        loop {
            match Self::begin(roots, settings.clone(), daemons) {
                Err(error) if error.kind() == Kind::Exit(Exit::Busy) && Instant::now() < end => {
                    tracing::debug!("waiting: {error}");
                    std::thread::sleep(LOOK);
                }
                begun => return begun,
            }
        }
    }

    /// Applies what is configured to all components. One that cannot be moved does not hold up the others, and one that
    /// this machine cannot move is no failure under `auto`.
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
                    result = excused(component, choice, error).or_else(|error| first(result, error));
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

    /// Moves components as `choice` says and keeps the choice: for good, or until the next boot. None named means all
    /// that the host offers.
    ///
    /// # Errors
    /// This machine has no such component, its kernel cannot do it, or it did not work. The first failure, after all
    /// were tried; what did not work is not kept.
    pub fn choose(
        &mut self,
        named: &[Component],
        choice: Choice,
        place: Option<&Place>,
    ) -> Result<(), Error> {
        let components = self.possible(named, choice)?;
        let (mut kept, mut result) = (Vec::new(), Ok(()));
        for component in components {
            self.world.memory.forget(component.ic);
            let settled = self.settle(component, choice, self.daemons);
            match settled.or_else(|error| excused(component, choice, error)) {
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
        let mut offered = Vec::new();
        for component in all {
            match self.world.bus.find(component.ic)? {
                Some(_) => offered.push(*component),
                // Nothing is done with it, so nothing is kept for it.
                None if named.is_empty() => {
                    tracing::info!("{} is left out: the host does not offer it", component.name);
                }
                None => return Err(self.absent(*component)),
            }
        }
        if offered.is_empty() {
            return Err(Error::unavailable(format!(
                "there is no integration component on a VMBus below {}: this is no Hyper-V guest, or its host offers none",
                self.roots.sysfs.display()
            )));
        }
        if choice == Choice::HvUtils && !self.world.bus.has_driver(HV_UTILS) {
            return Err(Error::unavailable("the driver hv_utils is not there: modprobe hv_utils"));
        }
        Ok(offered)
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
    /// This machine has no such component, or it cannot be moved: then, if a program keeps it open, nothing has changed.
    pub fn release(&mut self, component: Component) -> Result<(), Error> {
        let Some(found) = self.world.bus.find(component.ic)? else { return Err(self.absent(component)) };
        // Before anything is remembered: what is refused has not been.
        holders::free(&self.world.bus, &self.roots, self.daemons, component)?;
        self.world.memory.released.insert(component.ic);
        self.world.memory.save()?;
        let nobodys = component.ic == Ic::FileCopy && self.world.machine.kernel.has_raw();
        let goal = if nobodys { Goal::Unbound } else { Goal::HvUtils };
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
}

/// What the machine cannot do, nobody has asked for under `auto`: the component stays where it is.
fn excused(component: Component, choice: Choice, error: Error) -> Result<(), Error> {
    if choice != Choice::Auto || error.kind() != Kind::Unavailable {
        return Err(error);
    }
    tracing::warn!("{} stays where it is: {error}", component.name);
    Ok(())
}

/// The first failure is returned, and said by whoever asked; further ones are said here.
fn first(result: Result<(), Error>, error: Error) -> Result<(), Error> {
    if result.is_err() {
        tracing::error!("{error}");
    }
    result.and(Err(error))
}
