//! hv-kvpd

pub mod pool;
