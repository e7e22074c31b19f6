//! The rules by situation: who may write where, and what each outcome is called on the wire.

use std::time::Duration;

use hv_utils_core::wire::kvp::{Family, IpInfo, IpQuery, Pool, Reply, Request};
use hv_utils_core::wire::{Guid, Status};

use rustix::io::Errno;

use super::{Action, Adapters, Answer, Engine, Items, Refused, read_by};
use crate::pool::{Change, Field, PoolError};

/// Items as a plain list: `(pool, key, value)`.
struct Listed(Vec<(Pool, &'static str, &'static str)>);

impl Items for Listed {
    fn get(&self, pool: Pool, key: &str) -> Option<String> {
        self.0.iter().rev().find(|item| item.0 == pool && item.1 == key).map(|item| item.2.to_owned())
    }

    fn item(&self, pool: Pool, index: u32) -> Option<(String, String)> {
        let mut of_pool = self.0.iter().filter(|item| item.0 == pool);
        of_pool.nth(index as usize).map(|item| (item.1.to_owned(), item.2.to_owned()))
    }
}

struct NoAdapters;

impl Adapters for NoAdapters {
    fn of_device(&self, _: Guid) -> Option<IpInfo> {
        None
    }

    fn is_coming(&self, _: Guid) -> bool {
        false
    }

    fn ip_info(&self, _: &str) -> Option<IpInfo> {
        None
    }
}

/// One adapter, named as it is asked for.
struct OneAdapter(&'static str);

impl Adapters for OneAdapter {
    fn of_device(&self, _: Guid) -> Option<IpInfo> {
        Some(IpInfo::default())
    }

    fn is_coming(&self, _: Guid) -> bool {
        false
    }

    fn ip_info(&self, adapter_id: &str) -> Option<IpInfo> {
        (adapter_id == self.0).then(|| IpInfo { dhcp: true, ..IpInfo::default() })
    }
}

fn everything_but_auto() -> Engine {
    Engine::new(&[Pool::External, Pool::Guest, Pool::AutoExternal, Pool::AutoInternal])
}

fn set(pool: Pool) -> Request {
    Request::Set { pool, key: "Colour".into(), value: "green".into() }
}

fn delete(pool: Pool) -> Request {
    Request::Delete { pool, key: "Colour".into() }
}

fn no_items() -> Listed {
    Listed(Vec::new())
}

#[test]
fn host_may_write_every_pool_but_the_auto_pool() {
    let engine = everything_but_auto();
    for pool in [Pool::External, Pool::Guest, Pool::AutoExternal, Pool::AutoInternal] {
        let change = Change::Set { pool, key: "Colour".into(), value: "green".into() };
        assert_eq!(engine.request(&set(pool), &no_items(), &NoAdapters), Action::Change(change));
        let change = Change::Delete { pool, key: "Colour".into() };
        assert_eq!(engine.request(&delete(pool), &no_items(), &NoAdapters), Action::Change(change));
    }
    for request in [set(Pool::Auto), delete(Pool::Auto)] {
        assert_eq!(engine.request(&request, &no_items(), &NoAdapters), Action::Forbid(Pool::Auto));
    }
}

#[test]
fn naming_the_auto_pool_writable_does_not_make_it_so() {
    let engine = Engine::new(&[Pool::Auto]);
    assert_eq!(engine.request(&set(Pool::Auto), &no_items(), &NoAdapters), Action::Forbid(Pool::Auto));
}

#[test]
fn pool_forbidden_by_the_administrator_is_refused_and_still_readable() {
    let engine = Engine::new(&[Pool::External]);
    let items = Listed(vec![(Pool::Guest, "Colour", "green")]);
    assert_eq!(engine.request(&set(Pool::Guest), &items, &NoAdapters), Action::Forbid(Pool::Guest));
    let get = Request::Get { pool: Pool::Guest, key: "Colour".into() };
    let value = Answer { status: Status::OK, reply: Reply::Value("green".into()) };
    assert_eq!(engine.request(&get, &items, &NoAdapters), Action::Answer(value));
}

#[test]
fn missing_key_and_end_of_enumeration_have_the_same_status() {
    let engine = everything_but_auto();
    let items = Listed(vec![(Pool::External, "Colour", "green")]);
    for request in [
        Request::Get { pool: Pool::External, key: "colour".into() },
        Request::Get { pool: Pool::Guest, key: "Colour".into() },
        Request::Enumerate { pool: Pool::External, index: 1 },
        Request::Enumerate { pool: Pool::External, index: u32::MAX },
    ] {
        let end = Action::Answer(Answer::refused(Status::NO_MORE_ITEMS));
        assert_eq!(engine.request(&request, &items, &NoAdapters), end, "{request:?}");
    }
}

#[test]
fn enumerate_gives_the_item_at_the_index() {
    let items = Listed(vec![(Pool::Auto, "OSName", "Debian"), (Pool::Auto, "OSVersion", "6.12")]);
    let answer =
        Answer { status: Status::OK, reply: Reply::Item { key: "OSVersion".into(), value: "6.12".into() } };
    let request = Request::Enumerate { pool: Pool::Auto, index: 1 };
    assert_eq!(everything_but_auto().request(&request, &items, &NoAdapters), Action::Answer(answer));
}

#[test]
fn outcome_of_a_change_becomes_the_status_the_host_sees() {
    let engine = everything_but_auto();
    let status = |error: PoolError| engine.changed::<()>(&Err(error)).status;
    assert_eq!(engine.changed(&Ok(())).status, Status::OK);
    assert_eq!(status(PoolError::NoSuchKey { pool: Pool::External, key: "k".into() }), Status(0x8007_0103));
    assert_eq!(status(PoolError::Full { pool: Pool::External, max: 1 }), Status(0x8007_0070));
    let busy = PoolError::Busy { path: "pool".into(), waited: Duration::from_secs(5) };
    assert_eq!(status(busy), Status(0x8000_4005));
    let io = |errno| PoolError::Io { path: "pool".into(), operation: "write", errno };
    assert_eq!(status(io(Errno::NOSPC)), Status(0x8007_0070));
    assert_eq!(status(io(Errno::IO)), Status(0x8000_4005));
    let long = PoolError::TooLong { field: Field::Value, max: 2047, actual: 3069 };
    assert_eq!(status(long), Status(0x8007_0057));
}

#[test]
fn item_longer_than_the_wire_is_cut_between_characters_and_hides_nothing() {
    let (key, value) = ("k".repeat(254) + "𝄞", "v".repeat(2047));
    let key: &'static str = key.leak();
    let items = Listed(vec![(Pool::Guest, key, value.leak()), (Pool::Guest, "next", "1")]);
    let Action::Answer(Answer { status, reply: Reply::Item { key, value } }) = everything_but_auto().request(
        &Request::Enumerate { pool: Pool::Guest, index: 0 },
        &items,
        &NoAdapters,
    ) else {
        panic!("an item");
    };
    assert_eq!((status, key.as_str(), value.len()), (Status::OK, "k".repeat(254).as_str(), 1023));
}

#[test]
fn change_is_queued_at_once_so_that_an_abandoned_one_cannot_overtake_the_next() {
    let get = Request::Get { pool: Pool::Guest, key: "Colour".into() };
    let enumerate = Request::Enumerate { pool: Pool::External, index: 0 };
    assert_eq!([read_by(&get), read_by(&enumerate)], [Some(Pool::Guest), Some(Pool::External)]);
    assert_eq!([read_by(&set(Pool::Guest)), read_by(&delete(Pool::Guest))], [None, None]);
}

#[test]
fn adapter_that_is_not_there_is_a_failure_and_families_are_no_filter() {
    let ask = |adapter_id: &str, family| {
        let query = IpQuery { adapter_id: adapter_id.to_owned(), family };
        let request = Request::GetIpInfo(Box::new(query));
        everything_but_auto().request(&request, &no_items(), &OneAdapter("00:15:5D:01:02:03"))
    };
    let info = IpInfo { dhcp: true, ..IpInfo::default() };
    let found = Action::Answer(Answer { status: Status::OK, reply: Reply::IpInfo(Box::new(info)) });
    for family in [Family::Unspecified, Family::V4, Family::V6, Family::Both] {
        assert_eq!(ask("00:15:5D:01:02:03", family), found);
        assert_eq!(ask("00:15:5D:01:02:04", family), Action::Answer(Answer::refused(Status(0x8000_4005))));
    }
}

#[test]
fn configuring_an_adapter_is_done_unless_it_is_forbidden_or_makes_no_sense() {
    let adapter_id = "{F8B3781A-1E82-4818-A1C3-63D806EC15BB}".to_owned();
    let dhcp = Request::SetIpInfo(Box::new(IpInfo { adapter_id, dhcp: true, ..IpInfo::default() }));
    let adapter = OneAdapter("00:15:5D:01:02:03");
    let ask = |engine: Engine, request: &Request| engine.request(request, &no_items(), &adapter);
    let Action::Inject(injection) = ask(everything_but_auto(), &dhcp) else { panic!("an injection") };
    assert_eq!(injection.adapter, "f8b3781a-1e82-4818-a1c3-63d806ec15bb");
    let forbidden = everything_but_auto().with_configuration(false);
    assert_eq!(ask(forbidden, &dhcp), Action::Refuse(Refused::Forbidden));
    let unnamed = Request::SetIpInfo(Box::default());
    assert_eq!(ask(everything_but_auto(), &unnamed), Action::Refuse(Refused::NoAdapter));
    let nobodys = everything_but_auto().request(&dhcp, &no_items(), &NoAdapters);
    assert_eq!(nobodys, Action::Refuse(Refused::NoAdapter));
}

/// A device whose driver has not made its interface yet.
struct ToCome;

impl Adapters for ToCome {
    fn of_device(&self, _: Guid) -> Option<IpInfo> {
        None
    }

    fn is_coming(&self, adapter: Guid) -> bool {
        adapter.to_string().starts_with("f8b3781a")
    }

    fn ip_info(&self, _: &str) -> Option<IpInfo> {
        None
    }
}

#[test]
fn a_configuration_waits_for_an_interface_that_is_still_to_come_and_for_no_other() {
    let set = |adapter: &str| {
        let info = IpInfo { adapter_id: adapter.to_owned(), dhcp: true, ..IpInfo::default() };
        everything_but_auto().request(&Request::SetIpInfo(Box::new(info)), &no_items(), &ToCome)
    };
    assert_eq!(set("{F8B3781A-1E82-4818-A1C3-63D806EC15BB}"), Action::Await);
    for other in ["{00000000-1E82-4818-A1C3-63D806EC15BB}", "eth0"] {
        assert_eq!(set(other), Action::Refuse(Refused::NoAdapter), "{other}");
    }
}
