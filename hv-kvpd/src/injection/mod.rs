//! Configuring adapters as the host wants it: hv-netapply does it, the host is told what became of it, and only what the
//! host was told stays.
//!
//! ```text
//!  host ── SET_IP_INFO ──► engine ── Injection ──► Injector ── Apply ──────► hv-netapply
//!       ◄── status ─────────────────────────────── ........ ◄─ Applied ─────
//!                               answer in the ring? yes: Confirm, no: Cancel ►
//! ```
//!
//! What a message means is [`crate::engine`]'s, what is done to the machine hv-netapply's. One change is under way at a
//! time: a request that comes while another is not settled either ended that one, or waits a moment for it. A daemon that
//! dies here leaves a closed socket, and that undoes what nobody confirmed.

mod attempt;
mod conversation;
mod history;
mod pauses;
mod resume;
mod telling;

use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hv_utils_core::bus::{Authority, Error};
use hv_utils_core::channel::{Link, OncePer, Request};
use hv_utils_core::daemon::CommonArgs;
use hv_utils_core::netapply::{self, History, Injection, Kind, RESUME, SOCKET, Step};
use hv_utils_core::wire::Status;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use crate::bus::network1::Injected;
use crate::engine::Refused;
use attempt::{Applied, Failure, Verdict, apply, done, settle};
use conversation::Conversation;
pub(crate) use history::Records;
use resume::Resumer;
use telling::{Fate, Telling, told};

/// How long a kind of failure that is known is only counted.
const LOG_INTERVAL: Duration = Duration::from_secs(3600);
/// How long an answer may wait for room in the ring when this daemon ends.
const ROOM: Duration = Duration::from_secs(2);
/// How long the end of the daemon waits for what the host was told to be confirmed.
const END: Duration = Duration::from_secs(3);
/// How long hv-netapply may take to bring something back because somebody asked for it.
const REVERT: Duration = Duration::from_secs(60);

/// What the service hands back to [`Injector::handle`].
#[derive(Debug)]
pub(crate) enum Event {
    /// hv-netapply is done, or is not.
    Applied(Applied),
    /// What became of the answer that says so.
    Told(Fate),
    /// What the host was told, or was not, has been settled.
    Settled(Result<Settled, JoinError>),
}

/// How a change ended.
#[derive(Debug)]
pub(crate) struct Settled {
    adapter: String,
    step: Step,
    verdict: Verdict,
    outcome: Result<(), Failure>,
}

/// A change that hv-netapply is at.
struct Applying {
    request: Request,
    since: Instant,
    adapter: String,
    work: Pin<Box<dyn Future<Output = Applied> + Send>>,
}

impl fmt::Debug for Applying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Applying").field("request", &self.request).finish_non_exhaustive()
    }
}

/// The host's changes of this machine's adapters.
#[derive(Debug)]
pub(crate) struct Injector {
    socket: PathBuf,
    records: Arc<Records>,
    applying: Option<Applying>,
    telling: Option<Telling>,
    settling: JoinSet<Settled>,
    resumer: Resumer,
    log: OncePer,
}

impl Injector {
    /// Ready for the host; also has hv-netapply go on with what was cut short before. Needs a tokio runtime.
    pub(crate) fn start(common: &CommonArgs) -> Injector {
        let socket = common.run_dir.join(SOCKET);
        let directory = common.state_dir.join("hv-netapply");
        Injector {
            records: Records::follow(&directory),
            resumer: Resumer::start(socket.clone(), directory.join(RESUME)),
            socket,
            applying: None,
            telling: None,
            settling: JoinSet::new(),
            log: OncePer::new(LOG_INTERVAL),
        }
    }

    /// What has been injected, for the bus; and the way to undo it, for whom `authority` allows it.
    pub(crate) fn injected(&self, authority: Authority) -> Injected {
        Injected { records: Arc::clone(&self.records), socket: self.socket.clone(), authority }
    }

    /// What has been injected, now and whenever that differs.
    pub(crate) fn records(&self) -> watch::Receiver<History> {
        self.records.subscribe()
    }

    /// Refuses a request, and says why once.
    pub(crate) fn refuse(&mut self, request: &Request, refused: &Refused, link: &mut Link) {
        if let Some(before) = self.log.admit(refused.kind()) {
            tracing::warn!(
                unlogged_before = (before > 0).then_some(before),
                "an adapter is not configured: {refused}"
            );
        }
        link.answer(request, refused.status(), |_| {});
    }

    /// Begins what the host has wanted since then. Whatever was under way before is ended by it: the host has given it up.
    pub(crate) fn begin(&mut self, request: Request, injection: Injection, since: Instant) {
        if let Some(abandoned) = self.applying.take()
            && let Some(before) = self.log.admit("asked anew")
        {
            let adapter = abandoned.adapter;
            tracing::info!(
                unlogged_before = (before > 0).then_some(before),
                adapter,
                "the host asks anew; what was under way is undone"
            );
        }
        let adapter = injection.adapter.clone();
        tracing::debug!(adapter, "the host configures an adapter");
        let work = Box::pin(apply(self.socket.clone(), injection, since));
        self.applying = Some(Applying { request, since, adapter, work });
    }

    /// Waits for something to handle. Cancel safe.
    pub(crate) async fn next(&mut self) -> Event {
        tokio::select! {
            biased;
            fate = told(self.telling.as_mut()) => Event::Told(fate),
            outcome = applied(self.applying.as_mut()) => Event::Applied(outcome),
            Some(settled) = self.settling.join_next() => Event::Settled(settled),
        }
    }

    /// Handles it.
    pub(crate) fn handle(&mut self, event: Event, link: &mut Link) {
        match event {
            Event::Applied(outcome) => {
                let Some(applying) = self.applying.take() else { return };
                match outcome {
                    Ok((conversation, step)) => self.tell(applying, conversation, step, link),
                    Err(failure) => self.fail(&applying, &failure, link),
                }
            }
            Event::Told(fate) => self.settle(fate, link),
            Event::Settled(settled) => self.settled(settled),
        }
    }

    /// Leaves nothing half done: what hv-netapply is still at is undone, and what the host was told is confirmed.
    pub(crate) async fn stop(&mut self, link: &mut Link) {
        if let Some(applying) = self.applying.take() {
            tracing::info!(adapter = applying.adapter, "stopping: what the host wanted of it is undone");
            link.answer(&applying.request, Status::FAIL, |_| {});
        }
        if self.telling.is_some() {
            let _ = timeout(ROOM, link.flush()).await;
            self.settle_now(link);
        }
        let all = async {
            while let Some(settled) = self.settling.join_next().await {
                self.settled(settled);
            }
        };
        if timeout(END, all).await.is_err() {
            tracing::warn!("hv-netapply does not answer: ending without it");
        }
    }

    /// It is done: the host learns it, and it stays only if the host does.
    fn tell(&mut self, applying: Applying, conversation: Conversation, step: Step, link: &mut Link) {
        tracing::debug!(adapter = applying.adapter, "hv-netapply is done; the host is told");
        self.settle_now(link);
        let receipt = link.answer_noted(&applying.request, Status::OK, |_| {});
        self.telling = Some(Telling::new(applying, receipt, conversation, step));
    }

    /// Settles what the host is still being told, as things are.
    fn settle_now(&mut self, link: &mut Link) {
        if let Some(telling) = &mut self.telling {
            let fate = telling.now();
            self.settle(fate, link);
        }
    }

    /// What the host knows stays; what it may never read is taken out of its way and undone.
    fn settle(&mut self, fate: Fate, link: &mut Link) {
        let Some(Telling { request, adapter, step, conversation, .. }) = self.telling.take() else { return };
        if fate == Fate::Waits {
            link.withdraw(&request, Status::FAIL);
        }
        let verdict = if fate == Fate::Given { Verdict::Stays } else { Verdict::Goes };
        let socket = self.socket.clone();
        self.settling.spawn(async move {
            let outcome = settle(socket, conversation, verdict).await;
            Settled { adapter, step, verdict, outcome }
        });
    }

    fn settled(&mut self, settled: Result<Settled, JoinError>) {
        // hv-netapply has noted it by now; the watch may not have told yet.
        self.records.read();
        let Ok(Settled { adapter, step, verdict, outcome }) = settled else { return };
        if verdict == Verdict::Goes
            && let Some(before) = self.log.admit("not told")
        {
            tracing::warn!(
                unlogged_before = (before > 0).then_some(before),
                adapter,
                "the host has not waited for its answer: what it wanted of an adapter is undone"
            );
        }
        match outcome {
            Ok(()) if verdict == Verdict::Stays => {
                let Step { interface, backend, pending } = step;
                tracing::info!(interface, backend, pending, adapter, "the host has configured an adapter");
            }
            Ok(()) => {}
            Err(failure) => self.not_settled(verdict, &failure),
        }
    }

    fn not_settled(&mut self, verdict: Verdict, failure: &Failure) {
        let (kind, what) = match verdict {
            Verdict::Stays => ("not confirmed", "the host was told of a configuration that may not stay"),
            Verdict::Goes => ("not undone at the end", "a configuration may not have been undone"),
        };
        if let Some(before) = self.log.admit(kind) {
            tracing::error!(unlogged_before = (before > 0).then_some(before), "{what}: {failure}");
        }
        if failure.is_cut() {
            self.resumer.was_cut();
        }
    }

    fn fail(&mut self, applying: &Applying, failure: &Failure, link: &mut Link) {
        if let Some(before) = self.log.admit(failure.kind()) {
            let adapter = &applying.adapter;
            tracing::warn!(
                unlogged_before = (before > 0).then_some(before),
                adapter,
                "an adapter is not configured: {failure}"
            );
        }
        if failure.is_cut() {
            self.resumer.was_cut();
        }
        link.answer(&applying.request, failure.status(), |_| {});
    }
}

async fn applied(applying: Option<&mut Applying>) -> Applied {
    match applying {
        Some(applying) => applying.work.as_mut().await,
        None => std::future::pending().await,
    }
}

/// Has hv-netapply bring back what was before the last injection that stands.
///
/// # Errors
/// As D-Bus shows them.
pub(crate) async fn revert(socket: &Path) -> Result<(), Error> {
    let request = netapply::Request::Revert { interface: None };
    let outcome = match Conversation::open(socket) {
        Ok(conversation) => done(conversation, &request, REVERT).await,
        Err(trouble) => Err(trouble.into()),
    };
    outcome.map_err(|failure| match &failure {
        Failure::Failed(failed) => match failed.kind {
            Kind::NothingToRevert => Error::NothingToRevert(failed.message.clone()),
            Kind::Busy => Error::Busy(failed.message.clone()),
            Kind::NotSupported => Error::NotSupported(failed.message.clone()),
            _ => Error::Failed(failed.message.clone()),
        },
        Failure::Trouble(trouble) => Error::Failed(trouble.to_string()),
    })
}

#[cfg(test)]
mod tests;
