//! What to do about a service that is not well: one sentence, or none if all is well.
//!
//! Pure: from what `status` has gathered. The first thing that stands in the way is the one that is told.

use super::{Service, is_absent};
use crate::error::Error;
use crate::proxies::ServiceInfo;

/// Advice for one service; `vmbus` says whether this machine has a VMBus at all.
pub(super) fn of(service: &Service<'_>, vmbus: bool) -> Option<String> {
    match &service.info {
        Ok(info) => of_running(service, info, vmbus),
        Err(error) => of_absent(service, error, vmbus),
    }
}

/// Advice for all, a line each; daemons that are not installed share the last line, as there is nothing to say of
/// each that its name does not.
pub(super) fn of_all(services: &[Service<'_>], vmbus: bool) -> Vec<String> {
    let (mut lines, mut missing) = (Vec::new(), Vec::new());
    for service in services {
        match of(service, vmbus) {
            Some(advice) if advice == not_installed(service) => missing.push(service.daemon.name),
            advice => lines.extend(advice),
        }
    }
    if !missing.is_empty() {
        lines.push(format!("not installed: {}", missing.join(", ")));
    }
    lines
}

fn not_installed(service: &Service<'_>) -> String {
    format!("{} is not installed", service.daemon.name)
}

fn of_running(service: &Service<'_>, info: &ServiceInfo, vmbus: bool) -> Option<String> {
    let daemon = service.daemon.name;
    match info.channel_state.as_str() {
        "ready" | "kernel" => None,
        "failed" => Some(format!("{daemon} cannot use its channel: journalctl -u {daemon} tells why")),
        "negotiating" => Some(format!(
            "{daemon} waits for the host to agree on a version; if that lasts, restart the service on the host"
        )),
        // A channel to a test host needs no VMBus.
        _ if info.transport == "sim" => Some(format!("{daemon} waits for the test host: start hv-testhost")),
        // Whoever has heard from a host without a VMBus had a simulated link, and waits for it to come back.
        _ if !vmbus && info.messages_received > 0 => Some(format!(
            "{daemon} has no channel any more: the simulated host does not offer this service, or cannot be reached"
        )),
        _ if !vmbus => Some(format!("{daemon} has no host to talk to: this machine has no VMBus")),
        _ if service.device.is_none() => Some(not_offered(service)),
        _ => Some(format!("{daemon} has no channel to the host: journalctl -u {daemon} tells why")),
    }
}

fn of_absent(service: &Service<'_>, error: &Error, vmbus: bool) -> Option<String> {
    let daemon = service.daemon.name;
    if error.short_name() == "NoBus" {
        // Told once, as the error.
        return None;
    }
    if !is_absent(error) {
        return Some(format!("{}: {}", error.message, error.hint));
    }
    let kernel = service.device.and_then(|device| device.driver.as_deref()) == Some("hv_utils");
    Some(match (service.installed, service.daemon.kernel_suffices && kernel) {
        (false, true) => {
            format!("{daemon} is not installed; the kernel's hv_utils answers the host without it")
        }
        (true, true) => format!(
            "{daemon} is not running; the kernel's hv_utils answers the host without it. To start it: \
             systemctl enable --now {daemon}"
        ),
        (false, false) => not_installed(service),
        (true, false) if !vmbus => format!(
            "{daemon} is not running (systemctl start {daemon}); it needs a Hyper-V host, and this machine has no VMBus"
        ),
        (true, false) if service.device.is_none() => {
            format!("{daemon} is not running, and {}", not_offered(service))
        }
        (true, false) => format!("{daemon} is not running: systemctl enable --now {daemon}"),
    })
}

fn not_offered(service: &Service<'_>) -> String {
    format!(
        "the host does not offer this service; on the host: Enable-VMIntegrationService -VMName NAME -Name '{}'",
        service.daemon.host_name
    )
}
