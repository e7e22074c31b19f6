//! Thin local copies of what `hv_utils_core` provides: pool names, GUIDs, ICs and the VMBus devices of sysfs.
//!
//! Same names and same meaning as there; replaced by the real ones as soon as they have landed.
//! Nothing here is more than hvctl needs to be built and tested alone.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Pool {
    External,
    Guest,
    Auto,
    AutoExternal,
    AutoInternal,
}

impl Pool {
    pub(crate) const ALL: [Pool; 5] =
        [Pool::External, Pool::Guest, Pool::Auto, Pool::AutoExternal, Pool::AutoInternal];
    pub(crate) fn name(self) -> &'static str {
        ["external", "guest", "auto", "auto-external", "auto-internal"][self as usize]
    }
}

impl FromStr for Pool {
    type Err = ();
    fn from_str(text: &str) -> Result<Pool, ()> {
        let number = ["0", "1", "2", "3", "4"].iter().position(|digit| *digit == text);
        let named = Pool::ALL.iter().position(|pool| pool.name() == text);
        number.or(named).map(|index| Pool::ALL[index]).ok_or(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Guid(u128);

impl Guid {
    pub(crate) const fn from_u128(value: u128) -> Guid {
        Guid(value)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        write!(f, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

impl FromStr for Guid {
    type Err = ();
    fn from_str(text: &str) -> Result<Guid, ()> {
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        u128::from_str_radix(&digits, 16).map(Guid).map_err(|_| ())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ic {
    Heartbeat,
    Kvp,
    Shutdown,
    TimeSync,
    Vss,
    FileCopy,
}

impl Ic {
    pub(crate) fn name(self) -> &'static str {
        ["heartbeat", "kvp", "shutdown", "timesync", "vss", "fcopy"][self as usize]
    }
    pub(crate) fn class(self) -> Guid {
        Guid::from_u128(match self {
            Ic::Heartbeat => 0x57164f39_9115_4e78_ab55_382f3bd5422d,
            Ic::Kvp => 0xa9a0f4e7_5a45_4d96_b827_8a841e8c03e6,
            Ic::Shutdown => 0x0e0b6031_5213_4934_818b_38d90ced39db,
            Ic::TimeSync => 0x9527e630_d0ae_497b_adce_e80ab0175caf,
            Ic::Vss => 0x35fa2e29_ea23_4236_96ae_3a6ebacba440,
            Ic::FileCopy => 0x34d14be3_dee4_41c8_9ae7_6b174977c192,
        })
    }
}

#[derive(Debug, Clone)]
pub(crate) struct VmbusDevice {
    pub(crate) instance: String,
    pub(crate) class: Guid,
    pub(crate) driver: Option<String>,
    pub(crate) relid: Option<u32>,
    pub(crate) ring_bytes: Option<u64>,
}

pub(crate) fn devices(sysfs_root: &Path) -> io::Result<Vec<VmbusDevice>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(sysfs_root.join("bus/vmbus/devices"))? {
        let path = entry?.path();
        let text = |name: &str| fs::read_to_string(path.join(name)).ok();
        let Some(class) = text("class_id").and_then(|class| class.trim().parse().ok()) else { continue };
        let driver = fs::read_link(path.join("driver")).ok();
        let relid = fs::read_dir(path.join("channels")).ok().and_then(|channels| {
            channels.flatten().filter_map(|channel| channel.file_name().to_str()?.parse().ok()).min()
        });
        let ring = relid.and_then(|relid: u32| {
            fs::metadata(path.join(format!("channels/{relid}/ring"))).ok().map(|ring| ring.len() / 2)
        });
        found.push(VmbusDevice {
            instance: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            class,
            driver: driver.and_then(|link| Some(link.file_name()?.to_string_lossy().into_owned())),
            relid,
            ring_bytes: ring,
        });
    }
    found.sort_by(|a, b| a.instance.cmp(&b.instance));
    Ok(found)
}
