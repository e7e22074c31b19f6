//! Announces on the bus what changes and what happens, from a task of its own.
//!
//! Properties may change faster than the bus takes it; then what was between is left out. While bytes of a copy come this
//! task looks once a second how far it is; without one, and while none come, it sleeps.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use zbus::object_server::SignalEmitter;
use zbus::{Connection, Variant, fdo};

use super::board::{Board, News, Shown};
use super::filecopy1::{ActiveShown, FILECOPY1, FileCopy1, active};

/// Between two announcements of how far a copy is.
const PERIOD: Duration = Duration::from_secs(1);

/// The task; ends with the value, and with it what it holds of its connection.
#[derive(Debug)]
pub struct Publisher(JoinHandle<()>);

impl Publisher {
    /// Begins to announce on `path` what differs, and what happens, from now on. One at a time. Needs a tokio runtime.
    #[must_use]
    pub fn start(bus: Connection, path: &'static str, board: Board) -> Publisher {
        // Here and not in the task: what changes before that begins is told.
        let mut shown = board.subscribe();
        let told = Told::of(&shown.borrow_and_update(), &board);
        board.forget_news();
        Publisher(tokio::spawn(publish(bus, path, board, shown, told)))
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the bus knows.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    enabled: bool,
    roots: Vec<String>,
    active: ActiveShown,
    /// Bytes of the copy under way that were here then.
    done: u64,
    /// When to look how far the copy is; `None` without one, and while it does not go on.
    look: Option<Instant>,
}

impl Told {
    fn of(shown: &Shown, board: &Board) -> Told {
        let done = board.done();
        Told {
            enabled: shown.enabled,
            roots: shown.roots.clone(),
            active: active(shown.active.as_ref(), done),
            done,
            look: shown.active.is_some().then(|| Instant::now() + PERIOD),
        }
    }
}

async fn publish(
    bus: Connection,
    path: &'static str,
    board: Board,
    mut shown: watch::Receiver<Shown>,
    mut told: Told,
) {
    let Ok(emitter) = SignalEmitter::new(&bus, path) else { return };
    loop {
        let sent = tokio::select! {
            biased;
            news = board.news() => announce(&emitter, news).await,
            changed = shown.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = Told::of(&shown.borrow_and_update(), &board);
                tell(&emitter, &std::mem::replace(&mut told, now.clone()), &now).await
            }
            () = look(&told, &board) => {
                let mut now = Told::of(&shown.borrow(), &board);
                if now.done == told.done {
                    now.look = None;
                }
                tell(&emitter, &std::mem::replace(&mut told, now.clone()), &now).await
            }
        };
        if sent.is_err() && bus.is_closed() {
            return;
        }
    }
}

/// Until the copy may be further than the bus knows.
async fn look(told: &Told, board: &Board) {
    match told.look {
        Some(look) => sleep_until(look).await,
        None => board.differs(told.done).await,
    }
}

async fn announce(emitter: &SignalEmitter<'_>, news: News) -> zbus::Result<()> {
    match news {
        News::Started(target, size) => FileCopy1::started(emitter, &target, size).await,
        News::Finished(row) => FileCopy1::finished(emitter, &row.target, row.size, &row.result).await,
    }
}

async fn tell(emitter: &SignalEmitter<'_>, before: &Told, now: &Told) -> zbus::Result<()> {
    let mut changed = HashMap::new();
    if before.enabled != now.enabled {
        changed.insert("Enabled", Variant::from(now.enabled));
    }
    if before.roots != now.roots {
        changed.insert("Roots", Variant::from(now.roots.clone()));
    }
    if before.active != now.active {
        changed.insert("Active", Variant::from(now.active.clone()));
    }
    if changed.is_empty() {
        return Ok(());
    }
    let interface = zbus::names::InterfaceName::from_static_str_unchecked(FILECOPY1);
    fdo::Properties::properties_changed(emitter, interface, changed, Cow::Borrowed(&[])).await
}
