//! Somebody on the daemon's bus: what is shown, and what is announced, in order.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;

use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use zbus::message::Type as MessageType;
use zbus::wire::OwnedVariant;
use zbus::{Connection, MatchRule, Message, MessageStream, Proxy, connection, proxy};

use super::PATIENCE;

const NAME: &str = "org.hvutils.FileCopy1";
const OBJECT: &str = "/org/hvutils/FileCopy1";

/// `Active`: target, size, done, percent.
pub(crate) type Active = (String, u64, u64, u32);
/// One of `History()`: when it ended, target, size, result.
pub(crate) type Row = (u64, String, u64, String);
/// What PropertiesChanged says: interface, new values, names without values.
type Changed = (String, BTreeMap<String, OwnedVariant>, Vec<String>);

/// What is announced.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    Started(String, u64),
    Finished(String, u64, String),
    /// `Active` is this now.
    Active(Active),
    /// Other properties.
    Changed(Vec<String>),
}

/// See the module.
pub(crate) struct Client {
    bus: Connection,
    heard: MessageStream,
    /// Of the last message.
    more: VecDeque<News>,
}

impl Client {
    /// Listens from now on; the daemon has its name by then.
    pub(crate) async fn on(address: &str) -> Client {
        let bus = connection::Builder::address(address).build().await.unwrap();
        let names = zbus::fdo::DBusProxy::new(&bus).await.unwrap();
        let begin = std::time::Instant::now();
        while !names.name_has_owner(NAME.try_into().unwrap()).await.unwrap() {
            assert!(begin.elapsed() < PATIENCE, "the daemon never has its name");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let rule = MatchRule::builder().msg_type(MessageType::Signal).sender(NAME).path(OBJECT).build();
        // A stream that is full stops its connection: there is room for all that a test can lead to.
        let room = NonZeroUsize::new(4096);
        let heard = MessageStream::for_match_rule(rule.unwrap(), &bus, room).await.unwrap();
        Client { bus, heard, more: VecDeque::new() }
    }

    /// A property of FileCopy1.
    pub(crate) async fn property<T>(&self, name: &str) -> T
    where
        T: DeserializeOwned + zbus::Type,
    {
        let builder =
            proxy::Builder::<Proxy<'_>>::new(&self.bus).destination(NAME).path(OBJECT).interface(NAME);
        let proxy = builder.cache_properties(proxy::CacheProperties::No).build().await.unwrap();
        proxy.get_property(name).await.unwrap()
    }

    /// `Active`.
    pub(crate) async fn active(&self) -> Active {
        self.property("Active").await
    }

    /// `History()`.
    pub(crate) async fn history(&self) -> Vec<Row> {
        let call = self.bus.call_method(Some(NAME), OBJECT, Some(NAME), "History", &());
        call.await.unwrap().body().deserialize().unwrap()
    }

    /// What is announced next.
    pub(crate) async fn hears(&mut self) -> News {
        loop {
            if let Some(news) = self.more.pop_front() {
                return news;
            }
            let heard = tokio::time::timeout(PATIENCE, self.heard.next()).await;
            let message = heard.expect("something is announced").unwrap().unwrap();
            self.more = news(&message);
        }
    }
}

/// What a message says: of properties that changed at once, `Active` and the others are two things.
fn news(message: &Message) -> VecDeque<News> {
    let header = message.header();
    match header.member().map(zbus::names::MemberName::as_str) {
        Some("Started") => {
            let (target, size) = body(message);
            [News::Started(target, size)].into()
        }
        Some("Finished") => {
            let (target, size, result) = body(message);
            [News::Finished(target, size, result)].into()
        }
        Some("PropertiesChanged") => {
            let body = message.body();
            let (interface, mut changed, _): Changed = body.deserialize().unwrap();
            if interface != NAME {
                return VecDeque::new();
            }
            let active =
                changed.remove("Active").map(|active| News::Active(Active::try_from(active).unwrap()));
            let others = (!changed.is_empty()).then(|| News::Changed(changed.into_keys().collect()));
            active.into_iter().chain(others).collect()
        }
        _ => VecDeque::new(),
    }
}

fn body<T: DeserializeOwned + zbus::Type>(message: &Message) -> T {
    message.body().deserialize().unwrap()
}
