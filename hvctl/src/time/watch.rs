//! `hvctl time watch`: each time that comes from the host and each step, as they happen.
//!
//! As `hvctl kvp watch`: it outlives a restart of the daemon, events go to standard output, and what concerns the run
//! goes to standard error for people and into the same stream of objects with `--json`.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use zbus::{Connection, Message};

use super::sample::{delay, paint};
use super::units::{signed, time_of_day};
use super::{NAME, PATH, TIMESYNCD};
use crate::error::{Error, Failure};
use crate::kvp_watch::reader_gone;
use crate::output::{Output, Paint};
use crate::signals::{Heard, Signals, rule};
use crate::text::escape;

#[zbus::proxy(
    interface = "org.hvutils.TimeSync1",
    default_service = "org.hvutils.TimeSync1",
    default_path = "/org/hvutils/TimeSync1"
)]
trait TimeSync1 {
    #[zbus(signal)]
    fn sampled(&self, when: u64, offset: i64, delay: i64, verdict: &str);
    #[zbus(signal)]
    fn stepped(&self, ns: i64, reason: &str);
}

/// One line of `watch --json`.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Event {
    Ready {
        daemon: bool,
    },
    Sampled {
        when: u64,
        offset_ns: i64,
        delay_ns: i64,
        verdict: String,
    },
    /// `when`: when it was heard of.
    Stepped {
        when: u64,
        ns: i64,
        reason: String,
    },
    DaemonGone {
        daemon: bool,
    },
    DaemonBack {
        daemon: bool,
    },
}

/// Ends only when its reader, or the bus, has gone.
pub(super) async fn run(bus: &Connection, output: &Output) -> Result<(), Failure> {
    let rule = rule(NAME, PATH).build().map_err(|error| Error::of_call("the bus", error))?;
    let mut signals = Signals::new(bus, NAME, rule).await?;
    report(Event::Ready { daemon: signals.daemon_is_there() }, output)?;
    let mut reader_gone = reader_gone();
    loop {
        tokio::select! {
            heard = signals.next() => {
                if let Some(event) = event_of(heard?) {
                    report(event, output)?;
                }
            }
            _ = &mut reader_gone => return Err(Failure::PipeClosed),
        }
    }
}

/// Nothing if it is none of those, or not formed as it should be.
fn event_of(heard: Heard) -> Option<Event> {
    match heard {
        Heard::Gone => Some(Event::DaemonGone { daemon: false }),
        Heard::Back => Some(Event::DaemonBack { daemon: true }),
        Heard::Signal(message) => signal(&message),
    }
}

fn signal(message: &Message) -> Option<Event> {
    if let Some(signal) = Sampled::from_message(message.clone()) {
        let args = signal.args().ok()?;
        let (offset_ns, delay_ns, verdict) = (args.offset, args.delay, args.verdict.to_owned());
        return Some(Event::Sampled { when: args.when, offset_ns, delay_ns, verdict });
    }
    let signal = Stepped::from_message(message.clone())?;
    let args = signal.args().ok()?;
    Some(Event::Stepped { when: now(), ns: args.ns, reason: args.reason.to_owned() })
}

/// The clock, µs since 1970.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

fn report(event: Event, output: &Output) -> Result<(), Failure> {
    if output.json {
        return output.object("time-watch", &event);
    }
    match event {
        Event::Sampled { when, offset_ns, delay_ns, verdict } => {
            let verdict = output.painted(&escape(&verdict), paint(&verdict));
            let (offset, delay) = (signed(offset_ns), delay(delay_ns));
            let when = time_of_day(when);
            return output.line(&format!("{when} sampled {offset}, {delay} on the way: {verdict}"));
        }
        Event::Stepped { when, ns, reason } => {
            let stepped = output.painted("stepped", Paint::Yellow);
            let (when, by) = (time_of_day(when), signed(ns));
            return output.line(&format!("{when} {stepped} by {by}: {}", escape(&reason)));
        }
        Event::Ready { daemon } => {
            output.note("ready: watching the host's time");
            if !daemon {
                output.note(&format!(
                    "{TIMESYNCD} is not running: it shows as soon as it is (systemctl start {TIMESYNCD})"
                ));
            }
        }
        Event::DaemonGone { .. } => output.note(&format!("{TIMESYNCD} left the bus: waiting for it")),
        Event::DaemonBack { .. } => output.note(&format!("{TIMESYNCD} is on the bus")),
    }
    Ok(())
}
