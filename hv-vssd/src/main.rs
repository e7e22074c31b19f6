//! `hv-vssd`: arguments and exit code; everything else is in the library.
#![forbid(unsafe_code)]

fn main() {}
