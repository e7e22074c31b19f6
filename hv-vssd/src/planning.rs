//! Plans on a thread of their own: what the kernel shows of mounts can take as long as the slowest of them.
//!
//! One at a time for the host's questions and for freezes, and another one for everybody else: whoever may only look must
//! not be able to keep the host from its backup. While a plan hangs there is no other of its kind, and no thread more.

use crate::plan::{self, Plan, Roots, Rules};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

/// How long a plan may take before it is given up: the kernel answers the host itself after 30 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks whether the plan before this one is made.
const LOOK: Duration = Duration::from_millis(5);

/// Enough for a path of many components in each of many mounts.
const STACK_BYTES: usize = 512 * 1024;

/// Who wants a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// The host, or a freeze.
    Freeze,
    /// Somebody who wants to see it.
    Sight,
}

/// See the module. Clones share the threads.
#[derive(Debug, Clone)]
pub(crate) struct Planning {
    roots: Roots,
    freeze: Arc<AtomicBool>,
    sight: Arc<AtomicBool>,
}

impl Planning {
    pub(crate) fn new(roots: Roots) -> Planning {
        Planning { roots, freeze: Arc::default(), sight: Arc::default() }
    }

    /// Makes a plan, with a sentence in its place where that takes too long.
    pub(crate) async fn plan(self, rules: Rules, purpose: For) -> Result<Plan, String> {
        let (answer, answered) = oneshot::channel();
        let busy = if purpose == For::Freeze { &self.freeze } else { &self.sight };
        let began = Instant::now();
        while busy.swap(true, SeqCst) {
            if began.elapsed() > PATIENCE {
                return Err(hangs());
            }
            sleep(LOOK).await;
        }
        let (busy, roots) = (Arc::clone(busy), self.roots.clone());
        let theirs = Arc::clone(&busy);
        let work = move || {
            let plan = make(&roots, &rules);
            theirs.store(false, SeqCst);
            // Whoever wanted it may have given up.
            let _ = answer.send(plan);
        };
        if let Err(error) = thread::Builder::new().name("plan".into()).stack_size(STACK_BYTES).spawn(work) {
            busy.store(false, SeqCst);
            return Err(format!("no thread can be started: {error}"));
        }
        match timeout(PATIENCE, answered).await {
            Ok(Ok(plan)) => plan,
            _ => Err(hangs()),
        }
    }

    /// The same at once, for a thread that may wait; the first time `known`, if there is one that is still fresh.
    pub(crate) fn here(
        &self,
        rules: Rules,
        known: Option<Plan>,
    ) -> impl Fn() -> Result<Plan, String> + Send + 'static {
        let (roots, known) = (self.roots.clone(), Mutex::new(known));
        move || match known.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(plan) => Ok(plan),
            None => make(&roots, &rules),
        }
    }
}

fn make(roots: &Roots, rules: &Rules) -> Result<Plan, String> {
    plan::make(roots, rules)
        .map_err(|error| format!("which filesystems there are cannot be found out: {error}"))
}

fn hangs() -> String {
    "which filesystems there are cannot be found out: the kernel does not answer about one of the mounts"
        .into()
}
