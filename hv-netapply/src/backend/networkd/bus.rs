//! networkd on the bus: whether it runs, and having it read its files again for one link. netplan's backend uses it too.

use zbus::Connection;

use crate::error::Error;
use crate::world::World;

/// Its name on the bus.
pub const NAME: &str = "org.freedesktop.network1";
const PATH: &str = "/org/freedesktop/network1";
const MANAGER: &str = "org.freedesktop.network1.Manager";

/// Whether networkd runs. It starts before there is a bus and leaves its state when it ends, so that the bus decides if
/// there is one; systemd's own mark of an active unit covers the moment between the two.
pub async fn runs(world: &World) -> bool {
    if world.is_on_bus(NAME).await {
        return true;
    }
    let run = &world.roots.run;
    let active = run.join("systemd/units/invocation:systemd-networkd.service").symlink_metadata().is_ok();
    let state = run.join("systemd/netif/state").exists();
    active || (state && world.bus().await.is_none())
}

/// Has networkd read its files, and configure the link anew by them. Every other link whose own file has changed since
/// networkd last read it is configured as well: it has no narrower call.
///
/// # Errors
/// It is not on the bus, or refuses.
pub async fn reconfigure(world: &World, index: u32) -> Result<(), Error> {
    let bus = world.bus().await.filter(|bus| !bus.is_closed());
    let bus = bus.ok_or_else(|| Error::not_applied("there is no system bus to reach systemd-networkd by"))?;
    call(&bus, "Reload", &()).await?;
    let index = i32::try_from(index).map_err(|_| Error::not_applied("no link has such a number"))?;
    call(&bus, "ReconfigureLink", &(index,)).await
}

async fn call<B>(bus: &Connection, method: &str, body: &B) -> Result<(), Error>
where
    B: serde::Serialize + zbus::zvariant::DynamicType,
{
    let reply = bus.call_method(Some(NAME), PATH, Some(MANAGER), method, body).await;
    reply.map(drop).map_err(|error| Error::bus(&format!("have systemd-networkd do {method}"), &error))
}
