//! `hv-kvpd`: Hyper-V's Data Exchange service (KVP) for a Linux guest.
#![forbid(unsafe_code)]

pub mod intrinsic;
pub mod network;
