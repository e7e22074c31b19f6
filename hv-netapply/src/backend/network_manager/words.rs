//! NetworkManager's reasons in words: NMDeviceStateReason, as far as an activation of Ethernet can end with it.
//!
//! For the person who reads why an injection did not come to be; nothing is decided by them.

/// Why a device has the state that it has.
pub(super) fn of_reason(reason: u32) -> String {
    let words = match reason {
        2 => "the device is now managed",
        3 => "the device is no longer managed",
        4 => "the device could not be prepared",
        5 => "no addresses could be had in time",
        6 => "the addresses are no longer valid",
        7 => "secrets are needed and were not given",
        8..=11 => "802.1X has failed",
        15 => "DHCP could not be started",
        16 => "DHCP has reported an error",
        17 => "DHCP has failed",
        36 => "the device has been removed",
        38 => "the profile has been removed",
        39 => "somebody has disconnected it",
        40 => "there is no carrier",
        60 => "something else has been activated in its place",
        _ => return format!("NetworkManager's reason is {reason}"),
    };
    words.to_owned()
}
