//! How the copy of a file looks: a line, or JSON.

use std::time::Duration;

use serde_json::{Value, json};

use crate::hex::printable;
use crate::outcome::{CopyEnd, FileCopied};

/// Bytes from which on a rate tells something.
const TELLING: u64 = 64 << 10;

/// A line.
pub(super) fn text(copied: &FileCopied) -> String {
    let FileCopied { bytes, sent, .. } = copied;
    let target = printable(&copied.target);
    match copied.end {
        CopyEnd::Complete => {
            // Of little, a rate says nothing.
            let rate = if *sent < TELLING { String::new() } else { format!(", {:.1} MiB/s", rate(copied)) };
            format!("copied {bytes} bytes to {target} in {}{rate}\n", took(copied.took))
        }
        CopyEnd::Cut => {
            format!("stopped after {sent} of {bytes} bytes to {target}, the guest was told nothing\n")
        }
        CopyEnd::Cancelled => format!("cancelled after {sent} of {bytes} bytes to {target}\n"),
    }
}

/// The same for a program.
pub(super) fn json(copied: &FileCopied) -> Value {
    let end = match copied.end {
        CopyEnd::Complete => "complete",
        CopyEnd::Cut => "cut",
        CopyEnd::Cancelled => "cancelled",
    };
    json!({
        "kind": "file-copy",
        "target": copied.target,
        "size": copied.bytes,
        "sent": copied.sent,
        "end": end,
        "milliseconds": copied.took.as_secs_f64() * 1000.0,
        "mib_per_second": rate(copied),
    })
}

fn took(took: Duration) -> String {
    if took < Duration::from_secs(1) {
        format!("{:.1} ms", took.as_secs_f64() * 1000.0)
    } else {
        format!("{:.2} s", took.as_secs_f64())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
fn rate(copied: &FileCopied) -> f64 {
    // A copy takes its time, however little: no division by zero.
    copied.sent as f64 / f64::from(1 << 20) / copied.took.as_secs_f64().max(f64::EPSILON)
}
