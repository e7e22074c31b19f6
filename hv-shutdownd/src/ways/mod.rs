//! How the guest goes down, and who has a say in it: from the one who does it best to the one who is always there.
//!
//! logind, which hears inhibitors and tells everybody; systemd's manager; the command of another init; and where nothing may
//! stand in its way systemd without waiting for services, and at last the system call. Which of them there are is looked at
//! when it matters. Everything is bounded in time: who does not answer is passed over. What was begun is followed, so that it
//! is known when it is called off. Nothing here decides whether the host's request is granted. Why it is so:
//! docs/adr/0013-how-a-guest-goes-down.md.

mod busy;
mod calls;
mod follow;
mod hibernation;
mod init;
mod kernel;
mod ladder;
mod logind;
mod manager;
mod order;
mod schedule;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hv_utils_core::channel::OncePer;
use hv_utils_core::hooks::Left;
use hv_utils_core::wire::shutdown::Action;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zbus::Connection;

use kernel::Kernel;
pub use ladder::Way;
pub use logind::Objection;
pub use order::{Begun, Order};

/// How long any of them may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long whoever only has to say what it knows may take: a host waits for us.
const GLANCE: Duration = Duration::from_secs(2);
/// After so long what was begun, and of which nothing was heard, is taken for over: whoever asks again is heard again.
const LONGEST: Duration = Duration::from_secs(600);
/// The same way is said not to lead down once in so long.
const SAID: Duration = Duration::from_secs(60);

/// How the ways are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What stands for `/sys`.
    pub sysfs_root: PathBuf,
    /// What stands for `/proc`.
    pub proc_root: PathBuf,
    /// Where hv-vssd's record of its last freeze is.
    pub run_dir: PathBuf,
    /// Nothing is done; it is only said what would be.
    pub print: bool,
    /// A forced request takes the next way if the machine is still up so long after one has said yes
    /// (`force-escalation-secs`).
    pub force_escalation: Duration,
    /// Below which `sbin` and `run` lie: `/`. For tests.
    #[doc(hidden)]
    pub root: PathBuf,
}

/// Nothing is done unless that is said.
impl Default for Options {
    fn default() -> Self {
        Self {
            sysfs_root: "/sys".into(),
            proc_root: "/proc".into(),
            run_dir: "/run/hv-utils".into(),
            print: true,
            force_escalation: Duration::from_secs(60),
            root: "/".into(),
        }
    }
}

/// What became of what was begun last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Nothing was begun.
    #[default]
    Nothing,
    /// It goes on.
    Begun,
    /// It was called off, has failed, or is behind us; nobody has been told yet.
    Over,
}

#[derive(Debug)]
struct Inner {
    options: Options,
    bus: watch::Sender<Option<Connection>>,
    state: watch::Sender<State>,
    kernel: Kernel,
    /// What follows what was begun.
    follower: Mutex<Option<JoinHandle<()>>>,
    /// What init's command has left running.
    left: Mutex<Option<Left>>,
    /// Which ways were said not to lead down.
    said: Mutex<OncePer>,
}

/// The ways down. Clones are the same.
#[derive(Debug, Clone)]
pub struct Ways {
    inner: Arc<Inner>,
}

impl Ways {
    /// Nothing is looked for yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self::with_kernel(options, Kernel::default())
    }

    fn with_kernel(options: Options, kernel: Kernel) -> Self {
        let inner = Inner {
            options,
            bus: watch::Sender::new(None),
            state: watch::Sender::default(),
            kernel,
            follower: Mutex::default(),
            left: Mutex::default(),
            said: Mutex::new(OncePer::new(SAID)),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The bus that the daemon is on now.
    pub fn over(&self, bus: Connection) {
        self.inner.bus.send_replace(Some(bus));
    }

    /// Who says no to it: logind's block inhibitors. Empty if nobody can say.
    pub async fn objections(&self, action: Action) -> Vec<Objection> {
        let Some(bus) = self.bus() else { return Vec::new() };
        logind::objections(&bus, action).await
    }

    /// Whether the machine could hibernate now, and wake up again with its integration components in place.
    ///
    /// # Errors
    /// Why it could not: a sentence.
    pub async fn hibernation(&self) -> Result<(), String> {
        hibernation::possible(&self.inner.options, self.bus().as_ref()).await
    }

    /// What in the guest must not be interrupted by a hibernation, as a sentence: a frozen filesystem, a file that is being
    /// copied. Only daemons that run are asked; what one has left frozen is in its record.
    pub async fn busy(&self) -> Option<String> {
        let said = match self.bus() {
            Some(bus) => busy::what(&bus).await,
            None => None,
        };
        said.or_else(|| busy::left(&self.inner.options))
    }

    /// Has the guest go down: returns when somebody has taken it upon himself. What was begun before is not followed any
    /// more.
    ///
    /// # Errors
    /// Nobody does it, or somebody may object and does: a sentence.
    pub async fn act(&self, order: Order) -> Result<Begun, String> {
        let delay = order.delay();
        if self.inner.options.print {
            return Ok(Begun { action: order.action, by: Way::Print, delay });
        }
        if let Some(follower) = lock(&self.inner.follower).take() {
            follower.abort();
        }
        self.inner.state.send_replace(State::Nothing);
        let (by, follower) = follow::begin(self, order.clone(), delay).await?;
        self.inner.state.send_replace(State::Begun);
        let follower = tokio::spawn(follower);
        *lock(&self.inner.follower) = Some(follower);
        Ok(Begun { action: order.action, by, delay })
    }

    /// Until what was begun last was called off, has failed or is behind us: `shutdown -c`, a job of systemd's that failed, a
    /// machine that is awake again. Told once. Cancel safe.
    pub async fn cancelled(&self) {
        let mut state = self.inner.state.subscribe();
        // We have the sender.
        let _ = state.wait_for(|state| *state == State::Over).await;
        self.inner.state.send_if_modified(|state| {
            let over = *state == State::Over;
            if over {
                *state = State::Nothing;
            }
            over
        });
    }

    fn bus(&self) -> Option<Connection> {
        self.inner.bus.borrow().clone()
    }
}

/// What a panic has left is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
