//! Which bus: the value of `--bus`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use zbus::Address;
use zbus::address::Transport;
use zbus::address::transport::UnixSocket;

/// The bus a daemon appears on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusChoice {
    /// The system bus, or the one `DBUS_SYSTEM_BUS_ADDRESS` names.
    System,
    /// The bus of the user who runs the daemon, `DBUS_SESSION_BUS_ADDRESS`.
    Session,
    /// No bus.
    None,
    /// A bus by its address.
    Address(Box<Address>),
}

/// A text that names no bus.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use system, session, none, or a D-Bus address such as unix:path=/run/dbus/system_bus_socket")]
pub struct UnknownBus;

impl FromStr for BusChoice {
    type Err = UnknownBus;

    fn from_str(text: &str) -> Result<Self, UnknownBus> {
        match text {
            "system" => Ok(Self::System),
            "session" => Ok(Self::Session),
            "none" => Ok(Self::None),
            address => Address::from_str(address)
                .map(|address| Self::Address(Box::new(address)))
                .map_err(|_| UnknownBus),
        }
    }
}

impl fmt::Display for BusChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("the system bus"),
            Self::Session => f.write_str("the session bus"),
            Self::None => f.write_str("no bus"),
            Self::Address(address) => write!(f, "the bus at {address}"),
        }
    }
}

impl BusChoice {
    /// The address to connect to; `None` for no bus. A bus that was restarted has another GUID, so a GUID in the
    /// address is left out.
    ///
    /// # Errors
    /// The environment names a bus by something that is no address.
    pub fn address(&self) -> Result<Option<Address>, zbus::Error> {
        let address = match self {
            Self::System => Address::system()?,
            Self::Session => Address::session()?,
            Self::Address(address) => (**address).clone(),
            Self::None => return Ok(None),
        };
        Ok(Some(Address::new(address.transport().clone())))
    }
}

/// The socket file of a bus, if it is reached through one.
pub(super) fn socket_path(address: &Address) -> Option<PathBuf> {
    match address.transport() {
        Transport::Unix(unix) => match unix.path() {
            UnixSocket::File(path) => Some(Path::new(path).to_path_buf()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
