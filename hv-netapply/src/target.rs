//! From an adapter's GUID to the link that is to be configured.
//!
//! sysfs knows which interface a VMBus device has (`class/net/X/device/device_id`, `{lower-case}`); the kernel's table knows
//! the rest. Only the synthetic NIC has a `device_id`: a VF of the same adapter is never found, and never configured.

use std::fs;
use std::path::Path;

use hv_utils_core::netapply::Kind;
use hv_utils_core::network::Table;

use crate::backend::Target;
use crate::error::Error;

/// The link of `adapter`, a GUID in lower case without braces.
///
/// # Errors
/// No interface has it ([`Kind::NoSuchAdapter`]).
pub fn find(adapter: &str, sysfs_root: &Path, table: &Table) -> Result<Target, Error> {
    let mut links =
        table.links().filter(|link| device_id(sysfs_root, &link.name).as_deref() == Some(adapter));
    let Some(link) = links.next() else {
        let text = format!("no network interface of this machine belongs to adapter {adapter}");
        return Err(Error::new(Kind::NoSuchAdapter, text));
    };
    let mac: Vec<String> = link.hardware.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Target {
        interface: link.name.to_string(),
        index: link.index,
        mac: mac.join(":"),
        adapter: adapter.to_owned(),
    })
}

fn device_id(sysfs_root: &Path, interface: &str) -> Option<String> {
    if interface.contains('/') || interface == ".." {
        return None;
    }
    let path = sysfs_root.join("class/net").join(interface).join("device/device_id");
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().trim_matches(['{', '}']).to_ascii_lowercase())
}
