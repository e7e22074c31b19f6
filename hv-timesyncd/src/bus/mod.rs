//! `org.hvutils.TimeSync1`: thin over what the service publishes.

pub mod shown;

#[cfg(test)]
#[expect(dead_code, reason = "shared with the tests of the core, which use more of it")]
#[path = "../../../hv-utils-core/tests/support/mod.rs"]
pub(crate) mod support;
