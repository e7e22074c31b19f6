//! How a checkpoint looks, and the answer to a single operation: a line for each step, or JSON.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::status_json;
use crate::hex::printable;
use crate::outcome::{Checkpoint, Failure, Step, Taken, VssAnswer};

/// A line for each step, and one for the time that the guest was frozen.
pub(super) fn text(done: &Checkpoint) -> String {
    let mut out = String::new();
    for step in &done.steps {
        let what = step.result.as_ref().map_or_else(Failure::to_string, taken);
        let _ = writeln!(out, "{:<8} {:9.1} ms  {}", step.name, ms(step.took), printable(&what));
    }
    if let Some(frozen) = done.frozen {
        let (sure, longest) = (ms(frozen.sure), ms(frozen.longest));
        let _ = writeln!(out, "{:<8} {sure:9.1} ms  {longest:.1} ms from sending the freeze on", "frozen");
    }
    out
}

fn taken(taken: &Taken) -> String {
    match taken {
        Taken::Answered(status) => status.to_string(),
        Taken::Copied(copied) => {
            format!("{}: {} bytes, {} written", copied.copy.display(), copied.bytes, copied.data)
        }
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The steps.
pub(super) fn steps(done: &Checkpoint) -> Vec<Value> {
    let step = |step: &Step| {
        let mut value = json!({
            "name": step.name,
            "status": step.status().map(status_json),
            "problem": step.result.as_ref().err().map(Failure::to_string),
            "milliseconds": ms(step.took),
        });
        if let Ok(Taken::Copied(copied)) = &step.result {
            value["copy"] = json!(copied.copy.display().to_string());
            value["bytes"] = json!(copied.bytes);
            value["written"] = json!(copied.data);
        }
        value
    };
    done.steps.iter().map(step).collect()
}

/// How long the guest was frozen; null where that is not known.
pub(super) fn frozen(done: &Checkpoint) -> Value {
    done.frozen.map_or(
        Value::Null,
        |frozen| json!({"milliseconds": ms(frozen.sure), "longest_milliseconds": ms(frozen.longest)}),
    )
}

/// What an answer says, in a line.
pub(super) fn answer_text(answer: &VssAnswer) -> String {
    let mut out = format!("the guest has answered {}", answer.operation);
    if let Some(flags) = answer.flags {
        let _ = write!(out, ", flags {flags:#010x}");
    }
    if let Some(size) = answer.cluster_size {
        let _ = write!(out, ", members of its cluster {size}");
    }
    out.push('\n');
    out
}

/// The same for a program.
pub(super) fn answer_json(answer: &VssAnswer) -> Value {
    json!({
        "kind": "vss-operation",
        "operation": answer.operation,
        "flags": answer.flags.map(|flags| format!("{flags:#010x}")),
        "cluster_size": answer.cluster_size,
    })
}
