//! `hv-shutdownd`: arguments and exit code; everything else is in the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    hv_utils_core::daemon::main::<hv_shutdownd::Shutdownd>()
}
