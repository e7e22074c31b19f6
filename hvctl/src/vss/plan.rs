//! A plan for people: what is frozen, numbered; what is not, with the reason.
//!
//! A machine has dozens of filesystems that no disk is behind. Of those that are left out for one and the same reason a
//! few names stand for all, unless each is asked for.

use serde::{Deserialize, Serialize};
use zbus::Type;

use crate::output::{Cell, Paint};

/// As many are told one by one although they have one reason.
const FEW: usize = 3;

/// A filesystem and what a freeze would do with it, as hv-vssd tells it, and as JSON.
#[derive(Debug, Serialize, Deserialize, Type)]
pub(super) struct Planned {
    /// Where it is mounted.
    pub(super) mount: String,
    /// Its type.
    #[serde(rename = "type")]
    kind: String,
    /// `freeze`, `skip` or `fail`.
    pub(super) verdict: String,
    /// Why, or why there in the order.
    reason: String,
}

/// The rows of the table, in the order of the plan; with `all` one for each filesystem.
pub(super) fn rows(plan: &[Planned], all: bool) -> Vec<Vec<Cell>> {
    let mut order = 0;
    let mut rows = Vec::new();
    for (index, planned) in plan.iter().enumerate() {
        let place = match planned.verdict.as_str() {
            "freeze" => {
                order += 1;
                order.to_string()
            }
            _ => String::new(),
        };
        let like = |other: &&Planned| other.verdict == "skip" && other.reason == planned.reason;
        let many = if all || planned.verdict != "skip" { 0 } else { plan.iter().filter(like).count() };
        if many <= FEW {
            rows.push(row(&place, &planned.mount, &planned.kind, planned));
        } else if !plan[..index].iter().any(|other| like(&other)) {
            let first: Vec<&str> =
                plan.iter().filter(like).take(FEW - 1).map(|other| other.mount.as_str()).collect();
            let mount = format!("{} and {} more", first.join(", "), many - first.len());
            rows.push(row(&place, &mount, "", planned));
        }
    }
    rows
}

fn row(place: &str, mount: &str, kind: &str, planned: &Planned) -> Vec<Cell> {
    let paint = match planned.verdict.as_str() {
        "freeze" => Paint::Green,
        "fail" => Paint::Red,
        _ => Paint::Plain,
    };
    vec![
        Cell::new(place),
        Cell::new(mount),
        Cell::new(kind),
        Cell::new(&planned.verdict).paint(paint),
        Cell::new(&planned.reason),
    ]
}
