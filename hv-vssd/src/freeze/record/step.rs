//! How far a filesystem is: the states that daemon and guardian exchange in the record.

/// How far a filesystem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Step {
    /// Nothing was done to it.
    Idle = 0,
    /// The daemon is freezing it: whether it is frozen nobody knows.
    Attempting = 1,
    /// We have frozen it.
    Frozen = 2,
    /// The daemon is thawing it.
    Thawing = 3,
    /// As attempting, and who comes back from it is to thaw it at once.
    Abandoned = 4,
    /// We have thawed it.
    Thawed = 5,
    /// It did not freeze, or was not tried: not ours.
    Refused = 6,
    /// It could not be thawed. It is tried again.
    Stuck = 7,
    /// The guardian is thawing it.
    Guarded = 8,
}

impl Step {
    /// What a word of the record says. One that is not known is nothing of ours.
    pub(super) fn of(word: u32) -> Step {
        match word {
            0 => Step::Idle,
            1 => Step::Attempting,
            2 => Step::Frozen,
            3 => Step::Thawing,
            4 => Step::Abandoned,
            5 => Step::Thawed,
            7 => Step::Stuck,
            8 => Step::Guarded,
            _ => Step::Refused,
        }
    }

    /// Whether it may be frozen by us at this moment.
    #[must_use]
    pub fn may_be_frozen(self) -> bool {
        !matches!(self, Step::Idle | Step::Thawed | Step::Refused)
    }
}
