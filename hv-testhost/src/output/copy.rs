//! How the copy of a file looks: a line, or JSON.

use serde_json::{Value, json};

use crate::hex::printable;
use crate::outcome::{CopyEnd, FileCopied};

/// A line.
pub(super) fn text(copied: &FileCopied) -> String {
    let FileCopied { bytes, sent, .. } = copied;
    let target = printable(&copied.target);
    match copied.end {
        CopyEnd::Complete => {
            let (seconds, rate) = (copied.took.as_secs_f64(), rate(copied));
            format!("copied {bytes} bytes to {target} in {seconds:.2} s, {rate:.1} MiB/s\n")
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

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
fn rate(copied: &FileCopied) -> f64 {
    // A copy takes its time, however little: no division by zero.
    copied.sent as f64 / f64::from(1 << 20) / copied.took.as_secs_f64().max(f64::EPSILON)
}
