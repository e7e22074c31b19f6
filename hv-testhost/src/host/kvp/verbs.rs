//! The verbs of Data Exchange: what an administrator asks for, made of single requests.
//!
//! What a refusal means, and how a result is put, is decided here; requests and answers are [`Kvp`]'s.

use hv_utils_core::wire::Status;
use hv_utils_core::wire::kvp::Pool;

use super::request::Value;
use super::{Kvp, done, refused};
use crate::host::ic::Ic;
use crate::host::service::Service;
use crate::link::PacketLink;
use crate::outcome::{Failure, Outcome};
use crate::verb::Verb;

/// The pools that hosts exchange; pool 4 has never been seen on the wire.
const EXCHANGED: [Pool; 4] = [Pool::External, Pool::Guest, Pool::Auto, Pool::AutoExternal];

impl Kvp {
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
            Verb::GetIp(ask) => self.get_ip(ic, ask).await,
            Verb::SetIp(ask) => self.set_ip(ic, ask).await,
            _ => Err(Failure::Usage("this verb is not for the kvp service".into())),
        }
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}
