//! The six services as devices: names and GUIDs.
//!
//! GUIDs as Hyper-V offers them: Linux `include/linux/hyperv.h`; instances as public guest listings show them.

use std::ffi::CStr;

/// One service.
#[derive(Debug)]
pub(crate) struct Ic {
    /// QEMU's name of the device.
    pub(crate) device: &'static CStr,
    /// Class GUID, its text read as one number.
    pub(crate) class: u128,
    /// Instance GUID, likewise.
    pub(crate) instance: u128,
}

pub(crate) static ICS: [Ic; 6] = [
    Ic {
        device: c"hv-heartbeat",
        class: 0x57164f39_9115_4e78_ab55_382f3bd5422d,
        instance: 0xfd149e91_82e0_4a7d_afa6_2a4166cbd7c0,
    },
    Ic {
        device: c"hv-shutdown",
        class: 0x0e0b6031_5213_4934_818b_38d90ced39db,
        instance: 0xb6650ff7_33bc_4840_8048_e0676786f393,
    },
    Ic {
        device: c"hv-timesync",
        class: 0x9527e630_d0ae_497b_adce_e80ab0175caf,
        instance: 0x2dd1ce17_079e_403c_b352_a1921ee207ee,
    },
    Ic {
        device: c"hv-kvp",
        class: 0xa9a0f4e7_5a45_4d96_b827_8a841e8c03e6,
        instance: 0x242ff919_07db_4180_9c2e_b86cb68c8c55,
    },
    Ic {
        device: c"hv-vss",
        class: 0x35fa2e29_ea23_4236_96ae_3a6ebacba440,
        instance: 0x2450ee40_33bf_4fbd_892e_9fb06e9214cf,
    },
    Ic {
        device: c"hv-fcopy",
        class: 0x34d14be3_dee4_41c8_9ae7_6b174977c192,
        instance: 0xeb765408_105f_49b6_b4aa_c123b64d17d4,
    },
];

/// The class that QEMU itself has a device for: hv-balloon's.
pub(crate) const BALLOON: u128 = 0x525074dc_8985_46e2_8057_a307dc18a502;

impl Ic {
    /// The environment variable that says where its test host is.
    pub(crate) fn variable(&self) -> String {
        self.device.to_string_lossy().replacen("hv-", "HV_IC_", 1).to_uppercase()
    }
}

/// A GUID as VMBus messages carry it: the first three fields little-endian.
pub(crate) fn on_the_wire(guid: u128) -> [u8; 16] {
    let mut bytes = guid.to_be_bytes();
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

#[cfg(test)]
mod tests {
    use super::{ICS, on_the_wire};

    #[test]
    fn guid_is_sent_with_its_first_three_fields_little_endian() {
        let kvp =
            [0xe7, 0xf4, 0xa0, 0xa9, 0x45, 0x5a, 0x96, 0x4d, 0xb8, 0x27, 0x8a, 0x84, 0x1e, 0x8c, 0x03, 0xe6];
        assert_eq!(on_the_wire(ICS[3].class), kvp);
    }

    #[test]
    fn variable_is_named_for_the_service() {
        assert_eq!(ICS[2].variable(), "HV_IC_TIMESYNC");
    }
}
