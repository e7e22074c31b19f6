//! The daemons as D-Bus shows them: connecting, the Kvp1 calls, and Service1's properties.
//!
//! Written from the interface, not from the daemons' code. No property caches and no match rules unless a verb
//! asks for them, so a call costs one round trip after the bus has been greeted.
//! Errors come out as [`Error`] with exit code and advice.

use std::collections::HashMap;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use zbus::Connection;
use zbus::proxy::MethodFlags;
use zbus::wire::OwnedVariant;

use crate::args::BusChoice;
use crate::error::{Code, Error, PREFIX};
use crate::output::Item;
use hv_utils_core::wire::kvp::Pool;

/// How long to wait for the bus and for an answer; a daemon answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// As [`PATIENCE`], where several daemons are asked at once and one that hangs must not hide the others.
const GLANCE: Duration = Duration::from_secs(5);
/// Items per `ListPage`: at worst (4 KiB each) 4 MiB, well inside a bus's limits on messages.
const PAGE: u32 = 1000;

/// Program of the daemon behind Kvp1.
pub(crate) const KVPD: &str = "hv-kvpd";

#[zbus::proxy(
    interface = "org.hvutils.Kvp1",
    default_service = "org.hvutils.Kvp1",
    default_path = "/org/hvutils/Kvp1"
)]
pub(crate) trait Kvp1 {
    fn get(&self, pool: &str, key: &str) -> zbus::Result<String>;
    fn list_page(&self, pool: &str, first: u32, count: u32) -> zbus::Result<(Vec<(String, String)>, bool)>;
    #[zbus(signal)]
    fn changed(&self, pool: &str, key: &str, value: &str, origin: &str);
    #[zbus(signal)]
    fn removed(&self, pool: &str, key: &str, origin: &str);
}

/// Connects to the bus: credentials and `Hello`, nothing more.
pub(crate) async fn connect(bus: &BusChoice) -> Result<Connection, Error> {
    connect_for(bus, PATIENCE).await
}

/// The same, for calls whose answer may take so long.
pub(crate) async fn connect_for(bus: &BusChoice, patience: Duration) -> Result<Connection, Error> {
    let builder = match bus {
        BusChoice::System => zbus::connection::Builder::system(),
        BusChoice::Session => zbus::connection::Builder::session(),
        BusChoice::Address(address) => zbus::connection::Builder::address(address.as_str()),
    };
    let connecting = builder.method_timeout(patience).build();
    let name = bus.to_string();
    match tokio::time::timeout(PATIENCE, connecting).await {
        Err(_) => Err(Error::no_bus(&name, "it does not answer")),
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(zbus::Error::Connection(error, _))) if error.kind() == io::ErrorKind::PermissionDenied => {
            let message = format!("not allowed to connect to the {name}: {error}");
            Err(Error::new(Code::Denied, "NotAuthorized", message)
                .hint("run hvctl as root or as the bus's user"))
        }
        Ok(Err(zbus::Error::Connection(error, _))) => Err(Error::no_bus(&name, &error.to_string())),
        Ok(Err(error)) => Err(Error::no_bus(&name, &error.to_string())),
    }
}

/// hv-kvpd's items.
#[derive(Debug, Clone)]
pub(crate) struct Kvp {
    proxy: Kvp1Proxy<'static>,
}

impl Kvp {
    /// Connects to the bus; the daemon is not asked yet.
    pub(crate) async fn connect(bus: &BusChoice) -> Result<Kvp, Error> {
        Kvp::on(&connect(bus).await?).await
    }

    /// On a connection that is there already.
    pub(crate) async fn on(connection: &Connection) -> Result<Kvp, Error> {
        let proxy = Kvp1Proxy::new(connection).await.map_err(|error| Error::of_call(KVPD, error))?;
        Ok(Kvp { proxy })
    }

    /// One value.
    pub(crate) async fn get(&self, pool: Pool, key: &str) -> Result<String, Error> {
        carriable(key)?;
        self.proxy.get(pool.name(), key).await.map_err(|error| Error::of_call(KVPD, error))
    }

    /// Sets one item. The pool is a name as it came: the daemon decides which pools may be written.
    pub(crate) async fn set(&self, pool: &str, key: &str, value: &str) -> Result<(), Error> {
        carriable(key)?;
        carriable(value)?;
        self.write("Set", &(pool, key, value)).await
    }

    /// Deletes one item.
    pub(crate) async fn delete(&self, pool: &str, key: &str) -> Result<(), Error> {
        carriable(key)?;
        self.write("Delete", &(pool, key)).await
    }

    /// A change; where a person sits at the terminal, polkit may ask them, and then they get all the time they need.
    async fn write<B>(&self, method: &str, body: &B) -> Result<(), Error>
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        let interactive = io::stdin().is_terminal();
        let flags = if interactive { MethodFlags::ALLOW_INTERACTIVE_AUTH } else { MethodFlags::empty() };
        let call = self.proxy.inner().call_with_flags::<_, _, ()>(method, flags, body);
        let answer = if interactive {
            call.await
        } else {
            tokio::time::timeout(PATIENCE, call).await.map_err(|_| Error::silent(KVPD))?
        };
        answer.map(drop).map_err(|error| Error::of_call(KVPD, error))
    }

    /// All items of a pool in the daemon's order, fetched in pages.
    pub(crate) async fn list(&self, pool: Pool) -> Result<Vec<Item>, Error> {
        let mut items = Vec::new();
        loop {
            let first = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let (page, more) = self
                .proxy
                .list_page(pool.name(), first, PAGE)
                .await
                .map_err(|error| Error::of_call(KVPD, error))?;
            let empty = page.is_empty();
            let item = |(key, value)| Item { pool: pool.name().to_owned(), key, value };
            items.extend(page.into_iter().map(item));
            // An empty page that promises more would be asked for without end.
            if !more || empty || first == u32::MAX {
                return Ok(items);
            }
        }
    }
}

/// What D-Bus cannot carry is refused before it is sent: the bus would cut the connection.
pub(crate) fn carriable(text: &str) -> Result<(), Error> {
    if text.contains('\0') {
        let message = "a key or value cannot hold a NUL character: on the host's side it ends the text";
        return Err(Error::new(Code::Failed, "InvalidArgument", message).hint("leave the character out"));
    }
    Ok(())
}

/// A daemon's Service1, as far as it told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServiceInfo {
    /// Version of the daemon.
    pub(crate) version: String,
    /// `uio`, `hv_utils`, `sim`, or empty.
    pub(crate) transport: String,
    /// `closed`, `negotiating`, `ready`, `kernel`, `failed`.
    pub(crate) channel_state: String,
    /// Framework version, or empty.
    pub(crate) framework_version: String,
    /// Message version, or empty.
    pub(crate) message_version: String,
    /// Messages from the host.
    pub(crate) messages_received: u64,
    /// Of these, refused or dropped.
    pub(crate) messages_rejected: u64,
    /// Time of the last message in µs since 1970 (CLOCK_REALTIME); 0 for never.
    pub(crate) last_message: u64,
}

/// All of Service1 in one call, without starting a daemon that is not there.
pub(crate) async fn service_info(
    connection: &Connection,
    bus_name: &str,
    object: &str,
    daemon: &str,
) -> Result<ServiceInfo, Error> {
    let ask = async {
        let proxy = zbus::Proxy::new(connection, bus_name, object, "org.freedesktop.DBus.Properties").await?;
        let flags = MethodFlags::NO_AUTO_START;
        proxy.call_with_flags("GetAll", flags, &("org.hvutils.Service1",)).await
    };
    let answer = tokio::time::timeout(GLANCE, ask).await.map_err(|_| Error::silent(daemon))?;
    let properties: HashMap<String, OwnedVariant> =
        answer.map_err(|error| Error::of_call(daemon, error))?.unwrap_or_default();
    let text = |name: &str| properties.get(name).and_then(|value| value.downcast_ref::<String>().ok());
    let number = |name: &str| properties.get(name).and_then(|value| value.downcast_ref::<u64>().ok());
    Ok(ServiceInfo {
        version: text("Version").unwrap_or_default(),
        transport: text("Transport").unwrap_or_default(),
        channel_state: text("ChannelState").unwrap_or_default(),
        framework_version: text("FrameworkVersion").unwrap_or_default(),
        message_version: text("MessageVersion").unwrap_or_default(),
        messages_received: number("MessagesReceived").unwrap_or_default(),
        messages_rejected: number("MessagesRejected").unwrap_or_default(),
        last_message: number("LastMessage").unwrap_or_default(),
    })
}

/// An object, asked each time anew.
pub(crate) async fn proxy(
    bus: &Connection,
    name: &'static str,
    path: &'static str,
    interface: &'static str,
) -> zbus::Result<zbus::Proxy<'static>> {
    let builder: zbus::proxy::Builder<'_, zbus::Proxy<'_>> = zbus::proxy::Builder::new(bus);
    let builder = builder.destination(name).path(path).interface(interface);
    builder.cache_properties(zbus::proxy::CacheProperties::No).build().await
}

/// All properties of the interface that a daemon's name is, in one call, so that they fit together.
pub(crate) async fn properties(
    bus: &Connection,
    name: &'static str,
    path: &'static str,
    daemon: &str,
) -> Result<HashMap<String, OwnedVariant>, Error> {
    let failed = |error| Error::of_call(daemon, error);
    let proxy = proxy(bus, name, path, "org.freedesktop.DBus.Properties").await.map_err(failed)?;
    proxy.call("GetAll", &(name,)).await.map_err(failed)
}

/// A change; where a person sits at the terminal, polkit may ask them.
pub(crate) async fn change<B, R>(
    bus: &Connection,
    name: &'static str,
    path: &'static str,
    daemon: &str,
    method: &str,
    body: &B,
) -> Result<R, Error>
where
    B: serde::Serialize + zbus::DynamicType,
    R: serde::de::DeserializeOwned + zbus::Type,
{
    let failed = |error| Error::of_call(daemon, error);
    let interactive = io::stdin().is_terminal();
    let flags = if interactive { MethodFlags::ALLOW_INTERACTIVE_AUTH } else { MethodFlags::empty() };
    let proxy = proxy(bus, name, path, name).await.map_err(failed)?;
    let answer = proxy.call_with_flags(method, flags, body).await.map_err(failed)?;
    answer.ok_or_else(|| Error::silent(daemon))
}

/// Whether `error` is the daemon's "no such key".
pub(crate) fn is_no_such_key(error: &Error) -> bool {
    error.name.strip_prefix(PREFIX) == Some("NoSuchKey")
}
