//! The rules of Data Exchange: a request of the host in, what to do about it out.
//!
//! No files, no clock, no runtime: what the pools hold is looked up through [`Items`], what must become durable
//! is handed back as a [`Change`]. The access rules and statuses are those of `docs/protocol/kvp.md`; reading,
//! writing and refusing each have a function of their own.

use hv_utils_core::wire::Status;
use hv_utils_core::wire::kvp::{Pool, Reply, Request};

use crate::pool::{Change, PoolError};

#[cfg(test)]
mod tests;

/// What the pools hold at this moment. The auto pool is among them: its items are facts about the guest.
pub trait Items {
    /// The value of `key`, the last one where another program wrote the key twice.
    fn get(&self, pool: Pool, key: &str) -> Option<String>;

    /// The item at `index` (0-based, in file order).
    fn item(&self, pool: Pool, index: u32) -> Option<(String, String)>;
}

/// What a request leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Tell the host this, now.
    Answer(Answer),
    /// Make this durable first, then ask [`Engine::changed`] what to tell the host.
    Change(Change),
}

/// What the host is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The outcome; anything but [`Status::OK`] goes without a reply body.
    pub status: Status,
    /// The body that belongs to an OK.
    pub reply: Reply,
}

impl Answer {
    /// A refusal or failure.
    pub fn refused(status: Status) -> Answer {
        Answer { status, reply: Reply::Done }
    }

    fn ok(reply: Reply) -> Answer {
        Answer { status: Status::OK, reply }
    }
}

/// The rules, with what the administrator decided about them.
#[derive(Debug, Clone)]
pub struct Engine {
    host_writable: [bool; Pool::ALL.len()],
}

impl Engine {
    /// Rules under which the host may SET and DELETE in `host_writable` only. The auto pool is never among them:
    /// nobody writes facts.
    pub fn new(host_writable: &[Pool]) -> Engine {
        let mut allowed = [false; Pool::ALL.len()];
        for pool in host_writable.iter().filter(|pool| **pool != Pool::Auto) {
            allowed[usize::from(pool.number())] = true;
        }
        Engine { host_writable: allowed }
    }

    /// Decides about one request.
    pub fn request(&self, request: &Request, items: &impl Items) -> Action {
        match request {
            Request::Get { pool, key } => Action::Answer(get(items, *pool, key)),
            Request::Enumerate { pool, index } => Action::Answer(enumerate(items, *pool, *index)),
            Request::Set { pool, key, value } => {
                self.write(*pool, || Change::Set { pool: *pool, key: key.clone(), value: value.clone() })
            }
            Request::Delete { pool, key } => {
                self.write(*pool, || Change::Delete { pool: *pool, key: key.clone() })
            }
            Request::GetIpInfo(_) | Request::SetIpInfo(_) => {
                Action::Answer(Answer::refused(Status::NOT_SUPPORTED))
            }
        }
    }

    /// What the host is told once its change is durable, or is not.
    pub fn changed<T>(&self, outcome: &Result<T, PoolError>) -> Answer {
        match outcome {
            Ok(_) => Answer::ok(Reply::Done),
            Err(error) => Answer::refused(status_of(error)),
        }
    }

    fn write(&self, pool: Pool, change: impl FnOnce() -> Change) -> Action {
        if self.host_writable[usize::from(pool.number())] {
            Action::Change(change())
        } else {
            Action::Answer(Answer::refused(Status::FAIL))
        }
    }
}

/// GET: a key that is not there is answered as the end of an enumeration is, like the C daemon does.
fn get(items: &impl Items, pool: Pool, key: &str) -> Answer {
    match items.get(pool, key) {
        Some(value) => Answer::ok(Reply::Value(value)),
        None => Answer::refused(Status::NO_MORE_ITEMS),
    }
}

/// ENUMERATE: the status past the end, not an empty key, is what ends the host's walk.
fn enumerate(items: &impl Items, pool: Pool, index: u32) -> Answer {
    match items.item(pool, index) {
        Some((key, value)) => Answer::ok(Reply::Item { key, value }),
        None => Answer::refused(Status::NO_MORE_ITEMS),
    }
}

/// How a failure to write looks from the host.
fn status_of(error: &PoolError) -> Status {
    match error {
        PoolError::NoSuchKey { .. } => Status::NO_MORE_ITEMS,
        PoolError::Full { .. } => Status::DISK_FULL,
        _ => Status::FAIL,
    }
}
