//! Whether all messages have become slower.
//!
//! A clock that runs at another pace than its relation says, as after a move to another processor, makes messages seem to be
//! longer and longer on the way. No message by itself shows that, but their least delay does: a host or a guest that is
//! busy makes some messages slow, and hardly ten in a row.

use std::collections::VecDeque;

/// So many messages in a row.
const LAST: usize = 10;
/// They are compared with at least so many before them.
const BEFORE: u32 = 5;
/// How many of those are taken into the mean; then the older ones count less and less.
const MEAN_OF: u32 = 100;

/// Delays since the relation is what it is, ns.
#[derive(Debug, Default)]
pub(super) struct Lately {
    last: VecDeque<i64>,
    before: Option<Before>,
}

/// The delays of messages before the last ones.
#[derive(Debug, Clone, Copy)]
struct Before {
    least: i64,
    mean: f64,
    count: u32,
}

impl Lately {
    /// They say nothing of what follows: the relation is another.
    pub(super) fn forget(&mut self) {
        *self = Lately::default();
    }

    /// A message was so long on the way, ns. By how much all of the last ten were slower than the fastest one before them, if
    /// that is more than chance: the least of ten is a tenth of the mean above what is possible.
    pub(super) fn slower(&mut self, delay: i64) -> Option<i64> {
        self.last.push_back(delay);
        if self.last.len() > LAST {
            let oldest = self.last.pop_front()?;
            self.before = Some(Before::with(self.before, oldest));
        }
        let before = self.before.filter(|before| before.count >= BEFORE)?;
        let by = self.last.iter().min()?.saturating_sub(before.least);
        (by as f64 > before.mean - before.least as f64).then_some(by)
    }
}

impl Before {
    fn with(before: Option<Before>, delay: i64) -> Before {
        let value = delay as f64;
        let Some(Before { least, mean, count }) = before else {
            return Before { least: delay, mean: value, count: 1 };
        };
        let count = count.saturating_add(1).min(MEAN_OF);
        Before { least: least.min(delay), mean: mean + (value - mean) / f64::from(count), count }
    }
}
