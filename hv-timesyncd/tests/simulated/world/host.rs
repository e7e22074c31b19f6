//! The host's clock. It is the truth that the guest is measured against, but itself only kept by NTP: it runs up to
//! 2 ppm wrong for some minutes, is brought back, and is now and then set.

use super::MINUTE;
use super::plan::{Plan, What};
use super::random::Random;

/// How far the host's clock is before a perfect one, at each minute; a line in between.
#[derive(Debug)]
pub(crate) struct Host {
    ahead: Vec<f64>,
    /// When (perfect time, ns) it is set, and by how much.
    set: Vec<(f64, f64)>,
}

impl Host {
    /// `perfect` says when something in the plan happens.
    pub(crate) fn new(plan: &Plan, perfect: impl Fn(f64) -> f64) -> Host {
        let mut random = Random::new(plan.seed, 4);
        let minutes = (perfect(plan.length) / MINUTE) as usize + 10;
        let mut host = Host { ahead: Vec::with_capacity(minutes), set: Vec::new() };
        let (mut ahead, mut ppm) = (0.0, 0.0);
        for minute in 0..minutes {
            host.ahead.push(ahead);
            if minute % 15 == 0 {
                // Its NTP client looks: it takes back in an hour what it is off, as well as it can tell.
                ppm = (-ahead / (60.0 * MINUTE) * 1e6 + 0.4 * random.normal()).clamp(-2.0, 2.0);
            }
            ahead += MINUTE * ppm * 1e-6;
        }
        host.set.extend(
            plan.incidents.iter().filter_map(|i| {
                if let What::HostSet(by) = i.what { Some((perfect(i.at), by)) } else { None }
            }),
        );
        host
    }

    /// The host's clock minus a perfect one, ns.
    pub(crate) fn ahead(&self, perfect: f64) -> f64 {
        let minute = (perfect / MINUTE).floor().clamp(0.0, self.ahead.len() as f64 - 2.0);
        let at = minute as usize;
        let kept = self.ahead[at] + (self.ahead[at + 1] - self.ahead[at]) * (perfect / MINUTE - minute);
        kept + self.set.iter().filter(|(when, _)| *when <= perfect).map(|(_, by)| by).sum::<f64>()
    }
}
