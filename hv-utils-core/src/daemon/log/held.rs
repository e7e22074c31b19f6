//! Messages that wait until they may be written.
//!
//! While filesystems are frozen a write to the log may wait for the disk that is frozen, and the one who would thaw it with
//! it. So what there is to say is kept, in memory that is there already, and told afterwards.

use super::record::Record;
use std::time::SystemTime;

/// Most messages kept. They are those from the beginning: what goes wrong first explains the rest.
const MOST: usize = 256;

/// See the module.
#[derive(Debug)]
pub(super) struct Held {
    records: Vec<(Record, SystemTime)>,
    missed: u64,
}

impl Held {
    pub(super) fn new() -> Self {
        Self { records: Vec::with_capacity(MOST), missed: 0 }
    }

    pub(super) fn keep(&mut self, record: impl FnOnce() -> Record, at: SystemTime) {
        if self.records.len() < MOST {
            self.records.push((record(), at));
        } else {
            self.missed += 1;
        }
    }

    /// How many were not kept.
    pub(super) fn missed(&self) -> u64 {
        self.missed
    }

    pub(super) fn into_records(self) -> Vec<(Record, SystemTime)> {
        self.records
    }
}
