//! The guest's unsteered clocks: `CLOCK_MONOTONIC_RAW`, and the partition's reference counter.
//!
//! A quartz has an error of its own (3 to 50 ppm against a true clock), which follows the temperature of the room over the
//! day (0.3 ppm) and wanders besides (a random walk of 0.002 ppm in each root second: half a ppm in a day). Where Linux
//! uses the counter for its clock the two run alike; where it uses the TSC they differ by its calibration, each
//! migration adds to that, and after each pause the two go on up to 0.3 ms apart from what they were.

use std::f64::consts::TAU;

use super::plan::{Plan, What};
use super::random::Random;
use super::{HOUR, SECOND};

/// How far the daily wave goes, ppm.
const DAILY: f64 = 0.3;
/// Random walk of the frequency, ppm per root second.
const WANDER: f64 = 0.002;

/// Both clocks at each second of running time; a line in between.
#[derive(Debug)]
pub(crate) struct Hardware {
    raw: Vec<f64>,
    counter: Vec<f64>,
    /// When the counter goes on elsewhere, and by how much.
    jumps: Vec<(f64, f64)>,
}

impl Hardware {
    pub(crate) fn new(plan: &Plan) -> Hardware {
        let mut random = Random::new(plan.seed, 3);
        let sign = if random.chance(0.5) { 1.0 } else { -1.0 };
        let mut quartz = sign * random.between(3.0, 50.0);
        let mut calibration = plan.calibration;
        let phase = random.between(0.0, TAU);
        let mut migrations = plan
            .incidents
            .iter()
            .filter_map(|i| if let What::Migrated(_, ppm) = i.what { Some((i.at, ppm)) } else { None })
            .peekable();

        let (mut raw, mut counter) =
            (random.between(10.0, 1000.0) * SECOND, random.between(1.0, 5000.0) * SECOND);
        let pauses = plan.incidents.iter().filter(|i| i.pause().is_some() && plan.calibration != 0.0);
        let jumps = pauses.map(|pause| (pause.at, random.between(-0.3e6, 0.3e6))).collect();
        let seconds = (plan.length / SECOND) as usize + 120;
        let mut hardware =
            Hardware { raw: Vec::with_capacity(seconds), counter: Vec::with_capacity(seconds), jumps };
        for second in 0..seconds {
            let at = second as f64 * SECOND;
            if let Some((_, ppm)) = migrations.next_if(|(when, _)| *when <= at) {
                quartz += ppm;
                if plan.calibration != 0.0 {
                    calibration += random.between(-1.0, 1.0);
                }
            }
            hardware.raw.push(raw);
            hardware.counter.push(counter);
            quartz += WANDER * random.normal();
            let ppm = quartz + DAILY * (TAU * at / (24.0 * HOUR) + phase).sin();
            counter += SECOND * (1.0 + ppm * 1e-6);
            raw += SECOND * (1.0 + (ppm + calibration) * 1e-6);
        }
        hardware
    }

    /// CLOCK_MONOTONIC_RAW, ns.
    pub(crate) fn raw(&self, running: f64) -> f64 {
        between(&self.raw, running)
    }

    /// The reference counter, in ns; what the guest sees of it has 100 ns ticks.
    pub(crate) fn counter(&self, running: f64) -> f64 {
        let jumped: f64 = self.jumps.iter().filter(|(at, _)| *at <= running).map(|(_, by)| by).sum();
        between(&self.counter, running) + jumped
    }
}

fn between(knots: &[f64], running: f64) -> f64 {
    let second = (running / SECOND).floor().clamp(0.0, knots.len() as f64 - 2.0);
    let at = second as usize;
    knots[at] + (knots[at + 1] - knots[at]) * (running / SECOND - second)
}
