//! `hv-vssd`: arguments and exit code; everything else is in the library.
#![forbid(unsafe_code)]

use hv_vssd::guardian;

fn main() -> std::process::ExitCode {
    // The daemon's own doing: no option of the command line, and decided before anything else exists in the process.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == guardian::ARGUMENT) {
        return guardian::main();
    }
    hv_utils_core::daemon::main::<hv_vssd::Vssd>()
}
