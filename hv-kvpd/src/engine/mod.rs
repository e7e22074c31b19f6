//! The rules of Data Exchange: a request of the host in, what to do about it out.
//!
//! No files, no clock, no runtime: what the pools hold is looked up through [`Items`], what the machine's network is
//! through [`Adapters`], what must become durable is handed back as a [`Change`], what an adapter is to have as an
//! [`Injection`]. The access rules and statuses are those of `docs/protocol/kvp.md`; reading, writing and refusing each
//! have a function of their own.

use hv_utils_core::netapply::Injection;
use hv_utils_core::wire::kvp::{IpInfo, MAX_KEY_UNITS, MAX_VALUE_UNITS, Pool, Reply, Request};
use hv_utils_core::wire::{Guid, Status};

use crate::pool::{Change, PoolError};

mod injection;

pub use injection::Refused;

#[cfg(test)]
mod tests;

/// The pool whose items a request looks at, which must then be as its file is. A change needs no look before: who
/// carries it out reads the file under its locks.
pub fn read_by(request: &Request) -> Option<Pool> {
    match request {
        Request::Get { pool, .. } | Request::Enumerate { pool, .. } => Some(*pool),
        Request::Set { .. } | Request::Delete { .. } | Request::GetIpInfo(_) | Request::SetIpInfo(_) => None,
    }
}

/// What the pools hold at this moment. The auto pool is among them: its items are facts about the guest.
pub trait Items {
    /// The value of `key`, the last one where another program wrote the key twice.
    fn get(&self, pool: Pool, key: &str) -> Option<String>;

    /// The item at `index` (0-based, in file order).
    fn item(&self, pool: Pool, index: u32) -> Option<(String, String)>;
}

/// The network adapters of the machine at this moment.
pub trait Adapters {
    /// The configuration of the adapter with this MAC address; `None` if there is none that the host is shown.
    fn ip_info(&self, adapter_id: &str) -> Option<IpInfo>;

    /// The configuration of the interface that belongs to this VMBus device; `None` if there is none that the host is
    /// shown.
    fn of_device(&self, adapter: Guid) -> Option<IpInfo>;

    /// Whether this VMBus device is there, and an interface for it is still to come: its driver has not got that far.
    fn is_coming(&self, adapter: Guid) -> bool;
}

/// What a request leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Tell the host this, now.
    Answer(Answer),
    /// Make this durable first, then ask [`Engine::changed`] what to tell the host.
    Change(Change),
    /// Have an adapter configured so first; whoever does it says what to tell the host.
    Inject(Injection),
    /// Ask again when the machine has other interfaces; if none comes, refuse it as [`Refused::NoAdapter`].
    Await,
    /// Tell the host this status, and the log why.
    Refuse(Refused),
    /// The host may not write this pool: tell it [`Status::FAIL`], and the log why.
    Forbid(Pool),
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
    host_may_configure: bool,
}

impl Engine {
    /// Rules under which the host may SET and DELETE in `host_writable` only. The auto pool is never among them:
    /// nobody writes facts.
    pub fn new(host_writable: &[Pool]) -> Engine {
        let mut allowed = [false; Pool::ALL.len()];
        for pool in host_writable.iter().filter(|pool| **pool != Pool::Auto) {
            allowed[usize::from(pool.number())] = true;
        }
        Engine { host_writable: allowed, host_may_configure: true }
    }

    /// The same rules, with `allowed` saying whether the host may configure network adapters.
    #[must_use]
    pub fn with_configuration(self, allowed: bool) -> Engine {
        Engine { host_may_configure: allowed, ..self }
    }

    /// Decides about one request.
    pub fn request(&self, request: &Request, items: &impl Items, adapters: &impl Adapters) -> Action {
        match request {
            Request::Get { pool, key } => Action::Answer(get(items, *pool, key)),
            Request::Enumerate { pool, index } => Action::Answer(enumerate(items, *pool, *index)),
            Request::Set { pool, key, value } => {
                self.write(*pool, || Change::Set { pool: *pool, key: key.clone(), value: value.clone() })
            }
            Request::Delete { pool, key } => {
                self.write(*pool, || Change::Delete { pool: *pool, key: key.clone() })
            }
            Request::GetIpInfo(query) => Action::Answer(ip_info(adapters, &query.adapter_id)),
            Request::SetIpInfo(_) if !self.host_may_configure => Action::Refuse(Refused::Forbidden),
            Request::SetIpInfo(info) => match injection::injection(info, adapters) {
                Ok(injection) => Action::Inject(injection),
                Err(Refused::NoAdapter) if injection::is_coming(info, adapters) => Action::Await,
                Err(refused) => Action::Refuse(refused),
            },
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
            Action::Forbid(pool)
        }
    }
}

/// GET: a key that is not there is answered as the end of an enumeration is, like the C daemon does.
fn get(items: &impl Items, pool: Pool, key: &str) -> Answer {
    match items.get(pool, key) {
        Some(value) => Answer::ok(Reply::Value(shortened(value, MAX_VALUE_UNITS))),
        None => Answer::refused(Status::NO_MORE_ITEMS),
    }
}

/// ENUMERATE: the status past the end, not an empty key, is what ends the host's walk.
fn enumerate(items: &impl Items, pool: Pool, index: u32) -> Answer {
    match items.item(pool, index) {
        Some((key, value)) => Answer::ok(Reply::Item {
            key: shortened(key, MAX_KEY_UNITS),
            value: shortened(value, MAX_VALUE_UNITS),
        }),
        None => Answer::refused(Status::NO_MORE_ITEMS),
    }
}

/// GET_IP_INFO: the families in the request are no filter; the C daemon does not look at them, and hosts leave them 0.
fn ip_info(adapters: &impl Adapters, adapter_id: &str) -> Answer {
    match adapters.ip_info(adapter_id) {
        Some(info) => Answer::ok(Reply::IpInfo(Box::new(info))),
        None => Answer::refused(Status::FAIL),
    }
}

/// Text as far as the wire carries it, cut between two characters.
///
/// The files' fields hold more (511 bytes of ASCII against 255 units, 2047 against 1023). Refusing such an item would
/// end the host's walk in the middle and hide all that follow.
fn shortened(mut text: String, units: usize) -> String {
    let mut left = units;
    let end = text.char_indices().find_map(|(at, character)| match left.checked_sub(character.len_utf16()) {
        Some(rest) => {
            left = rest;
            None
        }
        None => Some(at),
    });
    if let Some(end) = end {
        text.truncate(end);
    }
    text
}

/// How a failure to write looks from the host.
fn status_of(error: &PoolError) -> Status {
    match error {
        PoolError::NoSuchKey { .. } => Status::NO_MORE_ITEMS,
        PoolError::Full { .. } => Status::DISK_FULL,
        error if error.is_disk_full() => Status::DISK_FULL,
        // 1023 UTF-16 units can be more UTF-8 than the file's field holds.
        PoolError::TooLong { .. } | PoolError::Invalid { .. } => Status::INVALID_ARG,
        _ => Status::FAIL,
    }
}
