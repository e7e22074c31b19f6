//! A stand-in for hv-kvpd, written from the D-Bus interface: `org.hvutils.Kvp1` and `org.hvutils.Service1`.
//!
//! It keeps items in memory, applies the bus's rules, and lets a test act as the host. It runs in a thread with a
//! connection of its own, so hvctl meets it as it would meet the daemon. Some keys are refused on purpose.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zbus::message::Header;
use zbus::object_server::SignalEmitter;

use crate::harness::HANG;

const NAME: &str = "org.hvutils.Kvp1";
const PATH: &str = "/org/hvutils/Kvp1";
const POOLS: [&str; 5] = ["external", "guest", "auto", "auto-external", "auto-internal"];

/// What the daemons answer when they refuse.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.hvutils.Error")]
enum Refusal {
    #[zbus(error)]
    ZBus(zbus::Error),
    NoSuchKey(String),
    NoSuchPool(String),
    TooLong(String),
    ReadOnlyPool(String),
    NotAuthorized(String),
    Busy(String),
}

#[derive(Debug, Default)]
struct State {
    items: Vec<(String, String, String)>,
    /// Method calls: `Get guest key`, in order.
    calls: Vec<String>,
    /// Whether each Set allowed interactive authorisation.
    interactive: Vec<bool>,
}

/// State and news of it.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
}

impl Shared {
    fn call(&self, call: String) {
        self.state.lock().unwrap().calls.push(call);
        self.news.notify_all();
    }

    fn find(&self, pool: &str, key: &str) -> Option<String> {
        let state = self.state.lock().unwrap();
        state.items.iter().find(|item| item.0 == pool && item.1 == key).map(|item| item.2.clone())
    }

    fn put(&self, pool: &str, key: &str, value: &str) {
        let mut state = self.state.lock().unwrap();
        match state.items.iter_mut().find(|item| item.0 == pool && item.1 == key) {
            Some(item) => item.2 = value.to_owned(),
            None => state.items.push((pool.to_owned(), key.to_owned(), value.to_owned())),
        }
    }

    fn take(&self, pool: &str, key: &str) -> bool {
        let mut state = self.state.lock().unwrap();
        let before = state.items.len();
        state.items.retain(|item| item.0 != pool || item.1 != key);
        state.items.len() < before
    }
}

struct Kvp1(Arc<Shared>);

fn pool_exists(pool: &str) -> Result<(), Refusal> {
    if POOLS.contains(&pool) { Ok(()) } else { Err(Refusal::NoSuchPool(format!("no pool {pool}"))) }
}

#[zbus::interface(name = "org.hvutils.Kvp1")]
impl Kvp1 {
    fn get(&self, pool: &str, key: &str) -> Result<String, Refusal> {
        let value = self.0.find(pool, key);
        self.0.call(format!("Get {pool} {key}"));
        pool_exists(pool)?;
        value.ok_or_else(|| Refusal::NoSuchKey(format!("there is no key \"{key}\" in pool {pool}")))
    }

    async fn set(
        &self,
        pool: &str,
        key: &str,
        value: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(), Refusal> {
        let interactive = header.primary().flags().contains(zbus::message::Flags::ALLOW_INTERACTIVE_AUTH);
        self.0.state.lock().unwrap().interactive.push(interactive);
        self.0.call(format!("Set {pool} {key}"));
        pool_exists(pool)?;
        if pool != "guest" {
            return Err(Refusal::ReadOnlyPool(format!("pool {pool} belongs to the host")));
        }
        match key {
            "forbidden" => return Err(Refusal::NotAuthorized("you may not write items".to_owned())),
            "busy" => return Err(Refusal::Busy("another change is under way".to_owned())),
            _ => {}
        }
        let units = value.encode_utf16().count();
        if units > 1022 {
            return Err(Refusal::TooLong(format!("the value has {units} UTF-16 units")));
        }
        self.0.put(pool, key, value);
        Ok(Self::changed(&emitter, pool, key, value, "bus").await?)
    }

    async fn delete(
        &self,
        pool: &str,
        key: &str,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(), Refusal> {
        self.0.call(format!("Delete {pool} {key}"));
        pool_exists(pool)?;
        if pool != "guest" {
            return Err(Refusal::ReadOnlyPool(format!("pool {pool} belongs to the host")));
        }
        if !self.0.take(pool, key) {
            return Err(Refusal::NoSuchKey(format!("there is no key \"{key}\" in pool {pool}")));
        }
        Ok(Self::removed(&emitter, pool, key, "bus").await?)
    }

    fn list_page(
        &self,
        pool: &str,
        first: u32,
        count: u32,
    ) -> Result<(Vec<(String, String)>, bool), Refusal> {
        self.0.call(format!("ListPage {pool} {first} {count}"));
        pool_exists(pool)?;
        let state = self.0.state.lock().unwrap();
        let all = state.items.iter().filter(|item| item.0 == pool);
        let mut page: Vec<_> = all
            .map(|item| (item.1.clone(), item.2.clone()))
            .skip(first as usize)
            .take(count as usize + 1)
            .collect();
        let more = page.len() > count as usize;
        page.truncate(count as usize);
        Ok((page, more))
    }

    #[zbus(signal)]
    async fn changed(
        emitter: &SignalEmitter<'_>,
        pool: &str,
        key: &str,
        value: &str,
        origin: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn removed(emitter: &SignalEmitter<'_>, pool: &str, key: &str, origin: &str) -> zbus::Result<()>;
}

/// What `org.hvutils.Service1` shows.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) state: &'static str,
    pub(crate) transport: &'static str,
    pub(crate) versions: (&'static str, &'static str),
    pub(crate) messages: (u64, u64),
    pub(crate) last_message: u64,
}

impl Default for Service {
    fn default() -> Service {
        Service {
            state: "ready",
            transport: "uio",
            versions: ("3.0", "5.0"),
            messages: (12, 1),
            last_message: 0,
        }
    }
}

#[zbus::interface(name = "org.hvutils.Service1")]
impl Service {
    #[zbus(property)]
    fn version(&self) -> &str {
        "0.1.0"
    }
    #[zbus(property)]
    fn transport(&self) -> &str {
        self.transport
    }
    #[zbus(property)]
    fn channel_state(&self) -> &str {
        self.state
    }
    #[zbus(property)]
    fn framework_version(&self) -> &str {
        self.versions.0
    }
    #[zbus(property)]
    fn message_version(&self) -> &str {
        self.versions.1
    }
    #[zbus(property)]
    fn messages_received(&self) -> u64 {
        self.messages.0
    }
    #[zbus(property)]
    fn messages_rejected(&self) -> u64 {
        self.messages.1
    }
    #[zbus(property)]
    fn last_message(&self) -> u64 {
        self.last_message
    }
}

/// What a test lets the fake do.
#[derive(Debug)]
enum Act {
    Set([String; 4]),
    Remove([String; 3]),
    /// Emits Changed with these strings from a connection that does not own the name.
    Forge([String; 4]),
    Stop,
}

/// A fake daemon; leaves the bus with the value.
#[derive(Debug)]
pub(crate) struct Fake {
    shared: Arc<Shared>,
    acts: UnboundedSender<(Act, Sender<()>)>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    /// hv-kvpd with these items (pool, key, value), ready.
    pub(crate) fn kvpd(address: &str, items: &[(&str, &str, &str)]) -> Fake {
        Fake::start(address, NAME, PATH, items, Service::default())
    }

    /// Any daemon.
    pub(crate) fn start(
        address: &str,
        name: &'static str,
        path: &'static str,
        items: &[(&str, &str, &str)],
        service: Service,
    ) -> Fake {
        let shared = Arc::new(Shared::default());
        items.iter().for_each(|(pool, key, value)| shared.put(pool, key, value));
        let (acts, receiver) = unbounded_channel();
        let (ready, is_ready) = channel();
        let (address, kvp) = (address.to_owned(), Kvp1(Arc::clone(&shared)));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let connection = zbus::connection::Builder::address(address.as_str())
                    .serve_at(path, kvp)
                    .serve_at(path, service)
                    .name(name)
                    .build()
                    .await
                    .unwrap();
                ready.send(()).unwrap();
                perform(&connection, &address, receiver).await;
                connection.graceful_shutdown().await;
            });
        });
        is_ready.recv_timeout(HANG).expect("the fake daemon is on the bus");
        Fake { shared, acts, thread: Some(thread) }
    }

    /// The host sets an item.
    pub(crate) fn host_sets(&self, pool: &str, key: &str, value: &str) {
        self.shared.put(pool, key, value);
        self.act(Act::Set([pool, key, value, "host"].map(str::to_owned)));
    }

    /// The host removes an item.
    pub(crate) fn host_removes(&self, pool: &str, key: &str) {
        self.shared.take(pool, key);
        self.act(Act::Remove([pool, key, "host"].map(str::to_owned)));
    }

    /// Another program pretends that an item has changed.
    pub(crate) fn forge(&self, pool: &str, key: &str, value: &str) {
        self.act(Act::Forge([pool, key, value, "host"].map(str::to_owned)));
    }

    /// The method calls so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.shared.state.lock().unwrap().calls.clone()
    }

    /// Whether each Set so far allowed interactive authorisation.
    pub(crate) fn interactive(&self) -> Vec<bool> {
        self.shared.state.lock().unwrap().interactive.clone()
    }

    /// The items of a pool.
    pub(crate) fn items(&self, pool: &str) -> Vec<(String, String)> {
        let state = self.shared.state.lock().unwrap();
        let of_pool = state.items.iter().filter(|item| item.0 == pool);
        of_pool.map(|item| (item.1.clone(), item.2.clone())).collect()
    }

    /// Waits until this call has come in.
    pub(crate) fn wait_for_call(&self, call: &str) {
        let state = self.shared.state.lock().unwrap();
        let missing = |state: &mut State| !state.calls.iter().any(|seen| seen == call);
        let (_state, late) = self.shared.news.wait_timeout_while(state, HANG, missing).unwrap();
        assert!(!late.timed_out(), "the call {call:?} did not come");
    }

    /// Leaves the bus.
    pub(crate) fn stop(mut self) {
        self.leave();
    }

    fn leave(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.act(Act::Stop);
            thread.join().unwrap();
        }
    }

    fn act(&self, act: Act) {
        let (done, is_done) = channel();
        self.acts.send((act, done)).unwrap();
        is_done.recv_timeout(HANG).expect("the fake daemon acted");
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.leave();
        }
    }
}

async fn perform(
    connection: &zbus::Connection,
    address: &str,
    mut acts: UnboundedReceiver<(Act, Sender<()>)>,
) {
    let emitter = SignalEmitter::new(connection, PATH).unwrap();
    while let Some((act, done)) = acts.recv().await {
        match &act {
            Act::Set([pool, key, value, origin]) => {
                Kvp1::changed(&emitter, pool, key, value, origin).await.unwrap();
            }
            Act::Remove([pool, key, origin]) => Kvp1::removed(&emitter, pool, key, origin).await.unwrap(),
            Act::Forge([pool, key, value, origin]) => {
                let other = zbus::connection::Builder::address(address).build().await.unwrap();
                let emitter = SignalEmitter::new(&other, PATH).unwrap();
                Kvp1::changed(&emitter, pool, key, value, origin).await.unwrap();
                // To everyone at once, so that the match rules of the bus are not what holds it back.
                let everyone = zbus::fdo::DBusProxy::new(&other).await.unwrap().list_names().await.unwrap();
                for name in everyone.iter().filter(|name| name.starts_with(':')) {
                    let body = (pool, key, value, origin);
                    let name = Some(name.as_str());
                    // A peer may have left meanwhile.
                    let _ = other.emit_signal(name, PATH, NAME, "Changed", &body).await;
                }
                // The bus answers in order: by now it has passed on all of these.
                zbus::fdo::DBusProxy::new(&other).await.unwrap().get_id().await.unwrap();
            }
            Act::Stop => {}
        }
        done.send(()).unwrap();
        if matches!(act, Act::Stop) {
            return;
        }
    }
}
