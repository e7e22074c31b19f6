//! What came of a scenario, step by step, for a person and for a program.
//!
//! A failed step shows what was expected, what came, and both packets as hex dumps.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::hex::{self, printable};
use crate::link::Packet;

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// What had to come.
    pub expected: String,
    /// What came.
    pub actual: String,
    /// Payload of the packet that was sent, where one was.
    pub sent: Option<Vec<u8>>,
    /// Payload of the packet that came, where one did.
    pub received: Option<Vec<u8>>,
}

impl Mismatch {
    /// A failure without packets.
    pub(super) fn new(expected: impl Into<String>, actual: impl Into<String>) -> Mismatch {
        Mismatch { expected: expected.into(), actual: actual.into(), sent: None, received: None }
    }

    /// The same with the packets it is about.
    pub(super) fn with(mut self, sent: &Packet, received: &Packet) -> Mismatch {
        self.sent = Some(sent.payload.clone());
        self.received = Some(received.payload.clone());
        self
    }
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All was as expected.
    Passed,
    /// Something was not.
    Failed(Box<Mismatch>),
    /// An earlier step failed.
    Skipped,
}

/// One step that was played, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepReport {
    /// Name from the scenario.
    pub name: String,
    /// How it ended.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// One scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioReport {
    /// Name from the scenario.
    pub name: String,
    /// Whether a guest ever connected.
    pub guest_came: bool,
    /// Its steps in order.
    pub steps: Vec<StepReport>,
}

impl ScenarioReport {
    /// Whether every step passed.
    pub fn passed(&self) -> bool {
        self.steps.iter().all(|step| step.verdict == Verdict::Passed)
    }

    /// Lines for a person.
    pub fn text(&self) -> String {
        let mut out = format!("{} {}\n", if self.passed() { "PASS" } else { "FAIL" }, printable(&self.name));
        for (number, step) in self.steps.iter().enumerate() {
            let verdict = match step.verdict {
                Verdict::Passed => "ok",
                Verdict::Failed(_) => "FAIL",
                Verdict::Skipped => "skip",
            };
            let milliseconds = step.took.as_secs_f64() * 1000.0;
            let name = printable(&step.name);
            let _ = writeln!(out, "  {verdict:<4} {:>2} {name}  ({milliseconds:.1} ms)", number + 1);
            if let Verdict::Failed(mismatch) = &step.verdict {
                explain(&mut out, mismatch);
            }
        }
        out
    }

    /// The same for a program.
    pub fn json(&self) -> Value {
        let steps: Vec<Value> = self.steps.iter().map(StepReport::json).collect();
        json!({"name": self.name, "passed": self.passed(), "steps": steps})
    }
}

impl StepReport {
    fn json(&self) -> Value {
        let verdict = match self.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed(_) => "failed",
            Verdict::Skipped => "skipped",
        };
        let mut value = json!({"name": self.name, "result": verdict, "took_us": self.took.as_micros()});
        if let Verdict::Failed(mismatch) = &self.verdict {
            value["expected"] = json!(mismatch.expected);
            value["actual"] = json!(mismatch.actual);
            value["sent"] = json!(mismatch.sent.as_deref().map(hex::line));
            value["received"] = json!(mismatch.received.as_deref().map(hex::line));
        }
        value
    }
}

fn explain(out: &mut String, mismatch: &Mismatch) {
    indented(out, "expected", &mismatch.expected);
    indented(out, "actual", &mismatch.actual);
    for (what, payload) in [("sent", &mismatch.sent), ("received", &mismatch.received)] {
        if let Some(payload) = payload {
            indented(out, what, &hex::dump(payload));
        }
    }
}

fn indented(out: &mut String, what: &str, text: &str) {
    let mut lines = text.lines();
    let _ = writeln!(out, "          {what:<9} {}", printable(lines.next().unwrap_or_default()));
    for line in lines {
        let _ = writeln!(out, "                    {}", printable(line));
    }
}

#[cfg(test)]
mod tests;
