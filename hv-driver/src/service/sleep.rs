//! Before a hibernation every device goes back to the kernel, and after it, or after a failed attempt, comes again.
//!
//! A device on raw VMBus makes Linux refuse to hibernate. What is given back is written down first, in
//! `RUN_DIR/hv-driver.asleep`, a name per line: whatever ends this program half-way, [`Worker::wake`] undoes it. The run
//! directory is in the memory image, so the record is there after the resume, and gone after a plain boot.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hv_utils_core::daemon::{may_be_frozen, replace};
use hv_utils_core::wire::Ic;

use super::{PASSES, Worker, first, mover};
use crate::components::{COMPONENTS, Component};
use crate::engine::{Choice, Goal, Owner};
use crate::error::Error;
use crate::sysfs::load_raw_driver;

/// What was given back.
#[derive(Debug)]
struct Record {
    path: PathBuf,
    components: BTreeSet<Ic>,
}

impl Record {
    fn load(run_dir: &Path) -> Record {
        let path = run_dir.join("hv-driver.asleep");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let components = text.lines().filter_map(|name| Some(Component::named(name)?.ic)).collect();
        Record { path, components }
    }

    /// Writes it, or removes it if it is empty.
    fn save(&self) -> Result<(), Error> {
        if !self.components.is_empty() {
            let lines = self.components.iter().map(|ic| format!("{}\n", Component::of(*ic).name));
            return Ok(replace(&self.path, lines.collect::<String>().as_bytes(), 0o644)?);
        }
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove", &self.path, &error))
            }
            _ => Ok(()),
        }
    }
}

impl Worker<'_> {
    /// Gives every device on raw VMBus back to the kernel.
    ///
    /// # Errors
    /// A filesystem is frozen or a file arrives, or a device cannot be given back: then all are where they were, and the
    /// machine must not hibernate.
    pub fn sleep(&mut self) -> Result<(), Error> {
        self.is_quiet()?;
        let given = self.give_all_back();
        given.map_err(|error| {
            if let Err(other) = self.wake() {
                tracing::error!("{other}");
            }
            Error::new(error.kind(), format!("the machine cannot hibernate now: {error}"))
        })
    }

    /// Takes again what [`Worker::sleep`] has given back. Nothing without a record; can be called at any time and twice.
    ///
    /// # Errors
    /// A device cannot be taken: the others were, and the record still names it.
    pub fn wake(&mut self) -> Result<(), Error> {
        let mut record = Record::load(&self.roots.run);
        let mut result = Ok(());
        for component in COMPONENTS {
            if !record.components.contains(&component.ic) {
                continue;
            }
            match self.take_again(component) {
                Ok(()) => drop(record.components.remove(&component.ic)),
                Err(error) => result = first(result, error),
            }
        }
        result.and(record.save())
    }

    /// Whether nothing is under way that an image of the memory would tear.
    fn is_quiet(&self) -> Result<(), Error> {
        let busy = [Ic::Vss, Ic::FileCopy].into_iter().find_map(|ic| self.daemons.busy(Component::of(ic)));
        let frozen = may_be_frozen(&self.roots.run, &self.roots.proc);
        // The record speaks also where the bus does not, or its daemon has died.
        match busy.or_else(|| frozen.then(|| "hv-vssd has filesystems frozen".to_owned())) {
            Some(why) => {
                Err(Error::refused(format!("the machine cannot hibernate now: {why}; try again later")))
            }
            None => Ok(()),
        }
    }

    fn give_all_back(&mut self) -> Result<(), Error> {
        // What an attempt before this one has not taken again is still owed.
        let mut record = Record::load(&self.roots.run);
        for _ in 0..PASSES {
            let raw = self.on_raw()?;
            if raw.is_empty() {
                return Ok(());
            }
            record.components.extend(raw.iter().map(|component| component.ic));
            record.save()?;
            for component in raw {
                let nobodys = component.ic == Ic::FileCopy && self.world.machine.kernel.has_raw();
                self.travel(component, if nobodys { Goal::Unbound } else { Goal::HvUtils })?;
            }
        }
        let left: Vec<&str> = self.on_raw()?.iter().map(|component| component.name).collect();
        if left.is_empty() {
            return Ok(());
        }
        Err(Error::refused(format!("{} is taken to raw VMBus each time it is given back", left.join(", "))))
    }

    fn on_raw(&self) -> Result<Vec<Component>, Error> {
        let mut raw = Vec::new();
        for component in COMPONENTS {
            let found = self.world.bus.find(component.ic)?;
            raw.extend(found.filter(|found| found.device.owner == Owner::Uio).map(|_| component));
        }
        Ok(raw)
    }

    fn take_again(&mut self, component: Component) -> Result<(), Error> {
        let name = component.name;
        if self.world.choice(component.ic).0 == Choice::HvUtils {
            tracing::info!("{name} stays with the kernel: that was chosen meanwhile");
            return Ok(());
        }
        if self.world.memory.released.contains(&component.ic) {
            tracing::info!("{name} stays with the kernel: its daemon has failed meanwhile");
            return Ok(());
        }
        let Some(found) = self.world.bus.find(component.ic)? else {
            tracing::warn!("{name} is not taken again: the host does not offer it any more");
            return Ok(());
        };
        if found.device.owner == Owner::Uio {
            return Ok(());
        }
        // Not an attempt that counts: it has worked there before.
        load_raw_driver(&self.world.bus)?;
        mover::travel(&self.world.bus, &self.roots, &self.lock, self.daemons, component, Goal::Uio)
    }
}
