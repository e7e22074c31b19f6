//! `hvctl status`: the six services at one look, and what to do about those that are not well.
//!
//! Asks every daemon at once, starts none, and needs none: what is absent is shown with advice. The VMBus devices
//! come from sysfs, so that "the host does not offer it" and "the daemon does not run" can be told apart.
//! Exit 0 as long as the bus could be asked; without a bus the rest is still shown (exit 69).

use futures_util::future::join_all;
use serde::Serialize;

use crate::age::{age, ago};
use crate::args::{BusChoice, Cli};
use crate::daemons::{DAEMONS, Daemon};
use crate::devices;
use crate::error::{Error, Failure};
use crate::output::{Cell, ErrorBody, Output, Paint};
use crate::proxies::{ServiceInfo, connect, service_info};
use hv_utils_core::channel::sysfs::VmbusDevice;

mod advice;

/// One service, from all sides.
#[derive(Debug)]
struct Service<'a> {
    daemon: &'a Daemon,
    /// What the daemon says of itself, or why it does not.
    info: Result<ServiceInfo, Error>,
    /// Its device on the VMBus.
    device: Option<&'a VmbusDevice>,
    /// Whether its program is installed.
    installed: bool,
}

/// `hvctl status`.
pub(crate) async fn run(cli: &Cli, output: &Output) -> Result<(), Failure> {
    // Status tells what can be told: a VMBus that cannot be read is as one that is not there.
    let devices = devices::find(&cli.sysfs_root).ok().flatten();
    let (infos, no_bus) = ask_all(&cli.bus).await;
    let services: Vec<Service<'_>> = DAEMONS
        .iter()
        .zip(infos)
        .map(|(daemon, info)| Service {
            daemon,
            info,
            device: devices.iter().flatten().find(|device| device.class == daemon.ic.class()),
            installed: daemon.program(cli.daemon_dir.as_deref()).is_some(),
        })
        .collect();
    let vmbus = devices.is_some();
    if output.json {
        print_json(&services, vmbus, no_bus.as_ref(), output)?;
    } else {
        print_text(&services, vmbus, no_bus.as_ref(), output)?;
    }
    no_bus.map_or(Ok(()), |error| Err(Failure::Reported(error.code)))
}

/// Every daemon's answer, in order; and why the bus could not be asked, if so.
async fn ask_all(bus: &BusChoice) -> (Vec<Result<ServiceInfo, Error>>, Option<Error>) {
    match connect(bus).await {
        Ok(connection) => {
            let ask = |daemon: &Daemon| {
                let Daemon { bus_name, object, name, .. } = *daemon;
                let connection = &connection;
                async move { service_info(connection, bus_name, object, name).await }
            };
            (join_all(DAEMONS.iter().map(ask)).await, None)
        }
        Err(error) => (DAEMONS.iter().map(|_| Err(error.clone())).collect(), Some(error)),
    }
}

fn print_text(
    services: &[Service<'_>],
    vmbus: bool,
    no_bus: Option<&Error>,
    output: &Output,
) -> Result<(), Failure> {
    let heading = [
        "SERVICE",
        "DAEMON",
        "STATE",
        "CHANNEL",
        "VERSION",
        "MESSAGES",
        "REJECTED",
        "LAST MESSAGE",
        "DRIVER",
    ];
    let rows: Vec<_> = services.iter().map(cells).collect();
    output.table(&heading, &rows)?;
    let advice = advice::of_all(services, vmbus);
    if !advice.is_empty() {
        output.line("")?;
        advice.iter().try_for_each(|line| output.line(&format!("- {line}")))?;
    }
    no_bus.map_or(Ok(()), |error| output.error(error))
}

fn cells(service: &Service<'_>) -> Vec<Cell> {
    let daemon = service.daemon;
    let driver = service.device.map_or("no device", |device| device.driver.as_deref().unwrap_or("no driver"));
    let Ok(info) = &service.info else {
        let state = match &service.info {
            Err(error) if error.short_name() == "NoBus" => "unknown",
            Err(error) if is_absent(error) => "not running",
            _ => "no answer",
        };
        let mut row = vec![Cell::new(daemon.ic.name()), Cell::new(""), Cell::new(state).paint(Paint::Yellow)];
        row.extend(std::iter::repeat_n(Cell::new(""), 5));
        row.push(Cell::new(driver));
        return row;
    };
    let paint = match info.channel_state.as_str() {
        "ready" | "kernel" => Paint::Green,
        "failed" => Paint::Red,
        _ => Paint::Yellow,
    };
    let version = match (info.message_version.as_str(), info.framework_version.as_str()) {
        ("", _) => String::new(),
        (message, framework) => format!("{message} (framework {framework})"),
    };
    vec![
        Cell::new(daemon.ic.name()),
        Cell::new(&format!("{} {}", daemon.name, info.version)),
        Cell::new(&info.channel_state).paint(paint),
        Cell::new(&info.transport),
        Cell::new(&version),
        Cell::new(&info.messages_received.to_string()),
        Cell::new(&info.messages_rejected.to_string()),
        Cell::new(&age(info.last_message).map_or("never".to_owned(), ago)),
        Cell::new(driver),
    ]
}

/// Whether the daemon is simply not on the bus.
fn is_absent(error: &Error) -> bool {
    matches!(error.short_name(), "ServiceUnknown" | "NameHasNoOwner")
}

/// One service as JSON; what an absent daemon cannot tell is null.
#[derive(Debug, Serialize)]
struct Row<'a> {
    service: &'a str,
    daemon: &'a str,
    bus_name: &'a str,
    running: bool,
    installed: bool,
    version: Option<&'a str>,
    transport: Option<&'a str>,
    channel_state: Option<&'a str>,
    framework_version: Option<&'a str>,
    message_version: Option<&'a str>,
    messages_received: Option<u64>,
    messages_rejected: Option<u64>,
    /// µs since 1970; 0 for never.
    last_message: Option<u64>,
    last_message_age_secs: Option<u64>,
    device: Option<Device<'a>>,
    hint: Option<String>,
}

/// A service's device as JSON.
#[derive(Debug, Serialize)]
struct Device<'a> {
    instance: &'a str,
    driver: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn new(service: &'a Service<'a>, vmbus: bool) -> Row<'a> {
        let info = service.info.as_ref().ok();
        let daemon = service.daemon;
        Row {
            service: daemon.ic.name(),
            daemon: daemon.name,
            bus_name: daemon.bus_name,
            running: info.is_some(),
            installed: service.installed,
            version: info.map(|info| info.version.as_str()),
            transport: info.map(|info| info.transport.as_str()),
            channel_state: info.map(|info| info.channel_state.as_str()),
            framework_version: info.map(|info| info.framework_version.as_str()),
            message_version: info.map(|info| info.message_version.as_str()),
            messages_received: info.map(|info| info.messages_received),
            messages_rejected: info.map(|info| info.messages_rejected),
            last_message: info.map(|info| info.last_message),
            last_message_age_secs: info.and_then(|info| age(info.last_message)).map(|age| age.as_secs()),
            device: service
                .device
                .map(|device| Device { instance: &device.instance, driver: device.driver.as_deref() }),
            hint: advice::of(service, vmbus),
        }
    }
}

fn print_json(
    services: &[Service<'_>],
    vmbus: bool,
    no_bus: Option<&Error>,
    output: &Output,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Answer<'a> {
        /// Whether this machine has a VMBus.
        vmbus: bool,
        services: Vec<Row<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorBody<'a>>,
    }
    let services = services.iter().map(|service| Row::new(service, vmbus)).collect();
    output.object("status", &Answer { vmbus, services, error: no_bus.map(ErrorBody::from) })
}

#[cfg(test)]
mod tests;
