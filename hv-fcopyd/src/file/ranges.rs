//! Which bytes of a file are there: pieces may come in any order, and again.
//!
//! A host sends them in order, so this is one range nearly always. How many it may become is bounded.

/// Most ranges with gaps between them.
const MOST: usize = 1024;

/// Ranges in order, with a gap before each but the first: begin, and end (not included).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Whether that one may be added.
    pub(super) fn accepts(&self, begin: u64, end: u64) -> bool {
        let (first, last) = self.touched(begin, end);
        self.0.len() < MOST || first < last || begin == end
    }

    /// Adds one.
    pub(super) fn add(&mut self, begin: u64, end: u64) {
        if begin == end {
            return;
        }
        let (first, last) = self.touched(begin, end);
        let touched = self.0.get(first..last).unwrap_or_default();
        let begin = touched.first().map_or(begin, |range| range.0.min(begin));
        let end = touched.last().map_or(end, |range| range.1.max(end));
        self.0.splice(first..last, [(begin, end)]);
    }

    /// The ranges that become one with this one.
    fn touched(&self, begin: u64, end: u64) -> (usize, usize) {
        let first = self.0.partition_point(|range| range.1 < begin);
        let last = self.0.partition_point(|range| range.0 <= end);
        (first, last.max(first))
    }

    /// Bytes in all.
    pub(super) fn total(&self) -> u64 {
        self.0.iter().map(|(begin, end)| end - begin).sum()
    }

    /// The first byte that is missing.
    pub(super) fn first_gap(&self) -> u64 {
        self.0.first().filter(|range| range.0 == 0).map_or(0, |range| range.1)
    }
}
