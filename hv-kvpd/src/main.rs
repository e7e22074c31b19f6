//! hv-kvpd
fn main() {}
