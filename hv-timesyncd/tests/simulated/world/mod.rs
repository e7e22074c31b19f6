//! A world with a host, a guest's hardware and messages between them, all made from one number; no clock of this machine.
//!
//! ```text
//!  Plan ──► Trace: hardware (raw clock, counter), host's clock, messages ──► race: one Contestant, one Guest clock ──► Run
//! ```
//! Times are ns in f64, which is good for 0.02 ns in a day. `running` is the time that the guest has lived: a pause takes
//! none of it. Perfect time goes on in pauses, and the host's clock follows it ([`Trace::truth`]).

pub(crate) mod contestants;
mod delivery;
mod figures;
mod guest;
mod hardware;
mod host;
mod plan;
mod race;
mod random;

pub(crate) use delivery::Message;
pub(crate) use figures::Figures;
pub(crate) use guest::Guest;
pub(crate) use plan::{Incident, Plan, What};
pub(crate) use race::{At, Contestant, Run, race};
pub(crate) use random::Random;

use delivery::Clocks;
use hardware::Hardware;
use host::Host;

pub(crate) const SECOND: f64 = 1e9;
pub(crate) const MINUTE: f64 = 60.0 * SECOND;
pub(crate) const HOUR: f64 = 60.0 * MINUTE;
/// The host's clock when perfect time is 0: 2027-01-04 00:00:00 UTC, ns since 1970.
pub(crate) const EPOCH: i64 = 1_799_020_800_000_000_000;

/// All that happens, the same for each contestant.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) plan: Plan,
    pub(crate) messages: Vec<Message>,
    hardware: Hardware,
    host: Host,
}

impl Trace {
    pub(crate) fn new(plan: Plan) -> Trace {
        let hardware = Hardware::new(&plan);
        let host = Host::new(&plan, |running| perfect(&plan, running));
        let clocks = Clocks {
            host: &|running| {
                let perfect = perfect(&plan, running);
                perfect + host.ahead(perfect)
            },
            counter: &|running| hardware.counter(running),
        };
        let messages = delivery::messages(&plan, &clocks);
        Trace { plan, messages, hardware, host }
    }

    /// Whether the raw clock is made from the reference counter.
    pub(crate) fn steady(&self) -> bool {
        self.plan.calibration == 0.0
    }

    /// The host's clock after [`EPOCH`].
    pub(crate) fn truth(&self, running: f64) -> f64 {
        let perfect = perfect(&self.plan, running);
        perfect + self.host.ahead(perfect)
    }

    /// CLOCK_MONOTONIC_RAW.
    pub(crate) fn raw(&self, running: f64) -> f64 {
        self.hardware.raw(running)
    }

    /// The reference counter, in ns.
    pub(crate) fn counter(&self, running: f64) -> f64 {
        self.hardware.counter(running)
    }

    /// When the guest began to live after its start and after each pause, and when it had the first message then.
    pub(crate) fn beginnings(&self) -> Vec<(f64, f64)> {
        let pauses = self.plan.incidents.iter().filter(|i| i.pause().is_some()).map(|i| i.at);
        let first = |at: f64| {
            self.messages.iter().map(|m| m.daemon).find(|daemon| *daemon > at).unwrap_or(self.plan.length)
        };
        std::iter::once(0.0).chain(pauses).map(|at| (at, first(at))).collect()
    }
}

fn perfect(plan: &Plan, running: f64) -> f64 {
    running + plan.incidents.iter().filter(|i| i.at <= running).filter_map(Incident::pause).sum::<f64>()
}
