//! What the daemon's loop has of a freeze: begins it on its thread, hears what comes of it, wants it thawed, and keeps a
//! guardian for the next one.
//!
//! Whoever comes first is heard first: the thread, the guardian, or the time that either of them has at most.

use super::prepare::{nothing_left, prepare};
use super::session::{Outcome, Telling, Wish};
use super::{Done, Ended, Event, Order, RECORD, STACK_BYTES, recover, tell};
use crate::guardian::{Guardian, Line, News};
use crate::plan::Roots;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// How long the plan and the opening of what is in it may take.
const PREPARING: Duration = Duration::from_secs(30);

/// How long after the deadline the daemon acts itself: the guardian must have by then.
const OVERDUE: Duration = Duration::from_secs(2);

/// How long a guardian has to live for another one to be started at once when it dies.
const CALM: Duration = Duration::from_secs(10);

/// Freezes and thaws, one freeze at a time.
#[derive(Debug)]
pub struct Freezer {
    run_dir: PathBuf,
    roots: Roots,
    boot_id: String,
    guardian: Option<Guardian>,
    /// When one was last started in place of another.
    replaced: Option<Instant>,
    active: Option<Active>,
    /// A freeze that was given up while a filesystem did not open.
    abandoned: Option<oneshot::Receiver<Done>>,
}

/// A freeze under way.
#[derive(Debug)]
struct Active {
    wish: Arc<Wish>,
    prepared: Option<oneshot::Receiver<Vec<String>>>,
    outcome: Option<oneshot::Receiver<(Outcome, Duration)>>,
    stuck: Option<oneshot::Receiver<()>>,
    over: oneshot::Receiver<Done>,
    ended: bool,
    time: Duration,
    /// By when it must be prepared.
    prepare_by: Instant,
    overdue: Option<Instant>,
}

impl Freezer {
    /// Ready to freeze, with a guardian. Needs a tokio runtime.
    ///
    /// # Errors
    /// No guardian can be started.
    pub fn start(run_dir: &Path, roots: Roots, boot_id: String) -> io::Result<Freezer> {
        let guardian = Guardian::start()?;
        tracing::debug!(pid = guardian.pid(), "guardian started");
        let run_dir = run_dir.to_path_buf();
        Ok(Freezer {
            run_dir,
            roots,
            boot_id,
            guardian: Some(guardian),
            replaced: None,
            active: None,
            abandoned: None,
        })
    }

    /// Whether a freeze could be guarded; starts a guardian if there is none.
    ///
    /// # Errors
    /// None can be started: the reason.
    pub fn ready(&mut self) -> Result<(), String> {
        self.line().map(drop)
    }

    /// Begins a freeze of what `planner` finds. What comes of it are events, the last is [`Event::Over`].
    ///
    /// # Errors
    /// Nothing was begun: the reason.
    pub fn begin(&mut self, order: Order) -> Result<(), String> {
        if self.active.is_some() {
            return Err("another freeze is not over".into());
        }
        if let Some(abandoned) = &mut self.abandoned
            && abandoned.try_recv() == Err(oneshot::error::TryRecvError::Empty)
        {
            return Err("an earlier freeze still waits for a filesystem that does not open".into());
        }
        let time = order.time;
        let line = self.line()?;
        let wish = Arc::new(Wish::default());
        let ((prepared, is_prepared), (outcome, reached)) = (oneshot::channel(), oneshot::channel());
        let ((stuck, is_stuck), (over, is_over)) = (oneshot::channel(), oneshot::channel());
        let (run_dir, roots) = (self.run_dir.clone(), self.roots.clone());
        let (boot_id, own) = (self.boot_id.clone(), Arc::clone(&wish));
        let work = move || {
            let path = run_dir.join(RECORD);
            let session = nothing_left(&run_dir, &roots, &boot_id)
                .and_then(|()| prepare(&order, &path, &roots, &boot_id, own));
            match session {
                Ok(session) => {
                    let mounts = (0..session.record.len()).map(|index| session.record.named(index).mount);
                    // Whoever began it may be gone.
                    let _ = prepared.send(mounts.map(|mount| mount.to_string_lossy().into_owned()).collect());
                    let finish = |guarded| {
                        let done = Done { guarded, ..tell::done(&session.record, session.lenient) };
                        recover::forget(&path);
                        // As above.
                        let _ = over.send(done);
                    };
                    session.conduct(&line, Telling { outcome, stuck }, finish);
                }
                Err(failure) => {
                    let failure = Some(failure);
                    let _ = over.send(Done { failure, guarded: true, ..Done::default() });
                }
            }
        };
        let started = thread::Builder::new().name("freeze".into()).stack_size(8 * STACK_BYTES).spawn(work);
        started.map_err(|error| format!("no thread can be started: {error}"))?;
        let (prepared, outcome, stuck) = (Some(is_prepared), Some(reached), Some(is_stuck));
        let (over, ended, overdue, prepare_by) = (is_over, false, None, Instant::now() + PREPARING);
        self.active = Some(Active { wish, prepared, outcome, stuck, over, ended, time, prepare_by, overdue });
        Ok(())
    }

    /// Has everything thawed, or what is under way ended. Nothing if nothing is.
    pub fn thaw(&self) {
        if let Some(active) = &self.active {
            active.wish.thaw();
        }
    }

    /// Waits for what comes of it. Cancel safe.
    pub async fn next(&mut self) -> Event {
        loop {
            let guardian = self.guardian.as_mut();
            let Some(active) = self.active.as_mut() else {
                let News::Dead = news(guardian).await else { continue };
                if let Some(guardian) = self.guardian.take() {
                    guardian.end();
                }
                // One that cannot live is not tried without end; the next freeze tries again.
                if self.replaced.is_none_or(|at| at.elapsed() > CALM) {
                    self.replaced = Some(Instant::now());
                    self.guardian = Guardian::start().ok();
                }
                return Event::Lost;
            };
            // In the order in which they happen: of several that are there the earliest is told first.
            tokio::select! {
                biased;
                mounts = some(&mut active.prepared) => {
                    active.prepared = None;
                    if let Ok(mounts) = mounts {
                        return Event::Prepared(mounts);
                    }
                }
                outcome = some(&mut active.outcome) => {
                    active.outcome = None;
                    if let Ok((outcome, since)) = outcome {
                        active.overdue = Some(Instant::now() + active.time.saturating_sub(since) + OVERDUE);
                        return Event::Reached(outcome, since);
                    }
                }
                stuck = some(&mut active.stuck) => {
                    active.stuck = None;
                    if stuck.is_ok() {
                        return Event::Stuck;
                    }
                }
                done = &mut active.over => {
                    self.active = None;
                    let lost = || Done { failure: Some("the thread that freezes has ended".into()), ..Done::default() };
                    let done = done.unwrap_or_else(|_| lost());
                    if !done.guarded && let Some(guardian) = self.guardian.take() {
                        // It holds nothing that is frozen, and what it still has to say belongs to what is past.
                        guardian.end();
                    }
                    return Event::Over(done);
                }
                news = news(guardian) => {
                    let ended = match news {
                        News::Thawed(ended) => ended,
                        News::Dead => {
                            if let Some(guardian) = self.guardian.take() {
                                guardian.end();
                            }
                            active.wish.unguard();
                            Ended::Guardian
                        }
                    };
                    active.wish.thaw();
                    if !std::mem::replace(&mut active.ended, true) {
                        return Event::Ended(ended);
                    }
                }
                () = sleep_until(active.prepare_by), if active.prepared.is_some() => {
                    active.wish.thaw();
                    self.abandoned = self.active.take().map(|active| active.over);
                    let failure = "a filesystem does not open: is it mounted below one that does not answer?";
                    return Event::Over(Done { failure: Some(failure.into()), ..Done::default() });
                }
                () = at(active.overdue) => {
                    active.overdue = None;
                    active.wish.thaw();
                    if !std::mem::replace(&mut active.ended, true) {
                        return Event::Ended(Ended::Deadline);
                    }
                }
            }
        }
    }

    /// Ends. A guardian that still has something to guard is left to it: it ends by itself when nothing is frozen and we are
    /// gone.
    pub fn end(&mut self) {
        if let Some(guardian) = self.guardian.take() {
            if self.active.is_some() { guardian.leave() } else { guardian.end() }
        }
    }

    fn line(&mut self) -> Result<Arc<Line>, String> {
        if self.guardian.is_none() {
            let started = Guardian::start().map_err(|error| format!("no guardian can be started: {error}"));
            self.guardian = Some(started?);
        }
        self.guardian.as_ref().map(Guardian::line).ok_or_else(|| "there is no guardian".into())
    }
}

async fn news(guardian: Option<&mut Guardian>) -> News {
    match guardian {
        Some(guardian) => guardian.news().await,
        None => std::future::pending().await,
    }
}

async fn some<T>(receiver: &mut Option<oneshot::Receiver<T>>) -> Result<T, oneshot::error::RecvError> {
    match receiver {
        Some(receiver) => receiver.await,
        None => std::future::pending().await,
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
