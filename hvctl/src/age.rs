//! How long ago something was, for people: a time of day would need a time zone, and is not what they ask for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long ago `micros` since 1970 was; nothing for 0, and zero for the future (the clock has been set since).
pub(crate) fn age(micros: u64) -> Option<Duration> {
    let then = UNIX_EPOCH.checked_add(Duration::from_micros(micros))?;
    (micros != 0).then(|| SystemTime::now().duration_since(then).unwrap_or_default())
}

/// An age in the largest unit that fits.
pub(crate) fn ago(age: Duration) -> String {
    match age.as_secs() {
        secs @ 0..120 => format!("{secs} s ago"),
        secs @ 120..7200 => format!("{} min ago", secs / 60),
        secs @ 7200..172_800 => format!("{} h ago", secs / 3600),
        secs => format!("{} days ago", secs / 86400),
    }
}
