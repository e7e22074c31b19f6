//! The rules, without files and without a clock: which driver a component should have, and how it gets there.
//!
//! `policy` turns facts and the administrator's choice into a wish and its reason; `switch` turns what was seen last
//! into the next single act; `kernel` knows what a kernel's version allows.

mod kernel;
mod policy;
mod switch;

#[cfg(test)]
mod tests;

pub use kernel::{Kernel, RAW_SINCE};
pub use policy::{Choice, Decision, Facts, MAX_ATTEMPTS, Machine, decide};
pub use switch::{Device, Failure, Identity, Override, Step, Switch};

/// Who has a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// No driver.
    Nobody,
    /// `uio_hv_generic`: raw VMBus, for a daemon of ours.
    Uio,
    /// The kernel's `hv_utils`.
    HvUtils,
    /// A driver that is none of ours to judge.
    Other,
}

/// Where a device is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// On `uio_hv_generic`.
    Uio,
    /// With `hv_utils`.
    HvUtils,
    /// With nobody.
    Unbound,
}

impl Goal {
    /// Whether a device of this owner is there.
    #[must_use]
    pub fn is_reached_by(self, owner: Owner) -> bool {
        matches!(
            (self, owner),
            (Self::Uio, Owner::Uio) | (Self::HvUtils, Owner::HvUtils) | (Self::Unbound, Owner::Nobody)
        )
    }

    /// The driver's name in sysfs; "" for nobody.
    #[must_use]
    pub const fn driver(self) -> &'static str {
        match self {
            Self::Uio => UIO,
            Self::HvUtils => HV_UTILS,
            Self::Unbound => "",
        }
    }
}

/// The raw driver's name in sysfs, and its module's.
pub const UIO: &str = "uio_hv_generic";

/// The kernel's own driver's name in sysfs.
pub const HV_UTILS: &str = "hv_utils";
