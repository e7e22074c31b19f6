//! What was killed, how far the freeze was then, and how often.

use std::collections::BTreeMap;
use std::io::Write;

/// Counts kills.
#[derive(Debug, Default)]
pub(crate) struct Table(BTreeMap<String, usize>);

impl Table {
    /// One more after which all was as it should be.
    pub(crate) fn survived(&mut self, what: String) {
        *self.0.entry(what).or_default() += 1;
    }

    /// How many kills there were, and how many of them whose description holds `text`.
    pub(crate) fn count(&self, text: &str) -> (usize, usize) {
        let some = self.0.iter().filter(|(what, _)| what.contains(text)).map(|(_, kills)| kills);
        (self.0.values().sum(), some.sum())
    }

    /// Shows it; not by a print macro, which shows only what a test that fails prints.
    pub(crate) fn print(&self, title: &str) {
        let all: usize = self.0.values().sum();
        let rows: String = self.0.iter().map(|(what, kills)| format!("  {kills:>4}  {what}\n")).collect();
        let _ = write!(std::io::stderr(), "{title}: {all} kills, all of them survived\n{rows}");
    }
}
