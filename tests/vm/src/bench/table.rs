//! Medians of rounds, as ratios to the null responder of the same round.

use std::collections::BTreeMap;

use super::measure::Sample;

/// A table that grows by rounds.
#[derive(Debug)]
pub(super) struct Table {
    title: String,
    notes: Vec<String>,
    /// Size → row → medians of the rounds, ms. Rows in the order in which they came.
    cells: BTreeMap<u32, Vec<(String, Vec<f64>)>>,
}

impl Table {
    pub(super) fn new(title: &str) -> Table {
        Table { title: title.to_owned(), notes: Vec::new(), cells: BTreeMap::new() }
    }

    pub(super) fn note(&mut self, note: &str) {
        self.notes.push(note.trim().to_owned());
    }

    /// Adds what one round gave at one size.
    pub(super) fn round(&mut self, size: u32, samples: &[(&str, Sample)]) {
        let rows = self.cells.entry(size).or_default();
        for (name, sample) in samples {
            let median = sample.median_ms();
            match rows.iter_mut().find(|(row, _)| row == name) {
                Some((_, medians)) => medians.push(median),
                None => rows.push(((*name).to_owned(), vec![median])),
            }
        }
    }

    /// Prints it as Markdown.
    pub(super) fn print(&self) {
        println!("\n### {}\n", self.title);
        for note in &self.notes {
            println!("{note}\n");
        }
        println!(
            "| items | | median ms (rounds) | × null (lowest–highest round) | ms over null |\n\
             | --- | --- | --- | --- | --- |"
        );
        for (size, rows) in &self.cells {
            for (name, medians) in rows {
                let shown: Vec<String> = medians.iter().map(|median| format!("{median:.2}")).collect();
                let ratio = beside_null(rows, name, medians, |ours, null| ours / null);
                let excess = beside_null(rows, name, medians, |ours, null| ours - null);
                println!("| {size} | {name} | {} | {ratio} | {excess} |", shown.join(" / "));
            }
        }
    }
}

/// Row by row beside the null responder's same operation in the same round: the middle one, the lowest and the highest.
fn beside_null(
    rows: &[(String, Vec<f64>)],
    name: &str,
    medians: &[f64],
    how: impl Fn(f64, f64) -> f64,
) -> String {
    let Some((_, operation)) = name.split_once(' ') else { return String::new() };
    let null = rows.iter().find(|(row, _)| *row == format!("null {operation}"));
    let Some((_, null)) = null.filter(|(row, _)| row != name) else { return String::new() };
    let mut found: Vec<f64> = medians.iter().zip(null).map(|(ours, floor)| how(*ours, *floor)).collect();
    found.sort_by(f64::total_cmp);
    let at = |place: usize| found.get(place).copied().unwrap_or(f64::NAN);
    let last = found.len().saturating_sub(1);
    format!("{:.2} ({:.2}–{:.2})", at(found.len() / 2), at(0), at(last))
}

#[cfg(test)]
mod tests {
    use super::beside_null;

    #[test]
    fn ratio_is_taken_within_each_round() {
        let rows =
            vec![("null GET".to_owned(), vec![1.0, 2.0, 4.0]), ("ours GET".to_owned(), vec![1.5, 2.0, 8.0])];
        let ratio = |row: usize| beside_null(&rows, &rows[row].0, &rows[row].1, |ours, null| ours / null);
        assert_eq!(ratio(1), "1.50 (1.00–2.00)");
        assert_eq!(ratio(0), "", "the floor has no ratio");
    }
}
