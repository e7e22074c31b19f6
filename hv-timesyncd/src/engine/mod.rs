//! The rules of time synchronization: which samples are believed, and what is done about the clock. No IO, no clock.
//!
//! ```text
//!  Sample ──► admission: can this be a time? ──► track: host against raw clock ──► policy: step, slew, nothing
//!                 └── Refused                        └── Outlier                        └── Decision
//! ```

use std::fmt;

use crate::clock::Steering;

/// What the daemon may do to the clock, from the mode and from who keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Keep it.
    Discipline,
    /// Leave it alone but for the step after a resume.
    Assist,
    /// Leave it alone.
    #[default]
    Observe,
}

/// What may be done by steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Steps {
    /// In both directions.
    #[default]
    Both,
    /// Only forward; what is ahead is slewed.
    Forward,
    /// None.
    Never,
}

/// What becomes of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It was used.
    Used,
    /// It differs too much from those before it; the next will tell.
    Outlier,
    /// It is the last once more.
    Repeated,
    /// It was too long on the way.
    Late,
    /// Before what this program knows to be past.
    BeforeFloor,
    /// Further away than a clock is moved at all.
    TooFar,
    /// No time that this kernel can have.
    Impossible,
    /// Its reference counter is not this boot's.
    OtherBoot,
}

impl Verdict {
    /// A word for D-Bus and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Used => "used",
            Verdict::Outlier => "outlier",
            Verdict::Repeated => "repeated",
            Verdict::Late => "late",
            Verdict::BeforeFloor => "before-floor",
            Verdict::TooFar => "too-far",
            Verdict::Impossible => "impossible",
            Verdict::OtherBoot => "other-boot",
        }
    }
}

/// What is to be done to the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// Nothing.
    None,
    /// Step by so many ns, then run so.
    Step(i64, Steering),
    /// Run so from now on.
    Steer(Steering),
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The host said that the clock is to be set.
    HostSync,
    /// The first sample since the start.
    FirstSample,
    /// The difference is larger than what is slewed.
    TooMuchToSlew,
    /// The clock follows the host's.
    Following,
    /// The difference is below the minimum.
    BelowMinimum,
    /// Somebody else keeps the clock.
    NotOurs,
    /// Steps in this direction are not allowed.
    StepNotAllowed,
    /// The sample was not used.
    NotUsed,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::HostSync => "the host said that the clock is to be set",
            Why::FirstSample => "the first time from the host",
            Why::TooMuchToSlew => "too far away to be slewed",
            Why::Following => "the host's clock is followed",
            Why::BelowMinimum => "the difference is below the minimum",
            Why::NotOurs => "somebody else keeps the clock",
            Why::StepNotAllowed => "steps in this direction are not allowed",
            Why::NotUsed => "the sample was not used",
        })
    }
}
