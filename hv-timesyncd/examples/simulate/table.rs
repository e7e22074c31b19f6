//! The figures, as a table in Markdown.

use std::fmt::Write as _;

use crate::world::{MINUTE, SECOND, Trace};
use crate::{Day, OFF};

pub(crate) fn table(trace: &Trace, panels: &[Vec<Day>; 2]) -> String {
    let mut text = String::new();
    let hour = 60.0 * MINUTE;
    let counted = trace.counter(trace.plan.length) - trace.counter(0.0);
    let _ = writeln!(
        text,
        "Seed {}, {} h, {} messages; the hardware runs {:+.1} ppm beside the host, {}; {} off at the start.\n",
        trace.plan.seed,
        trace.plan.length / hour,
        trace.messages.len(),
        (counted / trace.plan.length - 1.0) * 1e6,
        if trace.steady() { "the raw clock is the counter" } else { "the raw clock is the TSC" },
        time(OFF),
    );
    text.push_str("| who keeps the clock | median | 99 % | max | max but for the host's own steps | messages until right: start | gaps | steps | needless |\n");
    text.push_str("| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for Day { name, figures, .. } in panels.iter().flatten() {
        let gaps: Vec<String> = figures.gaps.iter().map(|gap| messages(*gap)).collect();
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} |",
            time(figures.median),
            time(figures.p99),
            time(figures.max),
            time(figures.max_else),
            messages(figures.start),
            if gaps.is_empty() { "".to_owned() } else { gaps.join(", ") },
            figures.steps,
            figures.needless,
        );
    }
    text
}

fn messages(count: Option<usize>) -> String {
    count.map_or_else(|| "never".to_owned(), |count| count.to_string())
}

/// ns, with two digits.
pub(crate) fn time(ns: f64) -> String {
    let (value, unit) = match ns.abs() {
        ns if ns >= SECOND => (ns / SECOND, "s"),
        ns if ns >= 1e6 => (ns / 1e6, "ms"),
        ns => (ns / 1e3, "µs"),
    };
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}
