//! Medians of rounds, and what they are as multiples of each other within a round.

use std::collections::BTreeMap;

use super::Cost;
use super::subject::Subject;

/// The columns.
const COLUMNS: [&str; 6] =
    ["FREEZE, idle", "THAW, idle", "FREEZE, writers", "THAW, writers", "longest write", "median write"];

/// The medians of a round, by column.
type Row = [f64; COLUMNS.len()];

/// Rows that grow by rounds.
#[derive(Debug, Default)]
pub(super) struct Table(BTreeMap<(usize, Subject), Vec<Row>>);

impl Table {
    /// Adds a round: idle and with writers.
    pub(super) fn add(&mut self, count: usize, subject: Subject, costs: &[(Cost, Cost)]) {
        let middle = |value: fn(&(Cost, Cost)) -> f64| median(costs.iter().map(value).collect());
        let row = [
            middle(|(idle, _)| idle.freeze),
            middle(|(idle, _)| idle.thaw),
            middle(|(_, busy)| busy.freeze),
            middle(|(_, busy)| busy.thaw),
            middle(|(_, busy)| busy.longest),
            middle(|(_, busy)| busy.median),
        ];
        eprintln!("vm: {count} {}: {row:.1?}", subject.name());
        self.0.entry((count, subject)).or_default().push(row);
    }

    /// Prints it as Markdown: milliseconds, then hv-vssd beside the others.
    pub(super) fn print(&self, title: &str) {
        let head = COLUMNS.join(" | ");
        println!("\n### {title}\n\nms, median of the rounds (lowest–highest)\n\n| file systems | | {head} |");
        println!("| --- | {}", "--- | ".repeat(COLUMNS.len() + 1));
        for ((count, subject), rounds) in &self.0 {
            let cells = (0..COLUMNS.len()).map(|column| spread(column_of(rounds, column), 1));
            println!("| {count} | {} | {} |", subject.name(), cells.collect::<Vec<_>>().join(" | "));
        }
        println!("\n`hv-vssd` beside the others, within each round\n\n| file systems | | {head} |");
        println!("| --- | {}", "--- | ".repeat(COLUMNS.len() + 1));
        for ((count, subject), others) in &self.0 {
            let Some(ours) = self.0.get(&(*count, Subject::Ours)) else { continue };
            let (floor, what) = match subject {
                Subject::Floor(_) => (true, "× "),
                Subject::Ours => continue,
                Subject::C | Subject::Qga => (false, "faster than "),
            };
            let cells = (0..COLUMNS.len()).map(|column| {
                let pairs = column_of(ours, column).into_iter().zip(column_of(others, column));
                spread(
                    pairs.map(|(ours, other)| if floor { ours / other } else { other / ours }).collect(),
                    2,
                )
            });
            println!("| {count} | {what}{} | {} |", subject.name(), cells.collect::<Vec<_>>().join(" | "));
        }
    }
}

fn column_of(rounds: &[Row], column: usize) -> Vec<f64> {
    rounds.iter().map(|row| row[column]).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn spread(mut values: Vec<f64>, digits: usize) -> String {
    values.sort_by(f64::total_cmp);
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    let (low, high) = (at(0), at(values.len().saturating_sub(1)));
    format!("{:.digits$} ({low:.digits$}–{high:.digits$})", at(values.len() / 2))
}
