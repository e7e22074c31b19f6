//! Plans on a thread of their own: what the kernel shows of mounts can take as long as the slowest of them.
//!
//! One at a time: while a plan hangs there is no other, and no thread more.

use crate::plan::{self, Plan, Roots, Rules};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a plan may take before it is given up: the kernel answers the host itself after 30 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// Enough for a path of many components in each of many mounts.
const STACK_BYTES: usize = 512 * 1024;

/// See the module. Clones share the one thread.
#[derive(Debug, Clone)]
pub(crate) struct Planning {
    roots: Roots,
    busy: Arc<AtomicBool>,
}

impl Planning {
    pub(crate) fn new(roots: Roots) -> Planning {
        Planning { roots, busy: Arc::default() }
    }

    /// Makes a plan, with a sentence in its place where that takes too long.
    pub(crate) async fn plan(self, rules: Rules) -> Result<Plan, String> {
        let (answer, answered) = oneshot::channel();
        if self.busy.swap(true, SeqCst) {
            return Err(hangs());
        }
        let (busy, roots) = (Arc::clone(&self.busy), self.roots.clone());
        let work = move || {
            let plan = make(&roots, &rules);
            busy.store(false, SeqCst);
            // Whoever wanted it may have given up.
            let _ = answer.send(plan);
        };
        if let Err(error) = thread::Builder::new().name("plan".into()).stack_size(STACK_BYTES).spawn(work) {
            self.busy.store(false, SeqCst);
            return Err(format!("no thread can be started: {error}"));
        }
        match timeout(PATIENCE, answered).await {
            Ok(Ok(plan)) => plan,
            _ => Err(hangs()),
        }
    }

    /// The same at once, for a thread that may wait.
    pub(crate) fn here(&self, rules: Rules) -> impl FnOnce() -> Result<Plan, String> + Send + 'static {
        let roots = self.roots.clone();
        move || make(&roots, &rules)
    }
}

fn make(roots: &Roots, rules: &Rules) -> Result<Plan, String> {
    plan::make(roots, rules).map_err(|error| format!("which filesystems there are cannot be found out: {error}"))
}

fn hangs() -> String {
    "which filesystems there are cannot be found out: the kernel does not answer about one of the mounts".into()
}
