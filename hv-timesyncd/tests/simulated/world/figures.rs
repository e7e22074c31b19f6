//! What a run comes down to.

use super::{Incident, MINUTE, Run, SECOND, Trace, What};

/// A clock counts as right when it is nearer than this, ns.
pub(crate) const RIGHT: f64 = 100e3;

/// Times in ns; of the absolute error, each second, but for the seconds between a start or resume and the first message.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) median: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    /// The same without the three minutes after the host's clock was set, when all are wrong by as much as it was set.
    pub(crate) max_else: f64,
    /// Messages until the clock was right, and was for the next half minute: after the start, and after each pause of a
    /// minute or more. `None`: not before the next incident.
    pub(crate) start: Option<usize>,
    pub(crate) gaps: Vec<Option<usize>>,
    pub(crate) steps: usize,
    /// Steps that were made when nothing had moved time for three minutes.
    pub(crate) needless: usize,
}

impl Figures {
    pub(crate) fn of(trace: &Trace, run: &Run) -> Figures {
        let incidents = &trace.plan.incidents;
        let after = |at: f64, which: fn(&Incident) -> bool| {
            incidents.iter().any(|i| which(i) && (i.at..i.at + 3.0 * MINUTE).contains(&at))
        };
        let seen = || run.moments.iter().filter(|moment| !moment.blind);
        let mut errors: Vec<f64> = seen().map(|moment| moment.error.abs()).collect();
        errors.sort_by(f64::total_cmp);
        let rank = |part: f64| errors[((errors.len() as f64 * part) as usize).min(errors.len() - 1)];
        let set = |incident: &Incident| matches!(incident.what, What::HostSet(_));
        let long = incidents.iter().filter(|i| i.pause().is_some_and(|pause| pause >= MINUTE));
        let needless = run
            .steps
            .iter()
            .filter(|(at, _)| *at > 3.0 * MINUTE && !after(*at, Incident::moves_time))
            .count();
        Figures {
            median: rank(0.5),
            p99: rank(0.99),
            max: rank(1.0),
            max_else: seen().filter(|m| !after(m.running, set)).map(|m| m.error.abs()).fold(0.0, f64::max),
            start: right_from(trace, run, 0.0),
            gaps: long.map(|i| right_from(trace, run, i.at)).collect(),
            steps: run.steps.len(),
            needless,
        }
    }
}

/// How many messages after `from` the clock was right.
fn right_from(trace: &Trace, run: &Run, from: f64) -> Option<usize> {
    let end =
        trace.plan.incidents.iter().map(|i| i.at).filter(|at| *at > from).fold(trace.plan.length, f64::min);
    let moments: Vec<_> =
        run.moments.iter().filter(|m| m.running > from && m.running < end && !m.blind).collect();
    let right = |at: usize| {
        moments
            .iter()
            .skip(at)
            .take_while(|m| m.running < moments[at].running + 30.0 * SECOND)
            .all(|m| m.error.abs() < RIGHT)
    };
    (0..moments.len()).find(|at| right(*at)).map(|at| moments[at].messages)
}
