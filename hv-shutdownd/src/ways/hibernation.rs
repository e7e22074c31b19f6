//! Whether the machine could hibernate, and wake up again with its integration components in place.
//!
//! The host must let it (`/sys/bus/vmbus/hibernation`), the kernel and logind must be able to, and what hands the components
//! back to the kernel's driver before it must be installed and enabled: a device on `uio_hv_generic` makes it fail
//! (Documentation/virt/hyperv/hibernation.rst).

use std::io::ErrorKind;
use std::path::Path;

use zbus::Connection;

use super::{GLANCE, Options, logind, manager};

/// What hands them back.
const UNIT: &str = "hv-utils-sleep.service";

/// An error is why not: a sentence.
pub(super) async fn possible(options: &Options, bus: Option<&Connection>) -> Result<(), String> {
    let sysfs = &options.sysfs_root;
    if text(sysfs, "bus/vmbus/hibernation")? != "1" {
        return Err("the host has hibernation not enabled for this machine".to_owned());
    }
    if !text(sysfs, "power/state")?.split_whitespace().any(|state| state == "disk") {
        return Err("the kernel cannot hibernate".to_owned());
    }
    let bus = bus.ok_or("there is no bus to ask logind over")?;
    match logind::can_hibernate(bus).await {
        Ok(can) if can == "yes" || is_held_up(&can) => {}
        Ok(can) => {
            let can = super::order::bounded(&can);
            return Err(format!(
                "logind says that the machine cannot hibernate ({can}): swap and resume= are needed"
            ));
        }
        Err(why) => {
            return Err(format!("logind does not say whether the machine can hibernate: {}", why.words()));
        }
    }
    match manager::unit_file_state(bus, UNIT, GLANCE).await {
        Ok(state) if state == "enabled" || state == "enabled-runtime" => Ok(()),
        Ok(state) => Err(format!("{UNIT} is {}: systemctl enable {UNIT}", super::order::bounded(&state))),
        Err(why) => Err(format!("systemd does not know {UNIT}: {}", why.words())),
    }
}

/// It could, but for an inhibitor: from version 257 on logind says that here. Who it is, and whether it counts, is another
/// question ([`logind::objections`]), and one that a forced request does not ask.
fn is_held_up(can: &str) -> bool {
    can == "inhibited" || can.ends_with("inhibitor-blocked")
}

fn text(sysfs: &Path, file: &str) -> Result<String, String> {
    let path = sysfs.join(file);
    let text = std::fs::read_to_string(&path);
    text.map(|text| text.trim().to_owned()).map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!("{} is not there: this kernel cannot do it", path.display()),
        _ => format!("{} cannot be read: {error}", path.display()),
    })
}
