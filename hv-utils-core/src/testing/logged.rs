//! What the thread of a test logs.

use std::fmt::Debug;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// The messages that the thread which made this logs, while it lives.
#[derive(Debug)]
#[must_use]
pub struct Logged {
    lines: Lines,
    _heard: DefaultGuard,
}

impl Logged {
    /// Messages of a crate (`hv_kvpd`), or of a part of it.
    pub fn of(target: &'static str) -> Logged {
        LazyLock::force(&LISTENERS);
        let lines = Lines { target, lines: Arc::default() };
        let _heard = set_default(lines.clone());
        Logged { lines, _heard }
    }

    /// What was logged since this was asked last.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Two that want everything, for as long as the process runs. `tracing` remembers of each place that logs whether anybody
/// wants what it says, and while only one listener is known it asks the thread that comes by first: another test's, which
/// has none. What that place says in this test would be lost.
static LISTENERS: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(Lines::default())));

#[derive(Debug, Clone, Default)]
struct Lines {
    target: &'static str,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        if event.metadata().target().starts_with(self.target) {
            event.record(&mut self.clone());
        }
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl Visit for Lines {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{value:?}"));
        }
    }
}
