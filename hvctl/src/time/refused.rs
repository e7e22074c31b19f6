//! What to say of a host whose times are not used, and of a clock that is far off because a step was not allowed. Pure.

use std::time::Duration;

use super::units::signed;

/// One time in a while that is late, or that comes a moment after a restore, is nothing: others were used since so long ago.
const PATIENCE: Duration = Duration::from_secs(120);
/// How hv-timesyncd gives the reason of what it did where the configuration did not let it step.
const NOT_ALLOWED: &str = "steps in this direction are not allowed";
/// A smaller difference is slewed in a moment, ns.
const FAR: u64 = 1_000_000_000;

/// Why a time with this verdict is not used, and what lets it in; `None`: it is used, or will be in a moment. `used`: how
/// long ago one was.
pub(super) fn hint(verdict: &str, used: Option<Duration>) -> Option<&'static str> {
    let hint = match verdict {
        "before-floor" => HINT_FOR_FLOOR,
        "too-far" => HINT_FOR_FAR,
        "impossible" => HINT_FOR_IMPOSSIBLE,
        "late" => HINT_FOR_LATE,
        "other-boot" => HINT_FOR_OTHER_BOOT,
        _ => return None,
    };
    let in_a_moment = matches!(verdict, "late" | "other-boot") && used.is_some_and(|used| used <= PATIENCE);
    (!in_a_moment).then_some(hint)
}

const HINT_FOR_FLOOR: &str = "the host's time is refused, as it is before [timesync] not-before (without that: the release of hv-timesyncd): put the \
     host's clock right, or set an earlier day; hvctl time samples shows what it says";
const HINT_FOR_FAR: &str = "the host's time is refused, as it is further from the guest's than [timesync] max-step-days allows: see which of the two \
     clocks is right; a higher max-step-days (36500 at most) lets it in";
const HINT_FOR_IMPOSSIBLE: &str = "the host's time is refused, as the kernel cannot count so far: put the host's clock right; nothing in the configuration \
     lets it in";
const HINT_FOR_LATE: &str = "the host's times are not used, as they are on the way for longer than [timesync] max-delay-ms allows: host or guest has \
     no processor left; a higher max-delay-ms lets them in";
const HINT_FOR_OTHER_BOOT: &str = "the host's times are not used, as their reference counter does not fit what was measured; if that goes on for minutes: \
     systemctl restart hv-timesyncd, and journalctl -u hv-timesync-counter";

/// What to do about a difference that may not be stepped away; `None`: there is no such, or it is small.
pub(super) fn hint_for_steps(reason: &str, offset_ns: i64, is_ours: bool) -> Option<String> {
    if reason != NOT_ALLOWED || offset_ns.unsigned_abs() <= FAR {
        return None;
    }
    let (far, steps) =
        (signed(offset_ns), if offset_ns > 0 { "\"forward\" or \"both\"" } else { "\"both\"" });
    let so_far = if is_ours {
        "it is slewed half a second at a time at most, which takes long"
    } else {
        "it is left to whoever keeps the clock"
    };
    Some(format!(
        "the clock is off by {far}, and [timesync] steps does not allow that step: {so_far}; steps = {steps} lets it be stepped"
    ))
}

#[cfg(test)]
mod tests;
