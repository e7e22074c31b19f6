//! hv-testhost
fn main() {}
