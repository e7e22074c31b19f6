//! A freeze, as `org.hvutils.Vss1` tells it: for JSON as it is, for people in a line, a row or tables.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use zbus::Type;
use zbus::wire::OwnedVariant;

use crate::age::{age, ago};
use crate::error::Failure;
use crate::output::{Cell, Output, Paint};
use crate::text::escape;

/// Above [`Freeze::cells`].
pub(super) const HEADING: [&str; 8] =
    ["WHEN", "FOR", "ANSWERED", "FROZEN", "FILESYSTEMS", "HOOKS", "THAWED BY", "RESULT"];

/// What a filesystem and a whole freeze say of themselves if all went well.
const FROZEN: &str = "frozen";
/// The same of a hook.
const OK: &str = "ok";

/// One filesystem in a freeze.
#[derive(Debug, Serialize, Deserialize, Type, zbus::OwnedVariant, zbus::Variant)]
pub(super) struct Filesystem {
    mount: String,
    #[serde(rename = "type")]
    kind: String,
    /// Writing its dirty data before the freeze, in µs.
    sync_us: u64,
    /// Freezing it.
    freeze_us: u64,
    /// How long its writers waited at most; 0: it never froze.
    frozen_us: u64,
    /// `frozen`, or a sentence.
    result: String,
}

/// One run of one of the administrator's programs.
#[derive(Debug, Serialize, Deserialize, Type, zbus::OwnedVariant, zbus::Variant)]
pub(super) struct Hook {
    name: String,
    /// `freeze`, `freeze-failed` or `thaw`.
    phase: String,
    took_us: u64,
    /// `ok`, or a sentence.
    result: String,
    /// What it wrote.
    output: String,
}

/// One freeze. What an older hv-vssd does not tell is empty.
#[derive(Debug, Default, Serialize)]
pub(super) struct Freeze {
    /// µs since 1970.
    started: u64,
    /// `host` or `bus`.
    origin: String,
    /// µs.
    frozen_us: u64,
    /// µs from the question to the answer.
    answered_us: u64,
    /// `frozen`, or a sentence.
    result: String,
    /// `host`, `bus`, `deadline`, `guardian` or `error`.
    cause: String,
    filesystems: Vec<Filesystem>,
    hooks: Vec<Hook>,
}

impl From<HashMap<String, OwnedVariant>> for Freeze {
    fn from(mut dict: HashMap<String, OwnedVariant>) -> Freeze {
        let number =
            |name: &str| dict.get(name).and_then(|value| value.downcast_ref().ok()).unwrap_or_default();
        let text =
            |name: &str| dict.get(name).and_then(|value| value.downcast_ref().ok()).unwrap_or_default();
        let freeze = Freeze {
            started: number("started"),
            frozen_us: number("frozen-us"),
            answered_us: number("answered-us"),
            origin: text("origin"),
            result: text("result"),
            cause: text("cause"),
            ..Freeze::default()
        };
        let filesystems = dict.remove("filesystems").and_then(|value| value.try_into().ok());
        let hooks = dict.remove("hooks").and_then(|value| value.try_into().ok());
        Freeze { filesystems: filesystems.unwrap_or_default(), hooks: hooks.unwrap_or_default(), ..freeze }
    }
}

impl Freeze {
    /// A row of the table.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let frozen = self.filesystems.iter().filter(|filesystem| filesystem.result == FROZEN).count();
        let failed = self.hooks.iter().filter(|hook| hook.result != OK).count();
        let filesystems = match self.filesystems.len() {
            all if all == frozen => all.to_string(),
            all => format!("{frozen} of {all}"),
        };
        let hooks = match (self.hooks.len(), failed) {
            (all, 0) => all.to_string(),
            (all, failed) => format!("{all}, {failed} failed"),
        };
        vec![
            Cell::new(&self.when()),
            Cell::new(&self.origin),
            Cell::new(&span(self.answered_us)),
            Cell::new(&span(self.frozen_us)),
            Cell::new(&filesystems),
            Cell::new(&hooks),
            Cell::new(&self.cause),
            result(&self.result, FROZEN),
        ]
    }

    /// All of it but filesystems and hooks, in a line; safe for a terminal.
    pub(super) fn sentence(&self) -> String {
        let origin = if self.origin == "host" { "the host" } else { "a program in the guest" };
        let thawed = match self.cause.as_str() {
            "host" => "thawed by the host",
            "bus" => "thawed by a program in the guest",
            "deadline" => "thawed at the deadline",
            "guardian" => "thawed by the guardian",
            _ => "given up",
        };
        let mut sentence = format!("{}, for {origin}", self.when());
        if self.frozen_us > 0 {
            sentence.push_str(&format!(", frozen for {}", span(self.frozen_us)));
        }
        sentence.push_str(&format!(", {thawed}"));
        if self.result != FROZEN {
            sentence.push_str(&format!(": {}", self.result));
        }
        escape(&sentence).into_owned()
    }

    /// Its filesystems and hooks, each as a table behind an empty line; what a hook wrote that failed.
    pub(super) fn details(&self, output: &Output) -> Result<(), Failure> {
        if !self.filesystems.is_empty() {
            output.line("")?;
            let cells: Vec<Vec<Cell>> = self.filesystems.iter().map(Filesystem::cells).collect();
            output.table(&["MOUNT", "TYPE", "SYNC", "FREEZE", "FROZEN", "RESULT"], &cells)?;
        }
        if !self.hooks.is_empty() {
            output.line("")?;
            let cells: Vec<Vec<Cell>> = self.hooks.iter().map(Hook::cells).collect();
            output.table(&["HOOK", "PHASE", "TOOK", "RESULT"], &cells)?;
        }
        for hook in self.hooks.iter().filter(|hook| hook.result != OK && !hook.output.is_empty()) {
            output.line(&format!("\n{} {} wrote:", escape(&hook.name), escape(&hook.phase)))?;
            hook.output.lines().try_for_each(|line| output.line(&format!("  {}", escape(line))))?;
        }
        Ok(())
    }

    fn when(&self) -> String {
        age(self.started).map_or("-".to_owned(), ago)
    }
}

impl Filesystem {
    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::new(&self.mount),
            Cell::new(&self.kind),
            Cell::new(&span(self.sync_us)),
            Cell::new(&span(self.freeze_us)),
            Cell::new(&span(self.frozen_us)),
            result(&self.result, FROZEN),
        ]
    }
}

impl Hook {
    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::new(&self.name),
            Cell::new(&self.phase),
            Cell::new(&span(self.took_us)),
            result(&self.result, OK),
        ]
    }
}

fn result(text: &str, good: &str) -> Cell {
    Cell::new(text).paint(if text == good { Paint::Green } else { Paint::Red })
}

/// So many µs in the unit that fits; nothing for 0.
fn span(micros: u64) -> String {
    match micros {
        0 => String::new(),
        1..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..100_000_000 => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
        _ => format!("{} s", micros / 1_000_000),
    }
}

#[cfg(test)]
mod tests;
