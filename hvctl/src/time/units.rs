//! Nanoseconds and parts per million for people: in the unit that fits, with a sign where there is a direction.

/// Units of a time below a second, in ns.
const SMALL: [(u64, &str); 2] = [(1_000, "µs"), (1_000_000, "ms")];

/// As far as ns are counted on D-Bus: what is there, or beyond, was not measured but cut off.
const UNCOUNTED: u64 = i64::MAX.unsigned_abs();
const UNCOUNTED_YEARS: u32 = 292;

/// So long.
pub(super) fn span(ns: u64) -> String {
    if ns >= UNCOUNTED {
        return format!("more than {UNCOUNTED_YEARS} years");
    }
    if ns < 1_000 {
        return format!("{ns} ns");
    }
    for (unit, name) in SMALL {
        // Rounded first: 999.96 µs are 1.0 ms.
        let tenths = ns.saturating_add(unit / 20) / (unit / 10);
        if tenths < 10_000 {
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
    }
    let millis = ns.saturating_add(500_000) / 1_000_000;
    format!("{}.{:03} s", millis / 1_000, millis % 1_000)
}

/// So far, and in which direction.
pub(super) fn signed(ns: i64) -> String {
    let sign = sign(ns < 0, ns == 0);
    match ns.unsigned_abs() {
        UNCOUNTED.. => format!("beyond {sign}{UNCOUNTED_YEARS} years"),
        ns => format!("{sign}{}", span(ns)),
    }
}

/// How much faster or slower.
pub(super) fn ppm(ppm: f64) -> String {
    if !ppm.is_finite() {
        return "unknown".to_owned();
    }
    let text = format!("{:.3}", ppm.abs());
    let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    format!("{}{text} ppm", sign(ppm < 0.0, is_zero))
}

/// Of a moment in µs since 1970, in UTC, as no time zone is known here.
pub(super) fn time_of_day(micros: u64) -> String {
    let secs = micros / 1_000_000 % 86_400;
    format!("{:02}:{:02}:{:02}Z", secs / 3600, secs / 60 % 60, secs % 60)
}

fn sign(is_negative: bool, is_zero: bool) -> &'static str {
    match (is_negative, is_zero) {
        (_, true) => "",
        (true, false) => "\u{2212}",
        (false, false) => "+",
    }
}

#[cfg(test)]
mod tests;
