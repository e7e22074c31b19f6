//! `org.hvutils.TimeSync1`: thin over what the service publishes.

pub mod shown;
