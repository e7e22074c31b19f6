//! hvctl
fn main() {}
