//! Questions to a service on the bus that must not be started by them.
//!
//! The service is addressed by the name of its connection, which nobody can be activated for. An answer of another
//! shape than expected is no answer.

use zbus::names::OwnedUniqueName;
use zbus::wire::OwnedVariant;
use zbus::{Connection, DynamicType, Variant};

/// A service that runs.
#[derive(Debug)]
pub(super) struct Service<'b> {
    bus: &'b Connection,
    owner: OwnedUniqueName,
}

impl<'b> Service<'b> {
    /// The present owner of a well-known name; `None` if there is none.
    pub(super) async fn named(bus: &'b Connection, name: &str) -> Option<Service<'b>> {
        let path = "/org/freedesktop/DBus";
        let daemon = Some("org.freedesktop.DBus");
        let answer = bus.call_method(daemon, path, daemon, "GetNameOwner", &(name,)).await.ok()?;
        let owner = answer.body().deserialize().ok()?;
        Some(Service { bus, owner })
    }

    /// Calls a method that answers with one value.
    pub(super) async fn call<B, R>(&self, path: &str, interface: &str, method: &str, body: &B) -> Option<R>
    where
        B: serde::Serialize + DynamicType,
        R: serde::de::DeserializeOwned + zbus::Type,
    {
        let owner = Some(self.owner.as_str());
        let answer = self.bus.call_method(owner, path, Some(interface), method, body).await;
        match answer.and_then(|answer| answer.body().deserialize()) {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::debug!(%error, path, interface, method, "no answer about DNS servers");
                None
            }
        }
    }

    /// A property.
    pub(super) async fn property(&self, path: &str, interface: &str, name: &str) -> Option<OwnedVariant> {
        self.call(path, "org.freedesktop.DBus.Properties", "Get", &(interface, name)).await
    }
}

/// The elements of an array; none of anything else.
pub(super) fn elements<'v>(value: &'v Variant<'v>) -> impl Iterator<Item = &'v Variant<'v>> {
    let array = match value {
        Variant::Array(array) => Some(array),
        _ => None,
    };
    array.into_iter().flat_map(|array| array.iter())
}

/// The bytes of an array of bytes.
pub(super) fn bytes(value: &Variant<'_>) -> Vec<u8> {
    elements(value)
        .filter_map(|element| match element {
            Variant::U8(byte) => Some(*byte),
            _ => None,
        })
        .collect()
}
