//! Inhibitors of our own: each is a pipe whose reading end its holder has, and lives until all copies of that are closed.
//!
//! The kernel says when that is: the writing end, which stays here, has an error then. Nothing is polled, and a holder cannot
//! send anything. How many there are is bounded, in total and for each user. They end with the daemon: the holder's end is then
//! at its end of file.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hv_utils_core::sys;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::io::Interest;
use tokio::sync::watch;

/// Inhibitors at once: each is a descriptor of this daemon.
pub const MOST: usize = 128;
/// Inhibitors of one user at once; root may have all there are.
pub const MOST_OF_ONE: usize = 16;
/// Characters of who, and of why.
pub const MOST_CHARACTERS: usize = 256;

/// One inhibitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Tells it from the others; never given twice.
    number: u64,
    /// Who says that they hold it.
    pub who: String,
    /// Why they say so.
    pub why: String,
    /// Their user.
    pub uid: u32,
    /// µs since 1970.
    pub since: u64,
}

impl Held {
    /// As a refusal names it.
    #[must_use]
    pub fn sentence(&self) -> String {
        sentence(&self.who, &self.why)
    }
}

/// `who (why)`, or `who`: somebody else's may have no reason.
#[must_use]
pub fn sentence(who: &str, why: &str) -> String {
    if why.is_empty() { who.to_owned() } else { format!("{who} ({why})") }
}

/// Why there is no new one.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// Who or why is no text for this.
    #[error("{0}")]
    Text(String),
    /// There are enough.
    #[error("{0}")]
    Full(String),
    /// The system has no descriptor left.
    #[error("no pipe could be made: {0}")]
    Pipe(#[from] std::io::Error),
}

/// All inhibitors. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Inhibitors(Arc<watch::Sender<State>>);

/// What is held now, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct State {
    held: Vec<Held>,
    given: u64,
}

impl Inhibitors {
    /// A new one: the end for whoever holds it. Needs a tokio runtime.
    ///
    /// # Errors
    /// See [`Denied`].
    pub fn take(&self, who: &str, why: &str, uid: u32) -> Result<OwnedFd, Denied> {
        check("who", who)?;
        check("why", why)?;
        // Before it is in the list: what cannot be watched would never leave it.
        let (theirs, ours) =
            pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(std::io::Error::from)?;
        let ours = sys::watch(ours)?;
        let number = self.enter(who, why, uid)?;
        let all = self.clone();
        tokio::spawn(async move {
            // An error of the wait itself would be ours, and must not inhibit for ever.
            let _ = ours.ready(Interest::ERROR).await;
            all.leave(number);
        });
        Ok(theirs)
    }

    /// What is held now, the oldest first.
    #[must_use]
    pub fn held(&self) -> Vec<Held> {
        self.0.borrow().held.clone()
    }

    /// For who wants to know when that changes.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes(self.0.subscribe())
    }

    fn enter(&self, who: &str, why: &str, uid: u32) -> Result<u64, Denied> {
        let mut entered = Err(Denied::Full(format!("there are {MOST} inhibitors, which is the most")));
        self.0.send_if_modified(|state| {
            let of_one = state.held.iter().filter(|held| held.uid == uid).count();
            if uid != 0 && of_one >= MOST_OF_ONE {
                let text = format!("user {uid} has {MOST_OF_ONE} inhibitors, which is the most");
                entered = Err(Denied::Full(text));
                return false;
            }
            if state.held.len() >= MOST {
                return false;
            }
            state.given += 1;
            let number = state.given;
            let (who, why) = (who.to_owned(), why.to_owned());
            state.held.push(Held { number, who, why, uid, since: now() });
            entered = Ok(number);
            true
        });
        entered
    }

    fn leave(&self, number: u64) {
        self.0.send_modify(|state| state.held.retain(|held| held.number != number));
    }
}

/// Says when what is held changes.
#[derive(Debug)]
pub struct Changes(watch::Receiver<State>);

impl Changes {
    /// Waits for the next change, or returns at once if there was one since the last call; what is held now. Cancel safe.
    pub async fn next(&mut self) -> Vec<Held> {
        if self.0.changed().await.is_err() {
            // Nobody is left who could take one.
            std::future::pending::<()>().await;
        }
        self.0.borrow_and_update().held.clone()
    }

    /// What is held now.
    #[must_use]
    pub fn now(&mut self) -> Vec<Held> {
        self.0.borrow_and_update().held.clone()
    }
}

fn check(what: &str, text: &str) -> Result<(), Denied> {
    if text.trim().is_empty() {
        return Err(Denied::Text(format!("{what} is empty: whoever is refused wants to know")));
    }
    if text.chars().count() > MOST_CHARACTERS {
        return Err(Denied::Text(format!("{what} has more than {MOST_CHARACTERS} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Denied::Text(format!("{what} has a control character")));
    }
    Ok(())
}

/// µs since 1970.
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
