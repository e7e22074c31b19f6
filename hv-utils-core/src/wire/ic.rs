//! The six integration components: names, GUIDs, message types and the versions we speak.
//!
//! A table, nothing more. Class GUIDs are those of Linux `include/linux/hyperv.h`; instance GUIDs are the same on
//! every virtual machine (each IC has one instance), as public guest device listings show.

use super::{Guid, Version};

/// An integration component of Hyper-V.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ic {
    /// Heartbeat.
    Heartbeat,
    /// Data exchange, key-value pairs.
    Kvp,
    /// Guest shutdown.
    Shutdown,
    /// Time synchronization.
    TimeSync,
    /// Backup, volume shadow copy.
    Vss,
    /// Guest service interface: host to guest file copy.
    FileCopy,
}

/// Message type of a negotiation, the same for every IC.
pub const MESSAGE_TYPE_NEGOTIATE: u16 = 0;

const V1_0: Version = Version::new(1, 0);
const V1_1: Version = Version::new(1, 1);
const V3_0: Version = Version::new(3, 0);
const V3_1: Version = Version::new(3, 1);
const V3_2: Version = Version::new(3, 2);
const V4_0: Version = Version::new(4, 0);
const V5_0: Version = Version::new(5, 0);
const V6_0: Version = Version::new(6, 0);

impl Ic {
    /// All six, in the order of their message types.
    pub const ALL: [Self; 6] =
        [Self::Heartbeat, Self::Kvp, Self::Shutdown, Self::TimeSync, Self::Vss, Self::FileCopy];

    /// Short name, as in socket names and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat",
            Self::Kvp => "kvp",
            Self::Shutdown => "shutdown",
            Self::TimeSync => "timesync",
            Self::Vss => "vss",
            Self::FileCopy => "fcopy",
        }
    }

    /// The IC of that short name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ic| ic.name() == name)
    }

    /// The IC of that class GUID.
    #[must_use]
    pub fn from_class(class: &Guid) -> Option<Self> {
        Self::ALL.into_iter().find(|ic| ic.class() == *class)
    }

    /// Class (interface type) GUID: `class_id` in sysfs.
    #[must_use]
    pub const fn class(self) -> Guid {
        Guid::from_u128(match self {
            Self::Heartbeat => 0x57164f39_9115_4e78_ab55_382f3bd5422d,
            Self::Kvp => 0xa9a0f4e7_5a45_4d96_b827_8a841e8c03e6,
            Self::Shutdown => 0x0e0b6031_5213_4934_818b_38d90ced39db,
            Self::TimeSync => 0x9527e630_d0ae_497b_adce_e80ab0175caf,
            Self::Vss => 0x35fa2e29_ea23_4236_96ae_3a6ebacba440,
            Self::FileCopy => 0x34d14be3_dee4_41c8_9ae7_6b174977c192,
        })
    }

    /// Instance GUID: the device's directory name in sysfs.
    #[must_use]
    pub const fn instance(self) -> Guid {
        Guid::from_u128(match self {
            Self::Heartbeat => 0xfd149e91_82e0_4a7d_afa6_2a4166cbd7c0,
            Self::Kvp => 0x242ff919_07db_4180_9c2e_b86cb68c8c55,
            Self::Shutdown => 0xb6650ff7_33bc_4840_8048_e0676786f393,
            Self::TimeSync => 0x2dd1ce17_079e_403c_b352_a1921ee207ee,
            Self::Vss => 0x2450ee40_33bf_4fbd_892e_9fb06e9214cf,
            Self::FileCopy => 0xeb765408_105f_49b6_b4aa_c123b64d17d4,
        })
    }

    /// Type of this IC's messages in the IC header.
    #[must_use]
    pub const fn message_type(self) -> u16 {
        match self {
            Self::Heartbeat => 1,
            Self::Kvp => 2,
            Self::Shutdown => 3,
            Self::TimeSync => 4,
            Self::Vss => 5,
            Self::FileCopy => 7,
        }
    }

    /// Message versions we speak, newest first.
    ///
    /// KVP 5.0 is listed because binary IP information is understood; VSS 6.0 because the one message it adds (is the guest
    /// in a cluster?) can be answered. What VSS 7.0 adds is not known.
    #[must_use]
    pub const fn versions(self) -> &'static [Version] {
        match self {
            Self::Heartbeat => &[V3_0, V1_0],
            Self::Kvp => &[V5_0, V4_0, V3_0, V1_0],
            Self::Shutdown => &[V3_2, V3_1, V3_0, V1_0],
            Self::TimeSync => &[V4_0, V3_0, V1_0],
            Self::Vss => &[V6_0, V5_0],
            Self::FileCopy => &[V1_1],
        }
    }

    /// Framework versions we speak, newest first: 3.0 (since Windows 7), 1.0 (Windows Server 2008).
    #[must_use]
    pub const fn framework_versions(self) -> &'static [Version] {
        match self {
            Self::Vss | Self::FileCopy => &[V3_0], // both services are younger than framework 1.0
            _ => &[V3_0, V1_0],
        }
    }
}

impl core::fmt::Display for Ic {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
