//! From a command line to an exit code: parse, run the verb, report.
//!
//! One thread: a tokio runtime of the current thread is made only for verbs that talk to the bus.
//! The only place that prints errors and chooses the exit code.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

use crate::args::{Cli, Shell, Verb};
use crate::error::{Code, Error, Failure};
use crate::output::Output;
use crate::{config_check, copy, devices, driver, heartbeat, host, ip, kvp, shutdown, status, time, vss};

/// The whole program.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let output = Output::new(cli.json);
    let result = run(&cli, &output);
    end(result, &output)
}

fn run(cli: &Cli, output: &Output) -> Result<(), Failure> {
    match &cli.verb {
        Verb::Status => on_runtime(status::run(cli, output)),
        Verb::Kvp(verb) => on_runtime(kvp::run(verb, cli, output)),
        Verb::Host => on_runtime(host::run(cli, output)),
        Verb::Devices => devices::run(&cli.sysfs_root, output),
        Verb::Driver(verb) => on_runtime(driver::run(verb, cli, output)),
        Verb::Ip(verb) => on_runtime(ip::run(verb, cli, output)),
        Verb::Vss(verb) => on_runtime(vss::run(verb, cli, output)),
        Verb::Time(verb) => on_runtime(time::run(verb, cli, output)),
        Verb::Shutdown(verb) => on_runtime(shutdown::run(verb, cli, output)),
        Verb::Heartbeat(verb) => on_runtime(heartbeat::run(verb, cli, output)),
        Verb::Copy(verb) => on_runtime(copy::run(verb, cli, output)),
        Verb::Config(verb) => config_check::run(verb, cli, output),
        Verb::Completions { shell } => completions(*shell),
    }
}

fn on_runtime(verb: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Error::new(Code::Failed, "Failed", format!("cannot start: {error}"))
            .hint("look at the limits of this session (ulimit -a)")
    })?;
    runtime.block_on(verb)
}

fn end(result: Result<(), Failure>, output: &Output) -> ExitCode {
    match result {
        Ok(()) | Err(Failure::PipeClosed) => ExitCode::SUCCESS,
        Err(Failure::Reported(code)) => ExitCode::from(code as u8),
        Err(Failure::Command(code)) => ExitCode::from(code),
        Err(Failure::Ended(error, code)) => {
            let _ = output.error(&error);
            ExitCode::from(code)
        }
        Err(Failure::Error(error)) => {
            // If even the report finds no reader, the exit code still tells.
            let _ = output.error(&error);
            ExitCode::from(error.code as u8)
        }
    }
}

/// Help and version (exit 0), or a command line that cannot be understood (exit 64).
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    if !error.use_stderr() {
        // A reader that has seen enough of the help is no failure.
        let _ = io::stdout().write_all(text.as_bytes());
        return ExitCode::SUCCESS;
    }
    if std::env::args_os().skip(1).take_while(|arg| arg != "--").any(|arg| arg == OsStr::new("--json")) {
        let first = text.split("\n\n").next().unwrap_or(&text);
        let message = missing_verb(error.kind(), &text)
            .unwrap_or_else(|| first.trim_start_matches("error: ").trim_end().to_owned());
        let error =
            Error::new(Code::Usage, "Usage", message).hint("hvctl --help shows the verbs and options");
        return end(Err(error.into()), &Output::new(true));
    }
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::from(Code::Usage as u8)
}

/// What to say where a command line ends before its verb: clap has only help for that, or its own word for a verb.
fn missing_verb(kind: ErrorKind, text: &str) -> Option<String> {
    let missing =
        matches!(kind, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand);
    let usage = text.lines().find_map(|line| line.strip_prefix("Usage: ")).filter(|_| missing)?;
    let path: Vec<&str> = usage.split_whitespace().take_while(|word| !word.starts_with(['[', '<'])).collect();
    let mut command = Cli::command();
    for word in path.iter().skip(1) {
        command = command.find_subcommand(word)?.clone();
    }
    let verbs: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    Some(format!("a verb is missing: {} {}", path.join(" "), verbs.join("|")))
}

/// What clap_complete leaves out for fish: arguments that are words of a fixed set, and are no files.
const FISH_ARGUMENTS: &str = "\
complete -c hvctl -n '__fish_seen_subcommand_from list get set delete watch wait export; \
and not __fish_seen_subcommand_from external guest auto auto-external auto-internal' \
-f -a 'external guest auto auto-external auto-internal'
complete -c hvctl -n '__fish_seen_subcommand_from import' -a 'external guest auto auto-external auto-internal'
complete -c hvctl -n '__fish_seen_subcommand_from use; and not __fish_seen_subcommand_from auto uio hv_utils' \
-f -a 'auto uio hv_utils'
complete -c hvctl -n '__fish_seen_subcommand_from use; and __fish_seen_subcommand_from auto uio hv_utils' \
-f -a 'kvp vss timesync shutdown heartbeat file-copy'
complete -c hvctl -n '__fish_seen_subcommand_from report' -f -a 'healthy unknown stopped critical'
complete -c hvctl -n '__fish_seen_subcommand_from completions' -f -a 'bash zsh fish'
";

fn completions(shell: Shell) -> Result<(), Failure> {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "hvctl", &mut script);
    if shell == clap_complete::Shell::Fish {
        script.extend_from_slice(FISH_ARGUMENTS.as_bytes());
    }
    let mut out = io::stdout().lock();
    out.write_all(&script)?;
    Ok(out.flush()?)
}
