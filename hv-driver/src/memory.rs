//! What is remembered until the next boot: attempts (for an hour), failures, what raw VMBus costs here, choices made `--runtime`.
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
use hv_utils_core::daemon::replace;

#[cfg(test)]
mod tests;

/// How long an attempt counts, in seconds.
const ATTEMPT_COUNTS: u64 = 3600;

/// The memory of this boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    path: PathBuf,
    boot: String,
    /// Bytes that a device on raw VMBus was seen to take beyond its rings.
    pub cost: Option<u64>,
    /// When raw VMBus was tried without being seen to work: seconds since the boot.
    attempts: BTreeMap<Ic, Vec<u64>>,
    /// Seconds since the boot, when this was read.
    now: u64,
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
        let empty = Self { path, boot: boot.trim().to_owned(), now: uptime(proc_root), ..Self::default() };
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
            ["attempt", name, at] => {
                if let (Some(ic), Ok(at)) = (named(name), at.parse()) {
                    self.attempts.entry(ic).or_default().push(at);
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
        Ok(replace(&self.path, self.text().as_bytes(), 0o644)?)
    }

    fn text(&self) -> String {
        let name = |ic: &Ic| Component::of(*ic).name;
        let mut lines = vec![format!("boot {}", self.boot)];
        lines.extend(self.cost.map(|bytes| format!("cost {bytes}")));
        for (ic, times) in &self.attempts {
            lines.extend(times.iter().map(|at| format!("attempt {} {at}", name(ic))));
        }
        lines.extend(self.released.iter().map(|ic| format!("released {}", name(ic))));
        lines.extend(self.never_ready.iter().map(|ic| format!("never-ready {}", name(ic))));
        lines
            .extend(self.choices.iter().map(|(ic, choice)| format!("choice {} {}", name(ic), choice.word())));
        lines.join("\n") + "\n"
    }

    /// One more attempt with this component. Those that have aged are forgotten.
    pub fn attempt(&mut self, ic: Ic) {
        let now = self.now;
        let times = self.attempts.entry(ic).or_default();
        times.retain(|at| is_recent(*at, now));
        times.push(now);
    }

    /// How many attempts count. A device that a host offers anew now and then, over months, is not one that fails.
    #[must_use]
    pub fn attempts(&self, ic: Ic) -> u32 {
        let times = self.attempts.get(&ic).map(Vec::as_slice).unwrap_or_default();
        let recent = times.iter().filter(|at| is_recent(**at, self.now)).count();
        u32::try_from(recent).unwrap_or(u32::MAX)
    }

    /// This component begins anew: somebody has chosen.
    pub fn forget(&mut self, ic: Ic) {
        self.attempts.remove(&ic);
        self.released.remove(&ic);
        self.never_ready.remove(&ic);
    }
}

fn is_recent(at: u64, now: u64) -> bool {
    now.saturating_sub(at) < ATTEMPT_COUNTS
}

/// Whole seconds since the boot.
fn uptime(proc_root: &Path) -> u64 {
    let text = fs::read_to_string(proc_root.join("uptime")).unwrap_or_default();
    text.split(['.', ' ']).next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0)
}
