//! NetworkManager's objects on the bus, as far as they are needed here.
//!
//! One call each, no cache: whoever asks wants to know what is so now. All calls go to the process that owned the name when
//! this was made, so that a restart in between ends what was begun; the connection bounds each of them in time.
//! The interface: NetworkManager's D-Bus API, stable since 1.12 (Update2).

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::message::Type as MessageType;
use zbus::wire::{OwnedObjectPath, OwnedVariant};
use zbus::{Connection, DynamicType, MatchRule, MessageStream, Type};

use super::settings::Settings;
use crate::world::World;

pub(super) const NAME: &str = "org.freedesktop.NetworkManager";
pub(super) const MANAGER: &str = "/org/freedesktop/NetworkManager";
const SETTINGS: &str = "/org/freedesktop/NetworkManager/Settings";
const DEVICE: &str = "org.freedesktop.NetworkManager.Device";
const WIRED: &str = "org.freedesktop.NetworkManager.Device.Wired";
const ACTIVE: &str = "org.freedesktop.NetworkManager.Connection.Active";
const PROFILES: &str = "org.freedesktop.NetworkManager.Settings";
const PROFILE: &str = "org.freedesktop.NetworkManager.Settings.Connection";
const BUS: &str = "org.freedesktop.DBus";

/// NetworkManager's word for no object.
const NOTHING: &str = "/";
/// Where a profile is to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// `to-disk`
    OnDisk,
    /// `in-memory-only`: not on disk any more.
    InMemory,
}

impl Keep {
    fn flags(self) -> u32 {
        match self {
            Keep::OnDisk => 0x1,
            Keep::InMemory => 0x8,
        }
    }
}

/// What is active on a device.
#[derive(Debug, Clone)]
pub(super) struct Active {
    pub(super) path: OwnedObjectPath,
    pub(super) profile: OwnedObjectPath,
    pub(super) uuid: String,
    /// NMActiveConnectionState: 1 on its way, 2 there.
    pub(super) state: u32,
    /// Somebody else has configured the link, NetworkManager only shows it.
    pub(super) external: bool,
}

/// NetworkManager, as it runs now.
#[derive(Debug, Clone)]
pub(super) struct Bus {
    connection: Connection,
    owner: String,
}

impl Bus {
    /// `None` if it does not run.
    pub(super) async fn of(world: &World) -> Option<Self> {
        let connection = world.bus().await?;
        let reply = connection
            .call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), "GetNameOwner", &NAME)
            .await
            .ok()?;
        let owner = reply.body().deserialize::<String>().ok()?;
        Some(Self { connection, owner })
    }

    pub(super) async fn call<B, R>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> zbus::Result<R>
    where
        B: Serialize + DynamicType,
        R: DeserializeOwned + Type,
    {
        let reply = self
            .connection
            .call_method(Some(self.owner.as_str()), path, Some(interface), method, body)
            .await?;
        reply.body().deserialize()
    }

    pub(super) async fn get<T>(&self, path: &str, interface: &str, property: &str) -> zbus::Result<T>
    where
        T: TryFrom<OwnedVariant>,
        T::Error: Into<zbus::Error>,
    {
        let value: OwnedVariant =
            self.call(path, "org.freedesktop.DBus.Properties", "Get", &(interface, property)).await?;
        T::try_from(value).map_err(Into::into)
    }

    // ---- devices

    /// The device of an interface; `None` if it is not known.
    pub(super) async fn device(&self, interface: &str) -> zbus::Result<Option<OwnedObjectPath>> {
        let found = self.call(MANAGER, NAME, "GetDeviceByIpIface", &interface).await;
        match found {
            Ok(path) => Ok(Some(path)),
            Err(zbus::Error::MethodError(name, ..)) if name.ends_with(".UnknownDevice") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether it has not looked at all links yet.
    pub(super) async fn is_starting(&self) -> bool {
        self.get(MANAGER, NAME, "Startup").await.unwrap_or(false)
    }

    /// NMDeviceState.
    pub(super) async fn state(&self, device: &str) -> zbus::Result<u32> {
        self.get(device, DEVICE, "State").await
    }

    /// NMDeviceStateReason.
    pub(super) async fn reason(&self, device: &str) -> u32 {
        let reason: zbus::Result<(u32, u32)> = self.get(device, DEVICE, "StateReason").await;
        reason.map_or(0, |(_, reason)| reason)
    }

    pub(super) async fn is_managed(&self, device: &str) -> zbus::Result<bool> {
        self.get(device, DEVICE, "Managed").await
    }

    /// Whether there is somebody at the other end; yes where it is not told.
    pub(super) async fn has_carrier(&self, device: &str) -> bool {
        self.get(device, WIRED, "Carrier").await.unwrap_or(true)
    }

    /// What is active on a device.
    pub(super) async fn active(&self, device: &str) -> zbus::Result<Option<Active>> {
        let path: OwnedObjectPath = self.get(device, DEVICE, "ActiveConnection").await?;
        if path.as_str() == NOTHING {
            return Ok(None);
        }
        let flags: u32 = self.get(&path, ACTIVE, "StateFlags").await.unwrap_or(0);
        Ok(Some(Active {
            profile: self.get(&path, ACTIVE, "Connection").await?,
            uuid: self.get(&path, ACTIVE, "Uuid").await?,
            state: self.get(&path, ACTIVE, "State").await?,
            external: flags & 0x80 != 0,
            path,
        }))
    }

    /// NMActiveConnectionState; 4 (gone) if it is no more.
    pub(super) async fn active_state(&self, active: &str) -> u32 {
        self.get(active, ACTIVE, "State").await.unwrap_or(4)
    }

    /// The profile as it is in force on a device.
    pub(super) async fn applied(&self, device: &str) -> zbus::Result<Settings> {
        let (settings, _version): (Settings, u64) =
            self.call(device, DEVICE, "GetAppliedConnection", &0u32).await?;
        Ok(settings)
    }

    /// News of activations, from now on.
    pub(super) async fn news(&self) -> zbus::Result<MessageStream> {
        let rule = MatchRule::builder()
            .msg_type(MessageType::Signal)
            .sender(self.owner.as_str())
            .interface(ACTIVE)
            .member("StateChanged")
            .build()?;
        MessageStream::for_match_rule(rule, &self.connection, None).await
    }

    /// Begins to activate a profile on a device.
    pub(super) async fn activate(&self, profile: &str, device: &str) -> zbus::Result<OwnedObjectPath> {
        let (profile, device) = (path(profile)?, path(device)?);
        self.call(MANAGER, NAME, "ActivateConnection", &(profile, device, path(NOTHING)?)).await
    }

    /// Ends what is active on a device, and is content if that has ended by itself.
    pub(super) async fn disconnect(&self, device: &str) -> zbus::Result<()> {
        match self.call(device, DEVICE, "Disconnect", &()).await {
            Err(zbus::Error::MethodError(name, ..)) if name.ends_with(".NotActive") => Ok(()),
            result => result,
        }
    }

    // ---- profiles

    pub(super) async fn profiles(&self) -> zbus::Result<Vec<OwnedObjectPath>> {
        self.call(SETTINGS, PROFILES, "ListConnections", &()).await
    }

    /// The profile with a UUID; `None` if there is none.
    pub(super) async fn profile(&self, uuid: &str) -> zbus::Result<Option<OwnedObjectPath>> {
        match self.call(SETTINGS, PROFILES, "GetConnectionByUuid", &uuid).await {
            Ok(path) => Ok(Some(path)),
            Err(zbus::Error::MethodError(name, ..)) if name.ends_with(".InvalidConnection") => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn settings(&self, profile: &str) -> zbus::Result<Settings> {
        self.call(profile, PROFILE, "GetSettings", &()).await
    }

    /// The same with the secrets that NetworkManager keeps: an update without them would drop them.
    pub(super) async fn settings_with_secrets(&self, profile: &str) -> zbus::Result<Settings> {
        let mut settings = self.settings(profile).await?;
        // Of what an Ethernet profile may have, this one section has any.
        const SECRET: &str = "802-1x";
        if let Some(section) = settings.get_mut(SECRET) {
            let secrets: zbus::Result<Settings> = self.call(profile, PROFILE, "GetSecrets", &SECRET).await;
            if let Some(secrets) = secrets.ok().and_then(|mut secrets| secrets.remove(SECRET)) {
                section.extend(secrets);
            }
        }
        Ok(settings)
    }

    /// Where it is kept; "" if nowhere.
    pub(super) async fn filename(&self, profile: &str) -> String {
        self.get(profile, PROFILE, "Filename").await.unwrap_or_default()
    }

    pub(super) async fn is_unsaved(&self, profile: &str) -> bool {
        self.get(profile, PROFILE, "Unsaved").await.unwrap_or(false)
    }

    /// Whether it is in memory only, and somebody else's than NetworkManager's: not `nm-generated`.
    pub(super) async fn is_somebodys(&self, profile: &str) -> bool {
        let flags: u32 = self.get(profile, PROFILE, "Flags").await.unwrap_or(0);
        flags & 0x1 != 0 && flags & 0x2 == 0
    }

    pub(super) async fn update(&self, profile: &str, settings: &Settings, keep: Keep) -> zbus::Result<()> {
        let more: HashMap<&str, OwnedVariant> = HashMap::new();
        let _result: HashMap<String, OwnedVariant> =
            self.call(profile, PROFILE, "Update2", &(settings, keep.flags(), more)).await?;
        Ok(())
    }

    /// Adds a profile, kept on disk.
    pub(super) async fn add(&self, settings: &Settings) -> zbus::Result<OwnedObjectPath> {
        self.call(SETTINGS, PROFILES, "AddConnection", settings).await
    }

    /// Adds a profile until the next boot.
    pub(super) async fn add_unsaved(&self, settings: &Settings) -> zbus::Result<OwnedObjectPath> {
        self.call(SETTINGS, PROFILES, "AddConnectionUnsaved", settings).await
    }

    pub(super) async fn delete(&self, profile: &str) -> zbus::Result<()> {
        self.call(profile, PROFILE, "Delete", &()).await
    }

    /// Has files read anew, and those forgotten that are no more.
    pub(super) async fn load(&self, files: &[String]) -> zbus::Result<()> {
        let _result: (bool, Vec<String>) = self.call(SETTINGS, PROFILES, "LoadConnections", &files).await?;
        Ok(())
    }
}

pub(super) fn path(text: &str) -> zbus::Result<zbus::ObjectPath<'_>> {
    zbus::ObjectPath::try_from(text)
}
