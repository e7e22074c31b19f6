//! `hv-netapply`: gives an adapter the IP configuration that the Hyper-V host wants, through whoever owns the link.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod backend;
pub mod error;
pub mod saved;
pub mod world;

use std::ffi::OsString;
use std::process::ExitCode;

/// The whole program; the first argument is its name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    drop(args.into_iter());
    ExitCode::SUCCESS
}
