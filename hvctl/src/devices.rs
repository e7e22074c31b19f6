//! `hvctl devices`: what the host has put on this machine's VMBus, as sysfs shows it.
//!
//! No daemon and no bus is needed. Devices are told apart by their class; names are those a person knows.

use std::path::Path;

use serde::Serialize;

use crate::error::{Code, Error, Failure};
use crate::output::{Cell, Output};
use hv_utils_core::channel::sysfs::{self, VmbusDevice};
use hv_utils_core::wire::{Guid, Ic};

/// Classes and their names, from the kernel's `include/linux/hyperv.h`.
const CLASSES: [(Guid, &str); 19] = [
    (Guid::from_u128(0x57164f39_9115_4e78_ab55_382f3bd5422d), "Heartbeat"),
    (Guid::from_u128(0xa9a0f4e7_5a45_4d96_b827_8a841e8c03e6), "Data exchange (KVP)"),
    (Guid::from_u128(0x0e0b6031_5213_4934_818b_38d90ced39db), "Guest shutdown"),
    (Guid::from_u128(0x9527e630_d0ae_497b_adce_e80ab0175caf), "Time synchronization"),
    (Guid::from_u128(0x35fa2e29_ea23_4236_96ae_3a6ebacba440), "Backup (VSS)"),
    (Guid::from_u128(0x34d14be3_dee4_41c8_9ae7_6b174977c192), "Guest services (file copy)"),
    (Guid::from_u128(0x525074dc_8985_46e2_8057_a307dc18a502), "Dynamic memory"),
    (Guid::from_u128(0xf8615163_df3e_46c5_913f_f2d2f965ed0e), "Network adapter"),
    (Guid::from_u128(0xba6163d9_04a1_4d29_b605_72e2ffb1dc7f), "SCSI controller"),
    (Guid::from_u128(0x32412632_86cb_44a2_9b5c_50d1417354f5), "IDE controller"),
    (Guid::from_u128(0x2f9bcc4a_0069_4af3_b76b_6fd0be528cda), "Fibre Channel adapter"),
    (Guid::from_u128(0x8c2eaf3d_32a7_4b09_ab99_bd1f1c86b501), "RDMA adapter"),
    (Guid::from_u128(0x44c4f61d_4444_4400_9d52_802e27ede19f), "PCI pass-through"),
    (Guid::from_u128(0xf912ad6d_2b17_48ea_bd65_f927a61c7684), "Keyboard"),
    (Guid::from_u128(0xcfa8b69e_5b4a_4cc0_b98b_8ba1a1f3f95a), "Mouse"),
    (Guid::from_u128(0xda0a7802_e377_4aac_8e77_0558eb1073f8), "Video"),
    (Guid::from_u128(0x276aacf4_ac15_426c_98dd_7521ad3f01fe), "Remote desktop (Windows guests only)"),
    (Guid::from_u128(0xf8e65716_3cb3_4a06_9a60_1889c5cccab5), "Activation (Windows guests only)"),
    (Guid::from_u128(0x3375baf4_9e15_4b30_b765_67acb10d607b), "Activation (Windows guests only)"),
];

/// Name of a class for a person.
pub(crate) fn class_name(class: Guid) -> &'static str {
    CLASSES.iter().find(|(known, _)| *known == class).map_or("Unknown", |(_, name)| name)
}

/// One device as JSON.
#[derive(Debug, Serialize)]
struct Row<'a> {
    class: String,
    name: &'a str,
    /// Which of our services this is the device of.
    service: Option<&'a str>,
    instance: &'a str,
    driver: Option<&'a str>,
    relid: Option<u32>,
    /// Bytes of one of the two rings, with its control page; sysfs shows it only on `uio_hv_generic`.
    ring_bytes: Option<u64>,
}

impl<'a> Row<'a> {
    fn new(device: &'a VmbusDevice) -> Row<'a> {
        Row {
            class: device.class.to_string(),
            name: class_name(device.class),
            service: Ic::from_class(&device.class).map(Ic::name),
            instance: &device.instance,
            driver: device.driver.as_deref(),
            relid: device.relid,
            ring_bytes: device.ring_bytes(),
        }
    }

    fn cells(&self) -> Vec<Cell> {
        let number = |value: Option<String>| Cell::new(&value.unwrap_or_default());
        vec![
            Cell::new(self.name),
            Cell::new(&self.class),
            Cell::new(self.instance),
            Cell::new(self.driver.unwrap_or_default()),
            number(self.relid.map(|relid| relid.to_string())),
            number(self.ring_bytes.map(|bytes| format!("2 x {bytes}"))),
        ]
    }
}

/// The devices, or nothing where there is no VMBus.
pub(crate) fn find(sysfs_root: &Path) -> Result<Option<Vec<VmbusDevice>>, Error> {
    if !sysfs_root.join("bus/vmbus").exists() {
        return Ok(None);
    }
    sysfs::devices(sysfs_root).map(Some).map_err(|error| {
        let message = format!("cannot read the VMBus devices under {}: {error}", sysfs_root.display());
        Error::new(Code::Failed, "Failed", message).hint("check that sysfs is mounted and readable")
    })
}

/// `hvctl devices`.
pub(crate) fn run(sysfs_root: &Path, output: &Output) -> Result<(), Failure> {
    let devices = find(sysfs_root)?.ok_or_else(|| {
        let message =
            format!("there is no VMBus here ({} does not exist)", sysfs_root.join("bus/vmbus").display());
        let hint = "this is not a Hyper-V guest, or its kernel lacks hv_vmbus (modprobe hv_vmbus)";
        Error::new(Code::Unavailable, "NoVmbus", message).hint(hint)
    })?;
    let rows: Vec<Row<'_>> = devices.iter().map(Row::new).collect();
    if output.json {
        #[derive(Serialize)]
        struct Items<'a> {
            items: &'a [Row<'a>],
        }
        return output.object("devices", &Items { items: &rows });
    }
    if rows.is_empty() {
        output.note("no devices on the VMBus");
        return Ok(());
    }
    let heading = ["DEVICE", "CLASS", "INSTANCE", "DRIVER", "RELID", "RING BYTES"];
    output.table(&heading, &rows.iter().map(Row::cells).collect::<Vec<_>>())
}
