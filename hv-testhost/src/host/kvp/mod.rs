//! Data Exchange as the host's administrator uses it: items of pools, read by enumeration, written by SET.
//!
//! [`Kvp`] asks single things of the guest ([`request`] makes the bytes, `reply` reads the answers); what
//! `AddKvpItems` and its sisters check first is in `rules`; what a host tells every guest about itself in [`items`].

pub mod items;
pub mod request;

pub(crate) mod reply;

mod rules;

use std::collections::BTreeMap;

use hv_utils_core::wire::Status;
use hv_utils_core::wire::kvp::Pool;
use hv_utils_core::wire::kvp::raw::HostRequest;

use super::check::Reply;
use super::ic::{Ic, IcError};
use super::problem::Problem;
use super::service::Service;
use crate::link::PacketLink;
use crate::outcome::{Failure, Item, Outcome};
use crate::verb::Verb;
use items::HostItems;
use request::{AskError, Value};

/// Items of one enumeration that are followed: far more than any guest holds.
const MAX_ITEMS: u32 = 100_000;

/// The pools that hosts exchange; pool 4 has never been seen on the wire.
const EXCHANGED: [Pool; 4] = [Pool::External, Pool::Guest, Pool::Auto, Pool::AutoExternal];

/// How an enumeration ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// The items, in the guest's order.
    pub items: Vec<Item>,
    /// The status that ended it: "no more items" where all is well.
    pub end: Status,
}

/// The service: what this host has told the guest, and how it asks.
#[derive(Debug)]
pub struct Kvp {
    /// What to tell a guest about the host after each negotiation.
    host_items: Option<HostItems>,
    /// What this host has put into pool 0: compared with what the guest says it holds.
    given: BTreeMap<String, String>,
    /// Things worth telling the administrator.
    notes: Vec<String>,
    /// An enumeration that goes on for longer than this is not followed.
    limit: u32,
}

impl Kvp {
    /// A service that tells each guest `host_items` (pool 3) once it has negotiated.
    pub fn new(host_items: Option<HostItems>) -> Kvp {
        Kvp { host_items, given: BTreeMap::new(), notes: Vec::new(), limit: MAX_ITEMS }
    }

    /// Sends one request and reads its status; the body is read by the caller.
    ///
    /// # Errors
    /// The request cannot be expressed, or there is no usable answer.
    pub async fn ask<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        request: &HostRequest,
    ) -> Result<Reply, Failure> {
        let agreed = ic.agreed().ok_or(IcError::NotNegotiated)?;
        let body = request::body(request, agreed.message)?;
        let name = request::name(request);
        let reply = ic.exchange(name, &body).await?;
        if let Some(problem) = reply::echoed(&body, &reply) {
            ic.violated(name, problem);
        }
        Ok(reply)
    }

    /// ENUMERATE: the item at `index`, or the status that says why there is none.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn enumerate<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        pool: Pool,
        index: u32,
    ) -> Result<Result<Item, Status>, Failure> {
        let reply = self.ask(ic, &request::enumerate(pool, index)).await?;
        if !reply.status.is_ok() {
            return Ok(Err(reply.status));
        }
        usable(ic, "enumerate", |tolerated| reply::enumerated(pool, &reply, tolerated)).map(Ok)
    }

    /// GET: the value of one key, or the status that says why there is none.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn get<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        pool: Pool,
        key: &str,
    ) -> Result<Result<Item, Status>, Failure> {
        let reply = self.ask(ic, &request::get(pool, key)?).await?;
        if !reply.status.is_ok() {
            return Ok(Err(reply.status));
        }
        usable(ic, "get", |tolerated| reply::got(pool, &reply, tolerated)).map(Ok)
    }

    /// All items of a pool, by ENUMERATE from index 0.
    ///
    /// # Errors
    /// No usable answer, or no end in sight.
    pub async fn walk<L: PacketLink>(&mut self, ic: &mut Ic<L>, pool: Pool) -> Result<Walk, Failure> {
        let mut items = Vec::new();
        for index in 0..self.limit {
            match self.enumerate(ic, pool, index).await? {
                Ok(item) => items.push(item),
                Err(end) => return Ok(Walk { items, end }),
            }
        }
        Err(Failure::Guest(
            format!("the guest enumerates more than {} items of {}", self.limit, pool.name()).into(),
        ))
    }

    /// The first item of a pool with this key, by ENUMERATE, as a real host looks for one.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn find<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        pool: Pool,
        key: &str,
    ) -> Result<Result<Item, Status>, Failure> {
        for index in 0..self.limit {
            match self.enumerate(ic, pool, index).await? {
                Ok(item) if item.key == key => return Ok(Ok(item)),
                Ok(_) => {}
                Err(end) => return Ok(Err(end)),
            }
        }
        Ok(Err(Status::NO_MORE_ITEMS))
    }

    /// SET, in any pool.
    ///
    /// # Errors
    /// The key or value cannot be expressed, or there is no usable answer.
    pub async fn set<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        pool: Pool,
        key: &str,
        value: &Value,
    ) -> Result<Status, Failure> {
        let status = self.ask(ic, &request::set(pool, key, value)?).await?.status;
        if status.is_ok() && pool == Pool::External {
            self.given.insert(key.to_owned(), value.text());
        }
        Ok(status)
    }

    /// DELETE, in any pool.
    ///
    /// # Errors
    /// The key cannot be expressed, or there is no usable answer.
    pub async fn delete<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        pool: Pool,
        key: &str,
    ) -> Result<Status, Failure> {
        let status = self.ask(ic, &request::delete(pool, key)?).await?.status;
        if status.is_ok() && pool == Pool::External {
            self.given.remove(key);
        }
        Ok(status)
    }

    async fn list<L: PacketLink>(&mut self, ic: &mut Ic<L>, pools: &[Pool]) -> Result<Outcome, Failure> {
        let mut items = Vec::new();
        for pool in pools {
            let walk = self.walk(ic, *pool).await?;
            if walk.end != Status::NO_MORE_ITEMS {
                return Err(refused(format!("enumerate pool {}", pool.name()), walk.end));
            }
            items.extend(walk.items);
        }
        Ok(Outcome::Items(items))
    }

    async fn one<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        pool: Pool,
        key: &str,
        direct: bool,
    ) -> Result<Outcome, Failure> {
        let found = if direct { self.get(ic, pool, key).await? } else { self.find(ic, pool, key).await? };
        found
            .map(Outcome::Item)
            .map_err(|status| refused(format!("give {key:?} of pool {}", pool.name()), status))
    }
}

/// Reads an answer; what is wrong with it is recorded on the channel.
fn usable<L: PacketLink>(
    ic: &mut Ic<L>,
    during: &str,
    read: impl FnOnce(&mut Vec<Problem>) -> Result<Item, Problem>,
) -> Result<Item, Failure> {
    let mut tolerated = Vec::new();
    let item = read(&mut tolerated);
    for problem in tolerated {
        ic.violated(during, problem);
    }
    item.map_err(|problem| {
        ic.violated(during, problem.clone());
        IcError::Dead(problem).into()
    })
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Failure {
        Failure::Usage(error.to_string().into())
    }
}

fn refused(what: String, status: Status) -> Failure {
    Failure::Refused { what, status }
}

/// Turns the status of a request without a result into the outcome of a verb.
fn done(status: Status, done: String, what: String) -> Result<Outcome, Failure> {
    if status.is_ok() { Ok(Outcome::Done(done)) } else { Err(refused(what, status)) }
}

impl Service for Kvp {
    async fn negotiated<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> Result<(), Failure> {
        let Some(host_items) = self.host_items.clone() else { return Ok(()) };
        for (key, value) in host_items.items() {
            let status = self.set(ic, Pool::AutoExternal, key, &Value::Sz(value)).await?;
            if !status.is_ok() {
                self.notes.push(format!("the guest refused the host item {key}: {status}"));
            }
        }
        Ok(())
    }

    async fn verb<L: PacketLink>(&mut self, ic: &mut Ic<L>, verb: &Verb) -> Result<Outcome, Failure> {
        match verb {
            Verb::GetKvp { pool: Some(pool), key: Some(key), direct } => {
                self.one(ic, *pool, key, *direct).await
            }
            Verb::GetKvp { pool: Some(pool), .. } | Verb::Enumerate { pool, index: None } => {
                self.list(ic, &[*pool]).await
            }
            Verb::GetKvp { pool: None, .. } => self.list(ic, &EXCHANGED).await,
            Verb::Enumerate { pool, index: Some(index) } => {
                let found = self.enumerate(ic, *pool, *index).await?;
                found.map(|item| Outcome::Items(vec![item])).map_err(|status| {
                    refused(format!("enumerate index {index} of pool {}", pool.name()), status)
                })
            }
            Verb::GetGuestIntrinsicItems => self.list(ic, &[Pool::Auto]).await,
            Verb::GetGuestItems => self.list(ic, &[Pool::Guest]).await,
            Verb::GetHostItems => self.host_items_held(ic).await,
            Verb::AddKvp { key, value } => self.add(ic, key, value).await,
            Verb::ModifyKvp { key, value } => self.modify(ic, key, value).await,
            Verb::RemoveKvp { key } => self.remove(ic, key).await,
            Verb::SetKvp { pool, key, value, kind } => {
                let value = Value::parse(*kind, value)?;
                let status = self.set(ic, *pool, key, &value).await?;
                let place = format!("{key:?} in pool {}", pool.name());
                done(status, format!("set {place}"), format!("set {place}"))
            }
            Verb::DeleteKvp { pool, key } => {
                let status = self.delete(ic, *pool, key).await?;
                let place = format!("{key:?} from pool {}", pool.name());
                done(status, format!("deleted {place}"), format!("delete {place}"))
            }
            _ => Err(Failure::Usage("this verb is not for the kvp service".into())),
        }
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

#[cfg(test)]
mod tests;
