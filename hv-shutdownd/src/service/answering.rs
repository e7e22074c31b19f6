//! From a message to its answer: what surrounds it, what the host is told, and that it has left.
//!
//! A look takes [`LOOK_PATIENCE`] at most, whoever does not answer. The answer of what is then begun is followed: first until it
//! lies where the host finds it, which without room may never be, and then until the host has taken it, which nothing announces,
//! so that is asked every [`TAKEN_INTERVAL`] for [`TAKEN_PATIENCE`].

use std::time::Duration;

use futures_util::FutureExt as _;
use hv_utils_core::channel::{Link, Receipt, Request};
use hv_utils_core::wire::Status;
use hv_utils_core::wire::shutdown;
use tokio::time::{Instant, sleep_until, timeout};

use super::means::Means;
use super::task::Task;
use super::{Event, Shutdownd};
use crate::engine::{self, Refusal, Seen, Step};
use crate::history::{self, REFUSED, Row};
use crate::inhibit::{Held, now, sentence};

/// How long a look may take, for each of its questions; all are asked at once.
const LOOK_PATIENCE: Duration = Duration::from_secs(3);
/// How often it is seen whether the host has taken the answer.
const TAKEN_INTERVAL: Duration = Duration::from_millis(5);
/// For how long.
pub(super) const TAKEN_PATIENCE: Duration = Duration::from_secs(1);

/// What surrounds a request is being looked at.
#[derive(Debug)]
pub(super) struct Look {
    request: Request,
    asked: shutdown::Request,
    task: Task<Seen>,
}

/// An answer on its way out.
#[derive(Debug)]
pub(super) struct Answer {
    request: Request,
    receipt: Receipt,
    /// Something runs, and goes on at once when this has left.
    hurry: bool,
    /// Since it lies where the host finds it: when to look again, and when for the last time.
    lies: Option<(Instant, Instant)>,
}

/// What is to be known of an answer next. Cancel safe.
pub(super) async fn next(answer: &mut Option<Answer>) -> Event {
    match answer {
        Some(Answer { lies: Some((again, _)), .. }) => {
            sleep_until(*again).await;
            Event::Taken
        }
        Some(answer) => Event::Told(answer.receipt.delivered().await),
        None => std::future::pending().await,
    }
}

/// What was seen. Cancel safe.
pub(super) async fn looked(look: &mut Option<Look>) -> Seen {
    match look {
        Some(look) => look.task.ended().await.unwrap_or_else(Seen::unknown),
        None => std::future::pending().await,
    }
}

impl<M: Means> Shutdownd<M> {
    /// Does what the engine says about a request.
    pub(super) fn follow(
        &mut self,
        step: Step,
        request: Request,
        asked: Option<shutdown::Request>,
        link: &mut Link,
    ) {
        match (step, asked) {
            (Step::Refuse(refusal), asked) => self.refuse(&refusal, &request, asked.as_ref(), link),
            (Step::Look(what), Some(asked)) => {
                let task = Task::start(look(self.means.clone(), asked.action, what));
                self.look = Some(Look { request, asked, task });
            }
            (Step::Begin, Some(asked)) => self.accept(request, &asked, link),
            (Step::Upgrade, _) => self.upgrade(request, link),
            (Step::Again, _) => {
                tracing::debug!("the host asks once more for what is under way");
                link.answer(&request, Status::OK, |_| {});
            }
            // The engine reads a request before it says so.
            (Step::Look(_) | Step::Begin, None) => link.reject(&request, Status::FAIL),
        }
    }

    pub(super) fn decide(&mut self, mut seen: Seen, link: &mut Link) {
        let Some(Look { request, asked, .. }) = self.look.take() else { return };
        if link.body(&request).is_empty() {
            tracing::debug!("the host has given up its request before it was answered");
            return;
        }
        seen.objections.extend(self.inhibitors.held().iter().map(Held::sentence));
        let step = self.engine.seen(&asked, seen);
        self.follow(step, request, Some(asked), link);
    }

    fn refuse(
        &mut self,
        refusal: &Refusal,
        request: &Request,
        asked: Option<&shutdown::Request>,
        link: &mut Link,
    ) {
        let status = refusal.status();
        let what = asked.map_or("a request", |asked| asked.action.name());
        if self.log.admit(refusal.key()).is_some() {
            tracing::warn!("the host is refused {what}: {refusal} ({status})");
        }
        let Some(asked) = asked else { return link.reject(request, status) };
        link.answer(request, status, |_| {});
        let row = Row { outcome: format!("{REFUSED}{refusal}"), ..self.row(asked) };
        history::refused(&self.history, row.clone());
        if self.engine.running().is_none() {
            self.last = Some(row);
            self.publish();
        }
    }

    fn accept(&mut self, request: Request, asked: &shutdown::Request, link: &mut Link) {
        let receipt = link.answer_noted(&request, Status::OK, |_| {});
        self.answer = Some(Answer { request, receipt, hurry: false, lies: None });
        let forced = if asked.force { ", forced" } else { "" };
        tracing::info!(
            reason = format_args!("0x{:08x}", asked.reason),
            text = asked.text,
            "the host asks for: {}{forced}",
            asked.action
        );
        let row = self.row(asked);
        self.history.push(row.clone());
        self.last = Some(row);
        self.publish();
    }

    fn upgrade(&mut self, request: Request, link: &mut Link) {
        tracing::info!("the host forces what is under way: it goes on at once");
        let receipt = link.answer_noted(&request, Status::OK, |_| {});
        if let Some(last) = &mut self.last {
            last.forced = true;
            history::update(&self.history, last);
        }
        // Else the answer to the first one is still on its way: this one has followed it.
        if self.answer.is_none() {
            self.answer = Some(Answer { request, receipt, hurry: true, lies: None });
        }
        self.publish();
    }

    /// Whether the answer lies where the host finds it.
    pub(super) fn told(&mut self, delivered: bool, link: &Link) {
        let Some(answer) = &mut self.answer else { return };
        if delivered {
            let now = Instant::now();
            answer.lies = Some((now, now + self.patience));
            self.is_taken(link);
        } else if answer.hurry {
            // What it hurries was begun before.
            self.left();
        } else {
            self.answer = None;
            let _ = self.engine.told(false);
            tracing::warn!("the host could not be told that its request is accepted: nothing is begun");
            self.conclude("not begun: the host could not be told");
        }
    }

    /// Whether the host has taken it.
    pub(super) fn is_taken(&mut self, link: &Link) {
        let Some(Answer { lies: Some((again, last)), .. }) = &mut self.answer else { return };
        let now = Instant::now();
        // Without a channel nobody can take it any more.
        let gone = link.status().transport.is_none();
        if !link.taken() && !gone && now < *last {
            *again = now + TAKEN_INTERVAL;
            return;
        }
        self.left();
    }

    /// The answer has left.
    fn left(&mut self) {
        match self.answer.take() {
            Some(Answer { hurry: true, .. }) => self.hurry(),
            Some(_) if self.engine.told(true) => self.prepare(),
            _ => {}
        }
    }

    /// The daemon ends: what was not promised yet never will be, what was is done at once.
    pub(super) fn leave(&mut self, link: &mut Link) {
        if let Some(look) = self.look.take() {
            link.answer(&look.request, Refusal::Ending.status(), |_| {});
        }
        let answer = self.answer.take();
        if answer.as_ref().is_some_and(|answer| answer.hurry) {
            // What it hurries was begun before, and nobody would force it later.
            self.hurry();
        } else if let Some(mut answer) = answer
            && answer.lies.is_none()
            && answer.receipt.delivered().now_or_never() != Some(true)
        {
            link.withdraw(&answer.request, Refusal::Ending.status());
            let _ = self.engine.told(false);
            self.conclude("not begun: the daemon was stopped before the host could be told");
        }
        self.finish();
    }

    /// A request that came now.
    fn row(&self, asked: &shutdown::Request) -> Row {
        // No two have the same: that is how the history knows them.
        let newest = self.history.rows().last().map_or(0, |row| row.when);
        let now = now();
        Row::new(if now == newest { now + 1 } else { now }, asked)
    }
}

/// Looks at what surrounds a request.
async fn look(means: impl Means, action: shutdown::Action, what: engine::Look) -> Seen {
    let objections = async {
        if !what.inhibitors {
            return Vec::new();
        }
        // Who does not answer does not inhibit.
        let held = timeout(LOOK_PATIENCE, means.objections(action)).await.unwrap_or_default();
        held.iter().map(|held| sentence(&held.who, &held.why)).collect()
    };
    let hibernation = async {
        if !what.hibernation {
            return Ok(());
        }
        let asked = timeout(LOOK_PATIENCE, means.hibernation()).await;
        asked.unwrap_or_else(|_| {
            Err(format!("nobody has said in {} s whether it can", LOOK_PATIENCE.as_secs()))
        })
    };
    let busy = async {
        if !what.hibernation {
            return None;
        }
        let asked = timeout(LOOK_PATIENCE, means.busy()).await;
        asked.unwrap_or_else(|_| Some("nobody has said in time that nothing is frozen".to_owned()))
    };
    let (objections, hibernation, busy) = tokio::join!(objections, hibernation, busy);
    Seen { objections, hibernation, busy }
}
