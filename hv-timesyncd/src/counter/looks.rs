//! Looks at the kernel's PTP clock: which of them is the first after a message of the host.
//!
//! The driver shows the last message and what the reference counter has counted since. The counter runs as the hardware does,
//! beside the host's clock by some ten ppm: five seconds after a message the reading is wrong by a hundred µs, and in
//! the mean over all looks by half of that. Right after a message it is right. When one has come is seen by the reading, which
//! is then off the line of those before. So there are a few looks shortly after each other until that happens (a host
//! sends every five seconds), the last of them is a sample, and then a long rest. If it does not happen, the last of them is a
//! sample, too, which says how wrong it may be: that the host is silent looks like a host whose clock runs as the counter does.

use crate::sample::{Age, Method};

#[cfg(test)]
mod tests;

/// Between two looks of a hunt, ns.
const PACE: i64 = 250 * MS;
/// The longest hunt: hosts send every five seconds; ns.
const LONGEST: i64 = 6 * SECOND;
/// What hosts wait between their messages, ns, and how long before the next one is expected the hunt begins.
const INTERVAL: i64 = 5 * SECOND;
const LEAD: i64 = 600 * MS;
/// The first rest, in intervals; it is doubled until it is as long as wanted, since at first there is much to learn.
const FIRST_REST: i64 = 1;
/// The driver shows nothing that is older, ns.
const OLDEST: i64 = 600 * SECOND;
/// What they go apart by in an interval, where that is not known: 50 ppm; ns.
const MOST: i64 = 250_000;
/// What they go apart by in an interval at most, where no message is noticed though some have come, ns.
const QUIET: i64 = 2 * NEWS;
/// A reading that may be more wrong than this is left alone while the next message may come, ns.
const WORTH: i64 = 100_000;
/// A reading that is off by less than this has no news, ns.
const NEWS: i64 = 2_000;
const MS: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MS;

/// See the module.
#[derive(Debug)]
pub struct Looks {
    longest_rest: i64,
    rest: i64,
    /// When the last message was noticed, on the raw clock.
    noticed: Option<i64>,
    /// By how much the host's clock and the counter are known to go apart between two messages at most, ns.
    pace: i64,
    hunt: Option<Hunt>,
}

#[derive(Debug, Clone, Copy)]
struct Hunt {
    /// When it began, on the raw clock.
    since: i64,
    /// The last look: raw clock, and host's time minus that.
    last: (i64, i64),
    /// What the two were apart between the last looks, ns.
    drift: Option<i64>,
}

/// What comes of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// What the reading is worth; `None`: nothing yet.
    pub age: Option<Age>,
    /// When to look again, ns from now.
    pub again: i64,
}

impl Looks {
    /// `rest`: how long there need be no look, ns.
    #[must_use]
    pub const fn new(rest: i64) -> Looks {
        let intervals = rest / INTERVAL;
        Looks {
            longest_rest: if intervals < 1 { 1 } else { intervals },
            rest: FIRST_REST,
            noticed: None,
            pace: MOST,
            hunt: None,
        }
    }

    /// Something is not as expected: the rests are short again.
    pub const fn doubt(&mut self) {
        self.rest = FIRST_REST;
    }

    /// The clock shows `host` at `raw`; the two belong together but for `error`. All in ns.
    pub fn look(&mut self, raw: i64, host: i64, error: i64) -> Look {
        let apart = host.saturating_sub(raw);
        let begin = Hunt { since: raw, last: (raw, apart), drift: None };
        let hunt = self.hunt.get_or_insert(begin);
        let drift = apart.saturating_sub(hunt.last.1);
        let first = hunt.last.0 == raw;
        let news = hunt
            .drift
            .is_some_and(|before| drift.abs_diff(before) > NEWS.max(error.saturating_mul(4)).unsigned_abs());
        if !news && raw.saturating_sub(hunt.since) < LONGEST {
            hunt.last = (raw, apart);
            hunt.drift = if first { None } else { Some(drift) };
            return Look { age: None, again: PACE };
        }
        let size = hunt.drift.map(|before| drift.saturating_sub(before).saturating_abs());
        self.hunt = None;
        let since = self.noticed.map(|at| raw.saturating_sub(at)).filter(|since| (0..OLDEST).contains(since));
        let intervals = since.map_or(0, |since| since / INTERVAL).max(1);
        if news {
            let size = size.filter(|_| since.is_some()).unwrap_or(MOST);
            self.pace = (size / intervals).saturating_add(NEWS).min(MOST);
            self.noticed = Some(raw);
        } else if since.is_some() {
            // Messages are noticed here, and none has been: none has come, or they say what the driver had counted. What it shows is
            // the last one carried on, and wrong by what the host's clock may have gone apart since.
            let error = self.pace.saturating_mul(intervals + 1).saturating_add(error).saturating_add(NEWS);
            let age = Some(Age { ns: 0, error, method: Method::Ptp });
            let worth = self.pace <= QUIET || error <= WORTH;
            return Look { age: age.filter(|_| worth), again: self.rest * INTERVAL };
        } else if self.noticed.is_some() {
            // The driver would show nothing if none had come. So they come, and are none that is noticed.
            (self.pace, self.noticed) = (QUIET, Some(raw));
        }
        let again = self.rest * INTERVAL - if news { LEAD } else { 0 };
        self.rest = (self.rest * 2).min(self.longest_rest);
        Look { age: Some(Age { ns: 0, error: error.saturating_add(NEWS), method: Method::Ptp }), again }
    }
}
