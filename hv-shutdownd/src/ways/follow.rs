//! Beginning it, and following what was begun until the machine is down, or is not going down any more.
//!
//! A forced order goes on to the next way when one has not led down in its time. Of all others it is found out when they are
//! called off: logind tells of it by signals, but of a schedule only by its file in `/run`; systemd by the end of its job.
//! Whatever is not heard of is over after [`LONGEST`]: what we believe to be under way must not keep the host from being
//! heard for ever. No wait here wakes up in between.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use hv_utils_core::wire::shutdown::Action;
use tokio::time::{sleep, timeout};
use zbus::MessageStream;
use zbus::wire::OwnedObjectPath;

use super::ladder::{self, Answer, Way};
use super::order::verb;
use super::schedule::Schedule;
use super::{LONGEST, Order, State, Ways, lock, logind};

/// After what was scheduled is due, logind may take so long to begin with it.
const MARGIN: Duration = Duration::from_secs(5);

/// What follows it, once it was begun.
pub(super) type Follower = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How it is known what becomes of it.
pub(super) enum Trail {
    /// By what logind tells.
    Logind(Box<Prepared>),
    /// By the end of a job of systemd's.
    Job(Box<Job>),
    /// Not at all.
    None,
}

/// Begins it: who does it, and what follows it. An error is why nobody does.
pub(super) async fn begin(ways: &Ways, order: Order, delay: Duration) -> Result<(Way, Follower), String> {
    let ours = ways.clone();
    if delay.is_zero() {
        let mut rest = ladder::ways(&ways.inner.options.root, &order);
        let (way, trail) = next(ways, &order, &mut rest).await?;
        return Ok((way, Box::pin(follow(ours, order, way, trail, rest))));
    }
    let scheduled = match ways.bus() {
        Some(bus) => logind::schedule(&bus, &order, delay).await,
        None => Answer::No("there is no bus to ask logind over".to_owned()),
    };
    match scheduled {
        Answer::Yes(trail) => {
            let follower = follow(ours, order, Way::Logind, trail, VecDeque::new());
            Ok((Way::Logind, Box::pin(follower)))
        }
        Answer::Never(why) => Err(why),
        Answer::No(why) => {
            say(ways, Way::Later, || {
                format!("logind cannot be told to do it later, we wait in its place: {why}")
            });
            Ok((Way::Later, Box::pin(later(ours, order, delay))))
        }
    }
}

/// Takes the first of these ways that leads down.
async fn next(ways: &Ways, order: &Order, rest: &mut VecDeque<Way>) -> Result<(Way, Trail), String> {
    let mut reasons = Vec::new();
    while let Some(way) = rest.pop_front() {
        match ladder::ask(ways, way, order).await {
            Answer::Yes(trail) => return Ok((way, trail)),
            Answer::Never(why) => return Err(why),
            Answer::No(why) => {
                let what = verb(order.action);
                say(ways, way, || format!("the machine does not {what} by {way}: {why}"));
                reasons.push(format!("{way}: {why}"));
            }
        }
    }
    Err(reasons.join("; "))
}

/// Once in a while for each way.
fn say(ways: &Ways, way: Way, what: impl FnOnce() -> String) {
    if lock(&ways.inner.said).admit(way.key()).is_some() {
        tracing::warn!("{}", what());
    }
}

/// Waits in logind's place.
async fn later(ways: Ways, order: Order, delay: Duration) {
    sleep(delay).await;
    let mut rest = ladder::ways(&ways.inner.options.root, &order);
    match next(&ways, &order, &mut rest).await {
        Ok((way, trail)) => {
            tracing::info!("{}: begun by {way}", order.action);
            follow(ways, order, way, trail, rest).await;
        }
        Err(why) => {
            tracing::error!("what was to be done after {} s is not done: {why}", delay.as_secs());
            ways.inner.state.send_replace(State::Over);
        }
    }
}

async fn follow(ways: Ways, order: Order, mut way: Way, mut trail: Trail, mut rest: VecDeque<Way>) {
    if order.insists() {
        let patience = ways.inner.options.force_escalation;
        loop {
            let ended = timeout(patience, trail.end(&ways, order.action)).await.is_ok();
            if rest.is_empty() {
                break;
            }
            let since =
                if ended { "and it has ended".to_owned() } else { format!("{} s later", patience.as_secs()) };
            tracing::warn!("the machine is still up, begun by {way}, {since}: the next way is taken");
            match next(&ways, &order, &mut rest).await {
                Ok(another) => (way, trail) = another,
                Err(why) => {
                    tracing::error!("no way has led down: {why}");
                    break;
                }
            }
        }
    } else {
        let longest = trail.delay() + LONGEST;
        let _ = timeout(longest, trail.end(&ways, order.action)).await;
    }
    ways.inner.state.send_replace(State::Over);
}

impl Trail {
    /// How much later it begins.
    fn delay(&self) -> Duration {
        match self {
            Self::Logind(prepared) => prepared.delay.unwrap_or_default(),
            Self::Job(_) | Self::None => Duration::ZERO,
        }
    }

    /// Until it is known that the machine does not go down any more.
    async fn end(&mut self, ways: &Ways, action: Action) {
        match self {
            Self::Logind(prepared) => prepared.end(ways).await,
            Self::Job(job) => job.end(action).await,
            Self::None => std::future::pending().await,
        }
    }
}

/// What logind was asked for.
pub(super) struct Prepared {
    signals: MessageStream,
    /// It was scheduled, for then.
    delay: Option<Duration>,
    /// It has begun.
    active: bool,
}

impl Prepared {
    /// `signals` are from before it was asked.
    pub(super) fn new(signals: MessageStream, delay: Option<Duration>) -> Box<Self> {
        Box::new(Self { signals, delay, active: false })
    }

    async fn end(&mut self, ways: &Ways) {
        let schedule = self.delay.and_then(|_| Schedule::watch(&ways.inner.options.root).ok());
        let changed = async || match &schedule {
            Some(schedule) => schedule.changed().await,
            None => std::future::pending().await,
        };
        let mut due = Box::pin(sleep(self.delay.unwrap_or_default() + MARGIN));
        let mut is_due = self.delay.is_none();
        // It may have been called off before we looked.
        let mut look = self.delay.is_some();
        loop {
            if look && self.is_off(ways).await {
                return;
            }
            look = tokio::select! {
                signal = self.signals.next() => match signal {
                    Some(Ok(signal)) if self.has_ended(&signal) => return,
                    Some(Ok(_)) => false,
                    Some(Err(_)) | None => self.listen_anew(ways).await,
                },
                () = changed() => true,
                () = &mut due, if !is_due => {
                    is_due = true;
                    true
                }
            };
        }
    }

    /// Whether this says that what has begun is over. A `false` of something before is not meant.
    fn has_ended(&mut self, signal: &zbus::Message) -> bool {
        let header = signal.header();
        let member = header.member().map(zbus::names::MemberName::as_str);
        if !matches!(member, Some("PrepareForShutdown" | "PrepareForSleep")) {
            return false;
        }
        let begins = signal.body().deserialize::<bool>().unwrap_or(true);
        let ended = self.active && !begins;
        self.active |= begins;
        ended
    }

    /// Whether logind has it in mind no more.
    async fn is_off(&self, ways: &Ways) -> bool {
        let Some(bus) = ways.bus() else { return false };
        matches!(logind::is_about_to(&bus).await, Ok(false))
    }

    /// The bus has gone: once there is another. What was told meanwhile has to be looked at.
    async fn listen_anew(&mut self, ways: &Ways) -> bool {
        let mut buses = ways.inner.bus.subscribe();
        loop {
            let bus = buses.borrow_and_update().clone();
            if let Some(bus) = bus
                && let Ok(signals) = logind::signals(&bus).await
            {
                self.signals = signals;
                return true;
            }
            if buses.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

/// A job of systemd's.
pub(super) struct Job {
    ends: MessageStream,
    path: OwnedObjectPath,
}

/// What JobRemoved tells: number, path, unit, result.
type Removed = (u32, OwnedObjectPath, String, String);

impl Job {
    /// `ends` are from before it was asked for.
    pub(super) fn new(ends: MessageStream, path: OwnedObjectPath) -> Box<Self> {
        Box::new(Self { ends, path })
    }

    async fn end(&mut self, action: Action) {
        while let Some(Ok(end)) = self.ends.next().await {
            let Ok((_, path, _, result)) = end.body().deserialize::<Removed>() else { continue };
            // A target that is reached is a machine that is as good as down, or awake again.
            if path == self.path && (result != "done" || action == Action::Hibernate) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}
