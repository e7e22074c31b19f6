//! How the time until the answer is shared out: the way there may take so long that the way back still fits.

use std::time::Duration;

/// What the way back and the answer need at the most, of which no manager has shown more.
const WAY_BACK: Duration = Duration::from_secs(6);
/// The least that is worth a try.
const LEAST: Duration = Duration::from_secs(1);
/// How long, after it is due, a confirmation is waited for.
const GRACE: Duration = Duration::from_secs(4);

/// The parts, each from the moment of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Until then it must have been read back.
    pub there: Duration,
    /// Until then it must have been confirmed.
    pub confirmed: Duration,
}

impl Budget {
    /// For an answer `within`, under the administrator's limit.
    #[must_use]
    pub fn new(within: Duration, limit: Duration) -> Self {
        let there = within.saturating_sub(WAY_BACK).min(limit).max(LEAST);
        Self { there, confirmed: within.max(there) + GRACE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_fits_before_the_answer_is_due() {
        let budget = Budget::new(Duration::from_secs(22), Duration::from_secs(15));
        assert_eq!(budget, Budget { there: Duration::from_secs(15), confirmed: Duration::from_secs(26) });
        let hurried = Budget::new(Duration::from_secs(10), Duration::from_secs(15));
        assert_eq!(hurried.there, Duration::from_secs(4));
        assert_eq!(Budget::new(Duration::ZERO, Duration::from_secs(15)).there, LEAST);
    }
}
