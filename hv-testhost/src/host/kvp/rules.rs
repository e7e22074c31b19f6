//! What `AddKvpItems`, `ModifyKvpItems` and `RemoveKvpItems` check before anything is sent.
//!
//! The rule: **the guest's pool 0 decides.** Add is refused when an enumeration of pool 0 shows the key, Modify and
//! Remove when it does not; only then SET or DELETE is sent. A real host keeps its own list, but this one may
//! have been started a moment ago for one command, while the guest's pool stays. What this host itself has given is
//! remembered too, and where the guest's pool says otherwise that is noted: a guest has lost or changed an item.

use hv_utils_core::wire::Status;
use hv_utils_core::wire::kvp::Pool;

use super::request::Value;
use super::{Kvp, done, refused};
use crate::host::ic::Ic;
use crate::link::PacketLink;
use crate::outcome::{Failure, Item, Outcome, Why};

impl Kvp {
    pub(super) async fn add<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        key: &str,
        value: &str,
    ) -> Result<Outcome, Failure> {
        // Checked before the guest is bothered with an enumeration: the request could not be sent anyway.
        let value = text(key, value)?;
        if self.held(ic).await?.iter().any(|item| item.key == key) {
            let rule = format!(
                "pool 0 has the key {key:?} already: AddKvpItems fails with 32773 (invalid parameter)"
            );
            return Err(Failure::Rule(Why::from(rule).hint("modify-kvp changes it")));
        }
        let status = self.set(ic, Pool::External, key, &value).await?;
        done(status, format!("added {key:?}"), format!("add {key:?}"))
    }

    pub(super) async fn modify<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        key: &str,
        value: &str,
    ) -> Result<Outcome, Failure> {
        let value = text(key, value)?;
        self.must_hold(ic, key, "ModifyKvpItems", "add-kvp makes it").await?;
        let status = self.set(ic, Pool::External, key, &value).await?;
        done(status, format!("modified {key:?}"), format!("modify {key:?}"))
    }

    pub(super) async fn remove<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        key: &str,
    ) -> Result<Outcome, Failure> {
        self.must_hold(ic, key, "RemoveKvpItems", "get-host-items shows what is there").await?;
        let status = self.delete(ic, Pool::External, key).await?;
        done(status, format!("removed {key:?}"), format!("remove {key:?}"))
    }

    pub(super) async fn host_items_held<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
    ) -> Result<Outcome, Failure> {
        self.held(ic).await.map(Outcome::Items)
    }

    async fn must_hold<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        key: &str,
        method: &str,
        hint: &str,
    ) -> Result<(), Failure> {
        if self.held(ic).await?.iter().any(|item| item.key == key) {
            return Ok(());
        }
        Err(Failure::Rule(Why::from(format!("pool 0 has no key {key:?}: {method} fails on it")).hint(hint)))
    }

    /// What the guest holds in pool 0; differences from what this host has given it are noted.
    async fn held<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> Result<Vec<Item>, Failure> {
        let walk = self.walk(ic, Pool::External).await?;
        if walk.end != Status::NO_MORE_ITEMS {
            return Err(refused("enumerate pool external".to_owned(), walk.end));
        }
        for (key, value) in &self.given {
            match walk.items.iter().find(|item| item.key == *key) {
                None => self.notes.push(format!("the guest has lost {key:?}, which this host gave it")),
                Some(item) if item.value != *value => {
                    self.notes.push(format!("the guest has changed {key:?}, which this host gave it"));
                }
                Some(_) => {}
            }
        }
        // Said once; from now on the guest's word counts.
        let of =
            |key: &String| walk.items.iter().find(|item| item.key == *key).map(|item| item.value.clone());
        self.given = std::mem::take(&mut self.given)
            .into_keys()
            .filter_map(|key| of(&key).map(|value| (key, value)))
            .collect();
        Ok(walk.items)
    }
}

/// The value as REG_SZ, once it and the key are known to fit a message.
fn text(key: &str, value: &str) -> Result<Value, Failure> {
    let value = Value::Sz(value.to_owned());
    super::request::check_lengths(key, &value)?;
    Ok(value)
}
