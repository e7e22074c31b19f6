//! `hv-timesync-counter`: arguments and exit code; everything else is in the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    hv_timesyncd::counter::measure::program::run(std::env::args_os())
}
