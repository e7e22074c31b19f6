//! The little that netplan's backend says to NetworkManager: read your files, and take this profile for that device.

use std::path::Path;

use zbus::{Connection, ObjectPath, OwnedObjectPath, OwnedVariant};

use crate::error::Error;
use crate::world::World;

/// Its name on the bus.
pub(super) const NAME: &str = "org.freedesktop.NetworkManager";
const PATH: &str = "/org/freedesktop/NetworkManager";
const SETTINGS_PATH: &str = "/org/freedesktop/NetworkManager/Settings";
const SETTINGS: &str = "org.freedesktop.NetworkManager.Settings";
const PROFILE: &str = "org.freedesktop.NetworkManager.Settings.Connection";

/// The name of the profile that is active on a link; `None`: none.
pub(super) async fn active(world: &World, interface: &str) -> Option<String> {
    let bus = world.bus().await?;
    let device = device(&bus, interface).await.ok()?;
    let active =
        property(&bus, &device, "org.freedesktop.NetworkManager.Device", "ActiveConnection").await.ok()?;
    let active = OwnedObjectPath::try_from(active).ok().filter(|path| path.as_str() != "/")?;
    let id = property(&bus, &active, "org.freedesktop.NetworkManager.Connection.Active", "Id").await.ok()?;
    String::try_from(id).ok()
}

/// Has NetworkManager read its files, and the profile of `file` activated on the link.
///
/// # Errors
/// It is not on the bus, does not know the profile, or refuses.
pub(super) async fn activate(world: &World, interface: &str, file: &Path) -> Result<(), Error> {
    let failed = |error: zbus::Error| Error::bus("have NetworkManager take netplan's profile", &error);
    let bus = world.bus().await;
    let bus = bus.ok_or_else(|| Error::not_applied("there is no system bus to reach NetworkManager by"))?;
    call::<_, bool>(&bus, SETTINGS_PATH, SETTINGS, "ReloadConnections", &()).await.map_err(failed)?;
    let device = device(&bus, interface).await.map_err(failed)?;
    let profiles: Vec<OwnedObjectPath> =
        call(&bus, SETTINGS_PATH, SETTINGS, "ListConnections", &()).await.map_err(failed)?;
    for profile in profiles {
        let found = property(&bus, &profile, PROFILE, "Filename").await.ok();
        let found = found.and_then(|found| String::try_from(found).ok());
        if found.is_some_and(|found| Path::new(&found) == file) {
            let nothing = ObjectPath::from_static_str_unchecked("/");
            let body = (&profile, &device, &nothing);
            let activated = call::<_, OwnedObjectPath>(&bus, PATH, NAME, "ActivateConnection", &body);
            return activated.await.map(drop).map_err(failed);
        }
    }
    Err(Error::not_applied(format!("NetworkManager has no profile of {}", file.display())))
}

async fn device(bus: &Connection, interface: &str) -> zbus::Result<OwnedObjectPath> {
    call(bus, PATH, NAME, "GetDeviceByIpIface", &interface).await
}

async fn property(
    bus: &Connection,
    path: &OwnedObjectPath,
    interface: &str,
    name: &str,
) -> zbus::Result<OwnedVariant> {
    call(bus, path.as_str(), "org.freedesktop.DBus.Properties", "Get", &(interface, name)).await
}

async fn call<B, R>(bus: &Connection, path: &str, interface: &str, method: &str, body: &B) -> zbus::Result<R>
where
    B: serde::Serialize + zbus::zvariant::DynamicType,
    R: serde::de::DeserializeOwned + zbus::zvariant::Type,
{
    let reply = bus.call_method(Some(NAME), path, Some(interface), method, body).await?;
    reply.body().deserialize()
}
