//! `org.hvutils.TimeSync1`: who keeps the clock, how right it is, what was done to it, and the samples behind that.
//!
//! Anyone may read; there is nothing to change. What differs with every sample has no change signal: a client that keeps
//! a copy of the properties asks for these, and is not woken every few seconds.

use zbus::interface;
use zbus::object_server::SignalEmitter;

use super::board::Board;
use super::shown::{Row, Shown};

/// The interface's name.
pub const TIMESYNC1: &str = "org.hvutils.TimeSync1";

/// `LastSample`: when, offset, what the host wanted.
type SampleShown = (u64, i64, String);
/// `LastAction`: when, what, ns, why.
type ActionShown = (u64, String, i64, String);
/// `LastStep`: when, ns, why.
type StepShown = (u64, i64, String);
/// One of `Samples()`: when, offset, delay, error, what the host wanted, method, verdict.
type RowShown = (u64, i64, i64, i64, String, &'static str, &'static str);

/// The interface object.
#[derive(Debug)]
pub struct TimeSync1 {
    board: Board,
}

impl TimeSync1 {
    /// The interface over what the service publishes.
    #[must_use]
    pub fn new(board: Board) -> TimeSync1 {
        TimeSync1 { board }
    }
}

#[interface(name = "org.hvutils.TimeSync1", introspection_docs = false)]
impl TimeSync1 {
    /// `auto`, `discipline`, `refclock` or `observe`.
    #[zbus(property)]
    fn mode(&self) -> &'static str {
        self.board.shown().mode.name()
    }

    /// Who keeps the clock.
    #[zbus(property)]
    fn ruler(&self) -> &'static str {
        self.board.shown().ruler.name()
    }

    /// NTP clients that run.
    #[zbus(property)]
    fn clients(&self) -> Vec<&'static str> {
        clients(&self.board.shown())
    }

    /// Refclock clients that get samples.
    #[zbus(property)]
    fn fed(&self) -> Vec<String> {
        fed(&self.board.shown())
    }

    /// How it is known when the host takes its time; empty before the first sample.
    #[zbus(property)]
    fn source(&self) -> &'static str {
        source(&self.board.shown())
    }

    /// Host minus guest, ns, filtered.
    #[zbus(property(emits_changed_signal = "false"))]
    fn offset(&self) -> i64 {
        self.board.shown().offset
    }

    /// How much single samples differ from the filtered time, ns.
    #[zbus(property(emits_changed_signal = "false"))]
    fn jitter(&self) -> i64 {
        self.board.shown().jitter
    }

    /// How wrong the filtered time may be, ns.
    #[zbus(property(emits_changed_signal = "false"))]
    fn accuracy(&self) -> i64 {
        self.board.shown().error
    }

    /// How much faster the host's clock runs than the guest's unsteered one, ppm.
    #[zbus(property(emits_changed_signal = "false"))]
    fn frequency(&self) -> f64 {
        self.board.shown().frequency
    }

    /// The last sample.
    #[zbus(property(emits_changed_signal = "false"))]
    fn last_sample(&self) -> SampleShown {
        let last = self.board.shown().last_sample;
        last.map(|row| (row.when, row.offset, row.purpose.to_string())).unwrap_or_default()
    }

    /// The last time that something was done to the clock, or was decided not to be.
    #[zbus(property(emits_changed_signal = "false"))]
    fn last_action(&self) -> ActionShown {
        let last = self.board.shown().last_action;
        last.map(|action| (action.when, action.what.to_owned(), action.ns, text(&action.why)))
            .unwrap_or_default()
    }

    /// What became of the last sample; empty before the first.
    #[zbus(property(emits_changed_signal = "false"))]
    fn last_verdict(&self) -> &'static str {
        self.board.shown().last_sample.map(|row| row.verdict.name()).unwrap_or_default()
    }

    /// The last step.
    #[zbus(property(emits_changed_signal = "false"))]
    fn last_step(&self) -> StepShown {
        let last = self.board.shown().last_step;
        last.map(|step| (step.when, step.ns, text(&step.why))).unwrap_or_default()
    }

    /// The last samples, the oldest first.
    fn samples(&self) -> Vec<RowShown> {
        self.board.rows().iter().map(row).collect()
    }

    /// The clock was stepped by so many ns.
    #[zbus(signal)]
    pub(super) async fn stepped(emitter: &SignalEmitter<'_>, ns: i64, reason: &str) -> zbus::Result<()>;

    /// A sample came, and was judged.
    #[zbus(signal)]
    pub(super) async fn sampled(
        emitter: &SignalEmitter<'_>,
        when: u64,
        offset: i64,
        delay: i64,
        verdict: &str,
    ) -> zbus::Result<()>;
}

pub(super) fn clients(shown: &Shown) -> Vec<&'static str> {
    shown.clients.iter().map(crate::ruler::Client::name).collect()
}

pub(super) fn fed(shown: &Shown) -> Vec<String> {
    shown.fed.iter().map(|fed| text(fed)).collect()
}

pub(super) fn source(shown: &Shown) -> &'static str {
    shown.method.map(crate::sample::Method::name).unwrap_or_default()
}

fn row(row: &Row) -> RowShown {
    let purpose = row.purpose.to_string();
    (row.when, row.offset, row.delay, row.error, purpose, row.method.name(), row.verdict.name())
}

/// A text that a bus carries: it hangs up on who sends a NUL.
pub(super) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
