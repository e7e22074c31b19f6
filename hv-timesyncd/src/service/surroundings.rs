//! Who else keeps the clock, where samples come from, and where pairs do: facts, and what follows from them.

use std::time::Duration;

use hv_utils_core::bus::BusChoice;
use hv_utils_core::channel::ChannelState;
use hv_utils_core::daemon::PathWatch;
use tokio::time::Instant;

use super::{Poll, Source, Timesyncd};
use crate::clock::{ClockState, PtpClock, ptp};
use crate::counter::{Looks, pairs};
use crate::engine::Role;
use crate::ruler::{Clients, Facts, Finding, Mode, Ruler};

/// Looking again is not in a hurry.
const LEAST_AGAIN: Duration = Duration::from_millis(100);
/// How long the bus has to say which NTP clients run, before there are taken to be none, ns.
const CLIENTS_PATIENCE: i64 = 10_000_000_000;

impl Timesyncd {
    /// Finds out what holds now: the source, who keeps the clock, and so what may be done to it.
    pub(super) fn settle(&mut self) {
        self.find_source();
        let (Ok(now), Ok(state)) = (self.clock.read(), self.clock.state()) else { return };
        let waited = now.raw.saturating_sub(self.started);
        let known = self.clients.is_some()
            || waited >= CLIENTS_PATIENCE
            || self.context.common.bus == BusChoice::None;
        let facts = Facts {
            clients: self.clients.unwrap_or_default(),
            synchronised_by_others: self.synchronised_by_others(&state, now.raw),
            kernel_has_channel: self.channel == ChannelState::Kernel,
            has_source: self.source != Source::None,
        };
        let (mode, ruler) = (self.settings.mode, Ruler::of(self.settings.mode, facts));
        let synchronised = state.synchronised && !self.evidence.is_remnant();
        let (ruler, role) = match (mode, ruler) {
            (Mode::Observe, ruler) => (ruler, Role::Observe),
            // It may be somebody's whom the bus has not told of yet.
            (Mode::Auto, Ruler::Ourselves) if !known => (Ruler::Nobody, Role::Assist { synchronised }),
            (_, Ruler::Ourselves) => (Ruler::Ourselves, Role::Discipline),
            (_, ruler) => (ruler, Role::Assist { synchronised }),
        };
        if ruler != self.shown.ruler && self.log.admit(ruler.name()).is_some() {
            let who = if ruler == Ruler::Nobody { "nobody" } else { ruler.name() };
            tracing::info!("the clock is kept by {who}");
        }
        (self.shown.ruler, self.shown.mode, self.shown.clients) = (ruler, mode, facts.clients);
        if role == Role::Discipline && facts.clients.first().is_some() {
            self.warn("mode = \"discipline\" beside an NTP client", &"both set the clock; stop one of them");
        }
        if role != Role::Discipline && (facts.clients.first().is_some() || facts.synchronised_by_others) {
            self.ruled_no_more();
        }
        self.again = match () {
            () if !known => Some(CLIENTS_PATIENCE - waited),
            () if facts.synchronised_by_others => self.evidence.next(now.raw),
            () => None,
        }
        .map(|ns| Instant::now() + Duration::from_nanos(u64::try_from(ns).unwrap_or(0)) + LEAST_AGAIN);
        if let Some(decision) = self.engine.set_role(role, &now) {
            self.perform(&decision, &now);
        }
        self.set_poll();
        self.publish();
    }

    /// Whether somebody keeps the clock whom the bus does not tell of.
    fn synchronised_by_others(&mut self, state: &ClockState, raw: i64) -> bool {
        let finding = self.evidence.finding(state, self.mark.is_of(state.frequency), raw);
        if finding == Finding::TakenOver {
            self.warn("somebody else steers the clock", &"it does not run as this daemon has set it");
        }
        matches!(finding, Finding::Others | Finding::TakenOver)
    }

    /// The clock was steered by this daemon.
    pub(super) fn ruled(&mut self, synchronised: bool) {
        let Ok(state) = self.clock.state() else { return };
        self.evidence.steered(state.frequency);
        if synchronised && let Err(error) = self.mark.set(state.frequency) {
            self.warn("cannot note that the clock is kept", &error);
        }
    }

    fn ruled_no_more(&mut self) {
        self.evidence.left();
        if let Err(error) = self.mark.remove() {
            self.warn("cannot note that others keep the clock", &error);
        }
    }

    /// Other NTP clients run than before.
    pub(super) fn other_clients(&mut self, clients: Clients) {
        let before = self.clients.replace(clients).unwrap_or_default();
        self.evidence.clients(clients.first().is_some(), before.first().is_some());
        self.settle();
    }

    fn find_source(&mut self) {
        if self.channel == ChannelState::Kernel {
            self.find_ptp();
        } else {
            (self.ptp, self.ptp_watch) = (None, None);
        }
        let source = match self.channel {
            ChannelState::Ready => Source::Channel,
            _ if self.ptp.is_some() => Source::Ptp,
            // A channel that is gone for a moment is the same source.
            _ if self.channel != ChannelState::Kernel => self.source,
            _ => Source::None,
        };
        if source != self.source {
            self.engine.restart();
            self.source = source;
        }
    }

    fn find_ptp(&mut self) {
        if self.ptp.is_some() {
            return;
        }
        let common = &self.context.common;
        // Before looking, so that nothing is missed.
        self.ptp_watch = PathWatch::new(&common.dev_root.join("ptp_hyperv")).ok();
        let Some(path) = ptp::look(&common.sysfs_root, &common.dev_root) else { return };
        match PtpClock::open(&path) {
            Ok(ptp) => (self.ptp, self.ptp_watch) = (Some(ptp), None),
            Err(error) => self.warn("cannot open the PTP clock", &error),
        }
    }

    /// The PTP clock is looked at for as long as the clock is kept by it, or somebody wants to see it; else once.
    fn set_poll(&mut self) {
        let wanted = self.ptp.is_some()
            && (self.engine.role() == Role::Discipline || self.settings.mode == Mode::Observe);
        if !wanted {
            self.poll = None;
        } else if self.poll.is_none() {
            self.poll = Some(Poll { looks: Looks::new(nanos(self.settings.ptp_poll)), due: Instant::now() });
        }
    }

    /// Reads what the helper has left, and waits for the next.
    pub(super) fn read_pairs(&mut self) {
        let common = &self.context.common;
        let path = common.run_dir.join(pairs::FILE);
        self.pairs_watch = PathWatch::new(&path).ok();
        match pairs::current(&common.run_dir, &common.sysfs_root, &common.proc_root) {
            Ok(current) => self.counter.pairs(&current.pairs, current.steady),
            Err(error) => {
                self.counter.steady(pairs::is_reference_counter(&pairs::clocksource(&common.sysfs_root)));
                self.warn("pairs of the reference counter are not used", &error);
            }
        }
    }

    /// Has the helper measure, where that would help.
    pub(super) fn ask_for_pairs(&mut self, raw: i64) {
        if !self.counter.wants_pairs(raw) {
            return;
        }
        self.counter.asked(raw);
        if self.counter.unanswered() {
            self.inform(
                "no pairs of the reference counter",
                &"hv-timesync-counter does not answer; see its unit's log",
            );
        }
        if let Err(error) = pairs::ask(&self.context.common.run_dir) {
            self.warn("cannot ask for the reference counter", &error);
        }
    }

    /// Shows how things are.
    pub(super) fn publish(&mut self) {
        if let Some(estimate) = self.clock.read().ok().and_then(|now| self.engine.estimate(&now)) {
            let shown = &mut self.shown;
            (shown.offset, shown.jitter, shown.error) = (estimate.offset, estimate.jitter, estimate.error);
            shown.frequency = estimate.frequency;
        }
        self.shown.fed.clear();
        if self.fed.chrony {
            self.shown.fed.push(format!("chrony:{}", self.settings.chrony_socket.display()));
        }
        if let Some(unit) = self.settings.shm_unit.filter(|_| self.fed.shared) {
            self.shown.fed.push(format!("shm:{unit}"));
        }
        self.board.publish(self.shown.clone());
    }
}

/// In nanoseconds.
pub(super) fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}
