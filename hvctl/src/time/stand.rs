//! How the clock stands, as `org.hvutils.TimeSync1` tells it: for JSON as it is, for people in lines.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;
use zbus::wire::OwnedVariant;

use super::ruler::{Case, Channel};
use super::units::{ppm, signed, span};
use crate::age::{age, ago};
use crate::error::Failure;
use crate::output::Output;
use crate::proxies::ServiceInfo;
use crate::text::escape;

/// What is older than that is said to be: hosts send a time every few seconds.
const FRESH: Duration = Duration::from_secs(15);
/// How hv-timesyncd begins the reason where an order of the host was not carried out.
const NOT_USED: &str = "not used";

/// All of it. What an older hv-timesyncd does not tell is empty.
#[derive(Debug, Serialize)]
pub(super) struct Stand {
    /// `auto`, `discipline`, `refclock` or `observe`.
    mode: String,
    /// Who keeps the clock.
    ruler: String,
    /// `closed`, `negotiating`, `ready`, `kernel` or `failed`, and `uio`, `hv_utils` or `sim`: of the same daemon's Service1.
    channel_state: String,
    transport: String,
    /// NTP clients that run.
    clients: Vec<String>,
    /// Those that get samples.
    fed: Vec<String>,
    /// How it is known when the host takes its time; empty before the first sample that is used.
    source: String,
    /// How wrong the host's time may be, when the last sample came.
    accuracy_ns: i64,
    /// Host minus guest, filtered, then.
    offset_ns: i64,
    /// How much single samples differ.
    jitter_ns: i64,
    /// How much faster the host's clock runs.
    frequency_ppm: f64,
    last_sample: Option<LastSample>,
    last_action: Option<LastAction>,
    last_step: Option<LastStep>,
    /// What to do, if anything.
    hint: Option<String>,
}

#[derive(Debug, Serialize)]
struct LastSample {
    /// µs since 1970.
    when: u64,
    age_secs: u64,
    offset_ns: i64,
    /// `sync` or `sample`.
    purpose: String,
    /// What became of it.
    verdict: String,
}

#[derive(Debug, Serialize)]
struct LastAction {
    /// µs since 1970.
    when: u64,
    age_secs: u64,
    /// `step`, `slew` or `none`.
    what: String,
    ns: i64,
    reason: String,
}

#[derive(Debug, Serialize)]
struct LastStep {
    /// µs since 1970.
    when: u64,
    age_secs: u64,
    ns: i64,
    reason: String,
}

impl Stand {
    /// From the properties of TimeSync1 and, where they were told, of Service1.
    pub(super) fn new(mut all: HashMap<String, OwnedVariant>, service: ServiceInfo) -> Stand {
        let number = |name: &str| all.get(name).and_then(|value| value.downcast_ref().ok()).unwrap_or(0);
        let (offset_ns, jitter_ns, accuracy_ns) = (number("Offset"), number("Jitter"), number("Accuracy"));
        let frequency = all.get("Frequency").and_then(|value| value.downcast_ref().ok()).unwrap_or(0.0);
        let word = |name: &str| all.get(name).and_then(|value| value.downcast_ref().ok()).unwrap_or_default();
        let (mode, ruler, source) = (word("Mode"), word("Ruler"), word("Source"));
        let verdict = word("LastVerdict");
        let mut list = |name: &str| -> Vec<String> {
            all.remove(name).and_then(|value| value.try_into().ok()).unwrap_or_default()
        };
        let (clients, fed) = (list("Clients"), list("Fed"));
        let last_sample = all.remove("LastSample").and_then(|value| last_sample(value, verdict));
        let last_action = all.remove("LastAction").and_then(last_action);
        let last_step = all.remove("LastStep").and_then(last_step);
        let mut stand = Stand {
            mode,
            ruler,
            channel_state: service.channel_state,
            transport: service.transport,
            clients,
            fed,
            source,
            accuracy_ns,
            offset_ns,
            jitter_ns,
            frequency_ppm: frequency,
            last_sample,
            last_action,
            last_step,
            hint: None,
        };
        stand.hint = stand.case().hint();
        stand
    }
}

/// Nothing before the first.
fn last_sample(value: OwnedVariant, verdict: String) -> Option<LastSample> {
    let (when, offset_ns, purpose): (u64, i64, String) = value.try_into().ok()?;
    Some(LastSample { when, age_secs: age(when)?.as_secs(), offset_ns, purpose, verdict })
}

/// The same.
fn last_action(value: OwnedVariant) -> Option<LastAction> {
    let (when, what, ns, reason): (u64, String, i64, String) = value.try_into().ok()?;
    Some(LastAction { when, age_secs: age(when)?.as_secs(), what, ns, reason })
}

/// The same.
fn last_step(value: OwnedVariant) -> Option<LastStep> {
    let (when, ns, reason): (u64, i64, String) = value.try_into().ok()?;
    Some(LastStep { when, age_secs: age(when)?.as_secs(), ns, reason })
}

impl Stand {
    fn case(&self) -> Case<'_> {
        // Something is done, or decided against, with each that is used.
        let used = self.last_action.as_ref().filter(|action| !action.reason.starts_with(NOT_USED));
        Case {
            mode: &self.mode,
            ruler: &self.ruler,
            clients: &self.clients,
            fed: &self.fed,
            channel: Channel::of(&self.channel_state, &self.transport),
            heard: self.heard(),
            verdict: self.last_sample.as_ref().map_or("", |sample| &sample.verdict),
            used: used.filter(|_| !self.source.is_empty()).and_then(|action| age(action.when)),
            ever_used: !self.source.is_empty(),
            offset: self.offset_ns,
            reason: self.last_action.as_ref().map_or("", |action| &action.reason),
        }
    }

    /// How long ago the host was: by whichever is younger, the last sample or what was done.
    fn heard(&self) -> Option<Duration> {
        let sample = self.last_sample.as_ref().map(|sample| sample.when);
        let action = self.last_action.as_ref().map(|action| action.when);
        sample.max(action).and_then(age)
    }

    /// In lines; before the first sample there is nothing to say of it.
    pub(super) fn print(&self, output: &Output) -> Result<(), Failure> {
        let case = self.case();
        output.line(&format!("clock: {}", output.painted(&escape(&case.sentence()), case.paint())))?;
        output.line(&format!("mode: {}", escape(&self.mode)))?;
        if !self.clients.is_empty() {
            output.line(&format!("NTP clients: {}", escape(&self.clients.join(", "))))?;
        }
        if !self.fed.is_empty() {
            output.line(&format!("fed: {}", escape(&self.fed.join(", "))))?;
        }
        self.print_measured(output)?;
        match &self.last_action {
            Some(action) => output.line(&format!("last action: {}", escape(&action.sentence())))?,
            None => output.line("last action: none so far")?,
        }
        match &self.last_step {
            Some(step) => output.line(&format!("last step: {}", escape(&step.sentence())))?,
            None => output.line("last step: none so far")?,
        }
        match &self.hint {
            Some(hint) => output.line(&format!("\n- {}", escape(hint))),
            None => Ok(()),
        }
    }

    fn print_measured(&self, output: &Output) -> Result<(), Failure> {
        let Some(last) = &self.last_sample else {
            return output.line("last sample: none so far");
        };
        if self.source.is_empty() {
            output.line("source: none yet")?;
            return output.line(&format!("last sample: {}", escape(&last.sentence())));
        }
        let accuracy = span(self.accuracy_ns.unsigned_abs());
        // These do not grow with time: they are of that moment.
        let old = self.heard().filter(|heard| *heard > FRESH);
        let of = old.map_or_else(String::new, |heard| format!(", as of {}", ago(heard)));
        output.line(&format!("source: {}, accurate to ±{accuracy}{of}", escape(&self.source)))?;
        let direction = match self.offset_ns {
            0 => "",
            1.. => " (the guest's clock is behind)",
            ..0 => " (the guest's clock is ahead)",
        };
        output.line(&format!("offset: {}{direction}{of}", signed(self.offset_ns)))?;
        output.line(&format!("jitter: {}", span(self.jitter_ns.unsigned_abs())))?;
        output.line(&format!("frequency: {}", ppm(self.frequency_ppm)))?;
        output.line(&format!("last sample: {}", escape(&last.sentence())))
    }
}

impl LastSample {
    fn sentence(&self) -> String {
        let when = age(self.when).map_or_else(String::new, ago);
        let verdict = match self.verdict.as_str() {
            "" | "used" => String::new(),
            other => format!(": {other}"),
        };
        format!("{when}, {} ({}){verdict}", signed(self.offset_ns), self.purpose)
    }
}

impl LastStep {
    fn sentence(&self) -> String {
        let when = age(self.when).map_or_else(String::new, ago);
        format!("{when}, by {}: {}", signed(self.ns), self.reason)
    }
}

impl LastAction {
    fn sentence(&self) -> String {
        let when = age(self.when).map_or_else(String::new, ago);
        let what = match self.what.as_str() {
            "step" => format!("step by {}", signed(self.ns)),
            "slew" => format!("slew by {}", signed(self.ns)),
            "none" => "nothing was done".to_owned(),
            other => format!("{other} {}", signed(self.ns)),
        };
        format!("{when}, {what}: {}", self.reason)
    }
}
