//! One configuration that the host wants, as far as hv-netapply's answer; and what is said after the host has its own.
//!
//! Bounded in every direction: the kernel gives a request up after 30 seconds, and nobody knows how long hosts wait. Two
//! seconds before our answer is due, hv-netapply has to have its own; when it does not, the socket is closed, which
//! undoes what was done.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hv_utils_core::netapply::{Failed, Injection, Kind, Reply, Request, Step};
use hv_utils_core::wire::Status;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::conversation::{Conversation, Trouble};

/// From the host's request to our answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(24);
/// How much earlier hv-netapply has to be done: it may have to undo everything first.
const MARGIN: Duration = Duration::from_secs(2);
/// How long another change may take to end before this one begins; a host sends the next adapter's configuration as soon
/// as it has the answer to the first.
const BUSY: Duration = Duration::from_secs(8);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the next instance is looked for where one died over a confirmation.
const AGAIN: Duration = Duration::from_secs(4);
/// How long hv-netapply may take to note that it may stay, or to undo it.
const SETTLE: Duration = Duration::from_secs(30);

/// Why an adapter is not configured as the host wants it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// There was no answer.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// It was not done.
    #[error(transparent)]
    Failed(#[from] Failed),
}

impl Failure {
    /// What the host is told.
    pub(crate) fn status(&self) -> Status {
        match self {
            Failure::Failed(failed) => match failed.kind {
                Kind::NoSuchAdapter => Status::NOT_FOUND,
                Kind::Invalid => Status::INVALID_ARG,
                Kind::NotSupported => Status::NOT_SUPPORTED,
                Kind::Busy
                | Kind::NothingPromised
                | Kind::NothingToRevert
                | Kind::NotApplied
                | Kind::NotUndone => Status::FAIL,
            },
            Failure::Trouble(_) => Status::FAIL,
        }
    }

    /// The kind, by which failures are told apart in the log.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Failure::Failed(failed) => match failed.kind {
                Kind::NoSuchAdapter => "no such adapter",
                Kind::Invalid => "invalid",
                Kind::NotSupported => "not supported",
                Kind::Busy => "busy",
                Kind::NothingPromised => "nothing promised",
                Kind::NothingToRevert => "nothing to revert",
                Kind::NotApplied => "not applied",
                Kind::NotUndone => "not undone",
            },
            Failure::Trouble(Trouble::Absent { .. }) => "absent",
            Failure::Trouble(Trouble::Local(_)) => "no socket",
            Failure::Trouble(Trouble::Cut(_)) => "cut",
            Failure::Trouble(Trouble::Unreadable) => "unreadable",
            Failure::Trouble(Trouble::Late) => "late",
        }
    }

    /// Whether hv-netapply died over it: what it had begun is undone by the next one, which somebody has to start.
    pub(crate) fn is_cut(&self) -> bool {
        matches!(self, Failure::Trouble(Trouble::Cut(_)))
    }
}

/// What became of it: the conversation in which it is to be settled, and what was done.
pub(crate) type Applied = Result<(Conversation, Step), Failure>;

/// Whether what was applied may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The host knows.
    Stays,
    /// The host could not be told.
    Goes,
}

/// Has it applied, for a request that came at `begin`. The conversation goes on: it ends with [`settle`], or by being
/// dropped.
pub(crate) async fn apply(socket: PathBuf, injection: Injection, begin: Instant) -> Applied {
    let end = begin + PATIENCE;
    match timeout_at(end, apply_before(&socket, injection, begin)).await {
        Ok(result) => result,
        Err(_) => Err(Trouble::Late.into()),
    }
}

async fn apply_before(socket: &Path, injection: Injection, begin: Instant) -> Applied {
    let called = Instant::now();
    loop {
        let conversation = Conversation::open(socket)?;
        let left = PATIENCE.saturating_sub(begin.elapsed()).saturating_sub(MARGIN);
        let within_ms = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
        let request = Request::Apply { injection: injection.clone(), within_ms };
        match conversation.ask(&request).await? {
            Reply::Applied(step) => return promised(conversation, step).await,
            Reply::Failed(failed) if failed.kind == Kind::Busy && called.elapsed() < BUSY => {}
            Reply::Failed(failed) => return Err(failed.into()),
            Reply::Done => return Err(Trouble::Unreadable.into()),
        }
        drop(conversation);
        sleep(PAUSE).await;
    }
}

/// Makes it stay before the host is told: a death in between must not make the answer untrue.
async fn promised(conversation: Conversation, step: Step) -> Applied {
    match conversation.ask(&Request::Promise).await? {
        Reply::Done => Ok((conversation, step)),
        Reply::Failed(failed) => Err(failed.into()),
        Reply::Applied(_) => Err(Trouble::Unreadable.into()),
    }
}

/// Says what became of the answer, and waits until that is noted. It was promised before the host was told, so where
/// hv-netapply dies over this, the next one only has to be started; or to be told that the host does not know.
pub(crate) async fn settle(
    socket: PathBuf,
    conversation: Conversation,
    verdict: Verdict,
) -> Result<(), Failure> {
    let (first, again) = match verdict {
        Verdict::Stays => (Request::Confirm, Request::Resume),
        Verdict::Goes => (Request::Cancel, Request::Cancel),
    };
    match done(conversation, &first, SETTLE).await {
        Err(failure) if failure.is_cut() => say_again(&socket, &again, failure).await,
        other => other,
    }
}

async fn say_again(socket: &Path, request: &Request, cut: Failure) -> Result<(), Failure> {
    let end = Instant::now() + AGAIN;
    while Instant::now() < end {
        // Where nothing restarts it nobody listens at first.
        if let Ok(conversation) = Conversation::open(socket) {
            match done(conversation, request, SETTLE).await {
                Err(failure) if failure.is_cut() => {}
                other => return other,
            }
        }
        sleep(PAUSE).await;
    }
    Err(cut)
}

/// Asks for something that is answered by [`Reply::Done`], within `patience`.
pub(crate) async fn done(
    conversation: Conversation,
    request: &Request,
    patience: Duration,
) -> Result<(), Failure> {
    match timeout(patience, conversation.ask(request)).await {
        Ok(Ok(Reply::Done)) => Ok(()),
        Ok(Ok(Reply::Failed(failed))) => Err(failed.into()),
        Ok(Ok(Reply::Applied(_))) => Err(Trouble::Unreadable.into()),
        Ok(Err(trouble)) => Err(trouble.into()),
        Err(_) => Err(Trouble::Late.into()),
    }
}
