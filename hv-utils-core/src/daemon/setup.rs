//! What a daemon is given before its loop begins: its context, its link to the host, its seat on the bus.

use super::args::Parsed;
use super::{Context, Exit, Failure, Log, Notifier, Service};
use crate::bus::presence::Presence;
use crate::bus::{Authority, BusChoice};
use crate::channel::{Link, LinkOptions};
use crate::wire::Version;

pub(super) fn context<S: Service>(parsed: &Parsed<S::Args>, log: &Log) -> Context {
    let notify = Notifier::from_env().unwrap_or_else(|error| {
        tracing::warn!("NOTIFY_SOCKET cannot be used: {error}; going on without the service manager");
        Notifier::default()
    });
    let common = parsed.common.clone();
    Context { common, authority: Authority::new(), notify, log: log.clone(), name: S::NAME }
}

pub(super) fn link<S: Service>(
    parsed: &Parsed<S::Args>,
    max_version: Option<Version>,
) -> Result<Link, Failure> {
    let common = &parsed.common;
    let options = LinkOptions {
        ic: S::IC,
        choice: common.channel.clone(),
        max_version,
        sysfs_root: common.sysfs_root.clone(),
        dev_root: common.dev_root.clone(),
    };
    Link::new(options).map_err(|error| {
        let exit = match error.exit_code() {
            69 => Exit::Unavailable,
            77 => Exit::NotPermitted,
            _ => Exit::Internal,
        };
        Failure::new(exit, error.to_string())
    })
}

pub(super) fn presence<S: Service>(bus: &BusChoice) -> Result<Option<Presence>, Failure> {
    let address = bus.address().map_err(|error| {
        Failure::new(Exit::Usage, format!("the environment does not name {bus} by an address: {error}"))
    })?;
    Ok(address.map(|address| Presence::seek(address, S::BUS_NAME)))
}
