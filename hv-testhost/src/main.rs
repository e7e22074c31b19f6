//! The program. What it does is in the library; this is its name and its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    hv_testhost::cli::main()
}
