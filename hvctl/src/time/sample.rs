//! A time that came from the host, as `org.hvutils.TimeSync1` tells it: for JSON as it is, for people a row.

use serde::{Deserialize, Serialize};
use zbus::Type;

use super::units::{signed, span};
use crate::age::{age, ago};
use crate::output::{Cell, Paint};

/// Above [`Sample::cells`].
pub(super) const HEADING: [&str; 7] = ["WHEN", "OFFSET", "DELAY", "ERROR", "PURPOSE", "METHOD", "VERDICT"];

/// One of them.
#[derive(Debug, Serialize, Deserialize, Type)]
pub(super) struct Sample {
    /// µs since 1970.
    when: u64,
    /// Host minus guest, unfiltered.
    #[serde(rename = "offset_ns")]
    offset: i64,
    /// How long it was on the way.
    #[serde(rename = "delay_ns")]
    delay: i64,
    /// How wrong that may be.
    #[serde(rename = "error_ns")]
    error: i64,
    /// `sync` or `sample`.
    purpose: String,
    /// How the delay is known.
    method: String,
    /// What became of it.
    verdict: String,
}

impl Sample {
    /// A row of the table.
    pub(super) fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::new(&age(self.when).map_or_else(String::new, ago)),
            Cell::new(&signed(self.offset)),
            Cell::new(&delay(self.delay)),
            Cell::new(&format!("±{}", span(self.error.unsigned_abs()))),
            Cell::new(&self.purpose),
            Cell::new(&self.method),
            Cell::new(&self.verdict).paint(paint(&self.verdict)),
        ]
    }
}

/// How long it was on the way; where that is not known well it may seem to be less than nothing.
pub(super) fn delay(ns: i64) -> String {
    if ns < 0 { signed(ns) } else { span(ns.unsigned_abs()) }
}

/// The colour of a verdict.
pub(super) fn paint(verdict: &str) -> Paint {
    if verdict == "used" { Paint::Green } else { Paint::Yellow }
}
