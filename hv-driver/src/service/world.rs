//! What is known at one moment, and what follows from it for one component.

use std::fs;
use std::path::{Path, PathBuf};

use hv_utils_core::wire::Ic;

use super::Roots;
use crate::components::Component;
use crate::config::Settings;
use crate::engine::{Choice, Decision, Facts, Kernel, Machine, Owner, decide};
use crate::error::Error;
use crate::memory::Memory;
use crate::show::Row;
use crate::sysfs::Bus;

/// What is known at one moment.
#[derive(Debug)]
pub(super) struct World {
    pub(super) bus: Bus,
    pub(super) machine: Machine,
    pub(super) settings: Settings,
    pub(super) memory: Memory,
    daemons: PathBuf,
}

impl World {
    pub(super) fn look(roots: &Roots, settings: Settings) -> Self {
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
    pub(super) fn choice(&self, ic: Ic) -> (Choice, bool) {
        match self.memory.choices.get(&ic) {
            Some(choice) => (*choice, true),
            None => (self.settings.choice(ic), false),
        }
    }

    pub(super) fn decide(&self, component: Component, choice: Choice, owner: Owner) -> Decision {
        let ic = component.ic;
        let facts = Facts {
            ic,
            owner,
            daemon: component.daemon,
            installed: self.daemons.join(component.daemon).is_file(),
            attempts: self.memory.attempts(ic),
            released: self.memory.released.contains(&ic),
            never_ready: self.memory.never_ready.contains(&ic),
        };
        let machine = Machine { cost: self.memory.cost, ..self.machine.clone() };
        decide(choice, &machine, &facts)
    }

    pub(super) fn row(&self, component: Component) -> Result<Row, Error> {
        let found = self.bus.find(component.ic)?;
        let (choice, runtime) = self.choice(component.ic);
        let decision = found.as_ref().map(|found| self.decide(component, choice, found.device.owner));
        Ok(Row::new(component, found.as_ref(), choice, decision, runtime))
    }
}

fn kernel(proc_root: &Path) -> Kernel {
    Kernel::new(&fs::read_to_string(proc_root.join("sys/kernel/osrelease")).unwrap_or_default())
}
