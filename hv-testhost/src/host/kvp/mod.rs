//! Data Exchange as the host's administrator uses it: items of pools, read by enumeration, written by SET.
//!
//! [`Kvp`] asks single things of the guest ([`request`] makes the bytes, `reply` reads the answers); verbs are in
//! `verbs`, those about network adapters in `adapters`; what `AddKvpItems` and its sisters check first is in `rules`;
//! what a host tells every guest about itself in [`items`].

pub mod items;
pub mod request;

pub(crate) mod reply;

mod adapters;
mod rules;
mod verbs;

use std::collections::BTreeMap;

use hv_utils_core::wire::kvp::Pool;
use hv_utils_core::wire::kvp::raw::HostRequest;
use hv_utils_core::wire::{Status, Version};

use super::check::Reply;
use super::ic::{Ic, IcError};
use super::problem::Problem;
use crate::link::PacketLink;
use crate::outcome::{Asked, Failure, Item, Outcome};
use items::HostItems;
use request::{AskError, Value};

/// Items of one enumeration that are followed: far more than any guest holds.
const MAX_ITEMS: u32 = 100_000;

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
        let body = request::body(request, messages(ic)?)?;
        self.ask_as_is(ic, request::name(request), &body).await
    }

    /// The same with a body that is made already; `name` is what the request is called in reports.
    async fn ask_as_is<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        name: &str,
        body: &[u8],
    ) -> Result<Reply, Failure> {
        let reply = ic.exchange(name, body).await?;
        if let Some(problem) = reply::echoed(body, &reply) {
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
}

/// The agreed version of messages.
fn messages<L: PacketLink>(ic: &Ic<L>) -> Result<Version, IcError> {
    ic.agreed().map(|agreed| agreed.message).ok_or(IcError::NotNegotiated)
}

/// Reads an answer; what is wrong with it is recorded on the channel.
fn usable<T, L: PacketLink>(
    ic: &mut Ic<L>,
    during: &str,
    read: impl FnOnce(&mut Vec<Problem>) -> Result<T, Problem>,
) -> Result<T, Failure> {
    let mut tolerated = Vec::new();
    let result = read(&mut tolerated);
    for problem in tolerated {
        ic.violated(during, problem);
    }
    result.map_err(|problem| {
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
    Failure::Refused { what, status, asked: Asked::Items }
}

/// Turns the status of a request without a result into the outcome of a verb.
fn done(status: Status, done: String, what: String) -> Result<Outcome, Failure> {
    if status.is_ok() { Ok(Outcome::Done(done)) } else { Err(refused(what, status)) }
}

#[cfg(test)]
mod tests;
