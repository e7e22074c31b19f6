//! Which NTP clients run, as systemd says over D-Bus. Nothing polls: a signal is a reason to ask again, and what it says
//! is not looked at ([`hv_utils_core::bus::units`]).
//!
//! Only when systemd comes, or has read its files again, each unit is loaded once, to learn what its name is an alias of.

mod follow;
mod units;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use zbus::Connection;

use super::Clients;

/// Keeps an eye on the clients, from one bus to the next.
#[derive(Debug)]
pub struct Watch {
    known: watch::Sender<Option<Clients>>,
    seen: watch::Receiver<Option<Clients>>,
    task: Option<JoinHandle<()>>,
}

impl Default for Watch {
    fn default() -> Watch {
        let (known, seen) = watch::channel(None);
        Watch { known, seen, task: None }
    }
}

impl Watch {
    /// Of the clients that systemd on this bus knows. Needs a tokio runtime.
    #[must_use]
    pub fn start(bus: Connection) -> Watch {
        let mut watch = Watch::default();
        watch.over(bus);
        watch
    }

    /// From now on over this bus. What was known stays until systemd says something else: a client does not end because
    /// a bus does. Needs a tokio runtime.
    pub fn over(&mut self, bus: Connection) {
        self.end();
        self.task = Some(tokio::spawn(follow::follow(bus, self.known.clone())));
    }

    /// Those that run, or are about to; `None` until systemd was asked for the first time. Where there is no systemd on
    /// the bus, none run.
    #[must_use]
    pub fn now(&self) -> Option<Clients> {
        *self.known.borrow()
    }

    /// The same, now and whenever it differs.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Option<Clients>> {
        self.known.subscribe()
    }

    /// Waits until something else is known than this has said last; the first time, until anything is. Cancel safe.
    pub async fn changed(&mut self) -> Clients {
        loop {
            // The other end is in this value.
            if self.seen.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            if let Some(clients) = *self.seen.borrow_and_update() {
                return clients;
            }
        }
    }

    fn end(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod double;
#[cfg(test)]
mod tests;
