//! What the engine makes of a sample: a verdict, an action, and why. Data and words.

use std::fmt;

use crate::clock::Steering;

/// What the engine makes of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// What became of the sample.
    pub verdict: Verdict,
    /// What is to be done.
    pub action: Action,
    /// Why that, and not more or less.
    pub why: Why,
    /// Host minus guest when it arrived, ns: filtered if the sample was used, else its own.
    pub offset: i64,
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

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Used => "used",
            Verdict::Outlier => "it differs too much from those before it",
            Verdict::Repeated => "it is the last time once more",
            Verdict::Late => "it was longer on the way than max-delay-ms allows",
            Verdict::BeforeFloor => "the host's time is before anything that can be true (not-before)",
            Verdict::TooFar => "the host's time is further away than max-step-days allows",
            Verdict::Impossible => "the host's time is beyond what the kernel can count",
            Verdict::OtherBoot => "its reference counter is not of this boot",
        })
    }
}

/// What is to be done to the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// Nothing.
    None,
    /// Step by so many ns; then run so, where the clock is ours.
    Step(i64, Option<Steering>),
    /// Run so from now on.
    Steer(Steering),
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The host said that the clock is to be set.
    HostSync,
    /// The first sample since the clock is ours.
    FirstSample,
    /// The difference is larger than what is slewed.
    TooMuchToSlew,
    /// The clock follows the host's.
    Following,
    /// The difference is below the minimum.
    BelowMinimum,
    /// This daemon is told only to look.
    OnlyLooking,
    /// Others keep the clock, or are to.
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
            Why::FirstSample => "the clock is this daemon's to keep from now on",
            Why::TooMuchToSlew => "too far away to be slewed",
            Why::Following => "the host's clock is followed",
            Why::BelowMinimum => "the difference is below the minimum",
            Why::OnlyLooking => "this daemon only looks (mode)",
            Why::NotOurs => "the clock is left to others",
            Why::StepNotAllowed => "steps in this direction are not allowed",
            Why::NotUsed => "the sample was not used",
        })
    }
}
