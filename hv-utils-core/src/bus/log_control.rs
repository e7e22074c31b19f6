//! `org.freedesktop.LogControl1`: `systemctl service-log-level` and `service-log-target`.
//!
//! Anyone may read. Writing is root's: the bus policy says so, and so does the code, since a policy file may be
//! missing and polkit cannot guard properties.

use super::{Authority, Error};
use crate::daemon::log::{Level, Log, Target};
use std::str::FromStr;
use zbus::message::Header;
use zbus::{Connection, interface};

/// Where systemd looks for the interface.
pub(crate) const PATH: &str = "/org/freedesktop/LogControl1";

/// The object behind the interface.
#[derive(Debug)]
pub(crate) struct LogControl {
    log: Log,
    authority: Authority,
}

impl LogControl {
    pub(crate) fn new(log: Log, authority: Authority) -> Self {
        Self { log, authority }
    }

    async fn root(&self, bus: &Connection, call: Option<Header<'_>>) -> Result<(), Error> {
        match call {
            Some(call) => self.authority.root(bus, &call).await,
            None => Err(Error::NotAuthorized("the caller is not known".to_owned())),
        }
    }
}

#[interface(name = "org.freedesktop.LogControl1", introspection_docs = false)]
impl LogControl {
    #[zbus(property(emits_changed_signal = "false"))]
    fn log_level(&self) -> &'static str {
        self.log.level().syslog_name()
    }

    #[zbus(property)]
    async fn set_log_level(
        &self,
        level: String,
        #[zbus(connection)] bus: &Connection,
        #[zbus(header)] call: Option<Header<'_>>,
    ) -> Result<(), Error> {
        self.root(bus, call).await?;
        let level = Level::from_str(&level).map_err(|error| Error::InvalidArgument(error.to_string()))?;
        self.log.set_level(level);
        tracing::info!(%level, "log level set over D-Bus");
        Ok(())
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn log_target(&self) -> &'static str {
        self.log.target()
    }

    #[zbus(property)]
    async fn set_log_target(
        &self,
        target: String,
        #[zbus(connection)] bus: &Connection,
        #[zbus(header)] call: Option<Header<'_>>,
    ) -> Result<(), Error> {
        self.root(bus, call).await?;
        let target = Target::from_str(&target).map_err(|error| Error::InvalidArgument(error.to_string()))?;
        self.log.set_target(target).map_err(|error| Error::Failed(error.to_string()))
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn syslog_identifier(&self) -> &'static str {
        self.log.identifier()
    }
}
