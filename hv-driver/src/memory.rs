//! What is remembered until the next boot: attempts, failures, what raw VMBus costs here, choices made `--runtime`.
//!
//! `RUN_DIR/hv-driver.state`, a fact per line, replaced as a whole. It belongs to one boot, whose id it carries: a run
//! directory that survives one does not carry old failures over. Lines that make no sense are passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hv_utils_core::wire::Ic;

use crate::components::Component;
use crate::engine::Choice;
use crate::error::Error;
use crate::files;

#[cfg(test)]
mod tests;

/// The memory of this boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    path: PathBuf,
    boot: String,
    /// Bytes that a device on raw VMBus was seen to take beyond its rings.
    pub cost: Option<u64>,
    /// Attempts on raw VMBus that have not been seen to work.
    pub attempts: BTreeMap<Ic, u32>,
    /// Given back because the daemon failed.
    pub released: BTreeSet<Ic>,
    /// Not in touch with the host on raw VMBus.
    pub never_ready: BTreeSet<Ic>,
    /// Choices until the next boot.
    pub choices: BTreeMap<Ic, Choice>,
}

impl Memory {
    /// Reads it; a file that is not there, or of another boot, is an empty memory.
    #[must_use]
    pub fn load(run_dir: &Path, proc_root: &Path) -> Self {
        let boot = fs::read_to_string(proc_root.join("sys/kernel/random/boot_id")).unwrap_or_default();
        let path = run_dir.join("hv-driver.state");
        let empty = Self { path, boot: boot.trim().to_owned(), ..Self::default() };
        let mut memory = empty.clone();
        let text = fs::read_to_string(&memory.path).unwrap_or_default();
        let mut same_boot = false;
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            same_boot |= words.first() == Some(&"boot") && words.get(1).copied().unwrap_or("") == memory.boot;
            memory.take(&words);
        }
        if same_boot { memory } else { empty }
    }

    fn take(&mut self, words: &[&str]) {
        let named = |name: &str| Component::named(name).map(|component| component.ic);
        match *words {
            ["cost", bytes] => self.cost = bytes.parse().ok(),
            ["attempts", name, count] => {
                if let (Some(ic), Ok(count)) = (named(name), count.parse()) {
                    self.attempts.insert(ic, count);
                }
            }
            ["released", name] => self.released.extend(named(name)),
            ["never-ready", name] => self.never_ready.extend(named(name)),
            ["choice", name, choice] => {
                if let (Some(ic), Ok(choice)) = (named(name), choice.parse()) {
                    self.choices.insert(ic, choice);
                }
            }
            _ => {}
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// The run directory cannot be written to.
    pub fn save(&self) -> Result<(), Error> {
        files::replace(&self.path, &self.text(), 0o644)
    }

    fn text(&self) -> String {
        let name = |ic: &Ic| Component::of(*ic).name;
        let mut lines = vec![format!("boot {}", self.boot)];
        lines.extend(self.cost.map(|bytes| format!("cost {bytes}")));
        lines.extend(self.attempts.iter().map(|(ic, count)| format!("attempts {} {count}", name(ic))));
        lines.extend(self.released.iter().map(|ic| format!("released {}", name(ic))));
        lines.extend(self.never_ready.iter().map(|ic| format!("never-ready {}", name(ic))));
        lines
            .extend(self.choices.iter().map(|(ic, choice)| format!("choice {} {}", name(ic), choice.word())));
        lines.join("\n") + "\n"
    }

    /// One more attempt with this component.
    pub fn attempt(&mut self, ic: Ic) {
        *self.attempts.entry(ic).or_default() += 1;
    }

    /// This component begins anew: somebody has chosen.
    pub fn forget(&mut self, ic: Ic) {
        self.attempts.remove(&ic);
        self.released.remove(&ic);
        self.never_ready.remove(&ic);
    }
}
