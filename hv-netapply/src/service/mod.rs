//! From a request to what is done about it: conversations, the one transaction at a time, what is pending, what an end cut
//! short.
//!
//! ```text
//!  socket ─► conversation ─► transaction ─► backend ─► manager, files, kernel
//!                │               │  ▲
//!                │ promise       ▼  │ read back
//!                ▼             state (journal, undo, history) ─► hooks
//!              keep, back
//!                ▼
//!             pending: waits for a manager that does not run yet
//! ```

mod back;
mod conversation;
mod keep;
mod keeper;
mod pending;
mod recover;
mod transaction;
mod workshop;

pub use workshop::Workshop;

use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::daemon::Failure;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use crate::socket::Listener;

/// Serves until told to end, or until nobody has had anything to do for `idle`.
///
/// # Errors
/// Signals cannot be handled.
pub fn serve(
    runtime: &Runtime,
    workshop: Workshop,
    listener: Listener,
    idle: Option<Duration>,
) -> Result<(), Failure> {
    LocalSet::new().block_on(runtime, run(Rc::new(workshop), listener, idle))
}

async fn run(workshop: Rc<Workshop>, listener: Listener, idle: Option<Duration>) -> Result<(), Failure> {
    let failed = |error| Failure::internal(format!("cannot handle signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    // The configuration is read at the start: the next one has the new one.
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    recover::begin(&workshop).await;
    loop {
        let rest = async {
            match idle {
                Some(idle) => tokio::time::sleep(idle).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => break,
            peer = listener.accept() => {
                let (workshop, busy) = (Rc::clone(&workshop), workshop.busy());
                tokio::task::spawn_local(async move {
                    conversation::hold(&workshop, &peer).await;
                    drop(busy);
                });
            }
            () = workshop.changed() => {}
            () = rest, if workshop.is_idle() => break,
        }
    }
    workshop.end().await;
    Ok(())
}
