//! The program: one command, a console, a host that stays, or scenarios, depending on the arguments.
//!
//! Everything is done by the library; here arguments meet it and results are printed. Where verbs are carried out, by a
//! host in this process or by one behind a control socket, is hidden behind `Executor`.

mod args;
mod console;
mod control;
mod screen;
mod signals;

use std::ffi::OsString;
use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::CommandFactory;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::failure::{Failure, Why, exit};
use crate::hex::printable;
use crate::host::{Host, Place};
use crate::outcome::Report;
use crate::output::{Rendered, render, render_failure};
use crate::scenario;
use crate::sim::listening_hint;
use crate::usage::explain;
use crate::verb::{Verb, spelled};
pub(crate) use args::ring_size;
use args::{Arguments, Command};
use control::Control;
use signals::Signals;

const NOWHERE: &str = "--sim DIR, --packet-link DIR or --control SOCK is needed, see --help";
const TWO_COMMANDS: &str = "--sim or --packet-link with --control starts a host that stays: send it the verb in a \
                            second command";
const NO_RINGS: &str = "scenarios damage rings, and over the packet link the rings belong to the virtual machine: give \
                        run --sim DIR, not --packet-link";

/// Something that carries out verbs.
trait Executor {
    /// Carries out the verb in `words` and returns what is to be printed.
    fn run(
        &self,
        words: Vec<String>,
        timeout: Option<Duration>,
        json: bool,
    ) -> Pin<Box<dyn Future<Output = Rendered> + '_>>;
}

/// The program's arguments as clap sees them: for completions and manual pages.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the program.
pub fn main() -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().collect();
    let read = spelled(command(), 1, typed.iter().cloned()).and_then(|words| Arguments::read(&words));
    let arguments = match read {
        Ok(arguments) => arguments,
        Err(error) => return print(&render_clap(&error, wants_json(&typed))),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return print(&cannot_start(&error, arguments.json)),
    };
    let tasks = tokio::task::LocalSet::new();
    let rendered = tasks.block_on(&runtime, async {
        // Before anything is offered: whoever sees a socket may tell us to end.
        dispatch(arguments, &mut Signals::new()).await
    });
    // The tasks that hold sockets go first, so that the sockets are removed.
    drop(tasks);
    drop(runtime);
    print(&rendered)
}

async fn dispatch(arguments: Arguments, signals: &mut Signals) -> Rendered {
    let json = arguments.json;
    let result = match (&arguments.place(), &arguments.control, &arguments.command) {
        (Some(place), None, Some(Command::Verb(verb))) => one_shot(&arguments, place, verb, signals).await,
        (Some(Place::Sim { dir, .. }), None, Some(Command::Run { scenarios })) => {
            match arguments.run_options(dir) {
                Ok(options) => {
                    let played = signals.unless(scenario::cli::run(&options, scenarios, json)).await;
                    Ok(played.unwrap_or_else(|told| render_failure(told.into(), json)))
                }
                Err(error) => Err(error),
            }
        }
        (Some(Place::PacketLink { .. }), None, Some(Command::Run { .. })) => return usage(NO_RINGS, json),
        (Some(place), _, None) => serve(&arguments, place, signals).await,
        (None, Some(control), Some(Command::Verb(verb))) => {
            let remote = Remote::new(control, arguments.timeout());
            let limit = Some(arguments.timeout_of(verb).unwrap_or(arguments.timeout()));
            let asked = signals.unless(remote.run(verb.to_words(), limit, json)).await;
            return asked.unwrap_or_else(|told| render_failure(told.into(), json));
        }
        (None, Some(control), None) => {
            let remote = Rc::new(Remote::new(control, arguments.timeout()));
            let mut console = console::Console::new(remote, json);
            let mut told = mpsc::unbounded_channel().1;
            let typed = signals.unless(console.run(console::lines(), &mut told)).await;
            return typed.unwrap_or_else(|told| render_failure(told.into(), json));
        }
        (None, Some(_), Some(Command::Run { .. })) => {
            return usage("run plays its own host: give it --sim DIR, not --control", json);
        }
        (Some(_), Some(_), Some(_)) => return usage(TWO_COMMANDS, json),
        (None, None, _) => return usage(NOWHERE, json),
    };
    result.unwrap_or_else(|error| {
        let why = Why::from(error.to_string()).hint(listening_hint(&error));
        render_failure(Failure::Host(why), json)
    })
}

/// A host that lives for one verb.
async fn one_shot(
    arguments: &Arguments,
    place: &Place,
    verb: &Verb,
    signals: &mut Signals,
) -> io::Result<Rendered> {
    let (events, mut told) = mpsc::unbounded_channel();
    let mut options = arguments.host_options(place, Some(verb))?;
    options.events = Some(events);
    let host = Host::start(options)?;
    let done = signals.unless(carried_out(&host, verb, arguments)).await;
    // What happened meanwhile is in the report.
    while told.try_recv().is_ok() {}
    match done {
        Ok(report) => {
            let _ = signals.unless(host.shut_down()).await;
            Ok(render(&report, arguments.json))
        }
        Err(signal) => {
            end(&host, &mut told, signals).await;
            Ok(render_failure(signal.into(), arguments.json))
        }
    }
}

async fn carried_out(host: &Host, verb: &Verb, arguments: &Arguments) -> Report {
    if let Verb::GetIntegrationServices | Verb::GetVm = verb {
        // A host that was there a moment ago has no contact with anybody: that is not what is asked for.
        host.settled(arguments.timeout()).await;
    }
    host.execute(verb, arguments.timeout_of(verb)).await
}

/// A host that stays: for a console, for a control socket, or for both.
async fn serve(arguments: &Arguments, place: &Place, signals: &mut Signals) -> io::Result<Rendered> {
    let (events, mut told) = mpsc::unbounded_channel();
    let mut options = arguments.host_options(place, None)?;
    options.events = Some(events);
    let host = Rc::new(Host::start(options)?);
    let rendered = tokio::select! {
        rendered = stay(arguments, &host, &mut told) => rendered,
        () = host.quit() => Ok(Rendered::default()),
        // Whether something is cut short has to be known before it is.
        (signal, busy) = async { (signals.next().await, host.is_busy()) } => {
            // A signal is how a host that stays is ended: that alone is no failure.
            let normal = arguments.control.is_some() && !busy;
            Ok(if normal { Rendered::default() } else { render_failure(signal.into(), arguments.json) })
        }
    };
    end(&host, &mut told, signals).await;
    // Whoever said `quit`, or asked for what was cut short, is still to be answered.
    tokio::task::yield_now().await;
    rendered
}

/// Carries verbs out until the console ends.
async fn stay(
    arguments: &Arguments,
    host: &Rc<Host>,
    told: &mut UnboundedReceiver<String>,
) -> io::Result<Rendered> {
    let executor: Rc<dyn Executor> = Rc::new(Local { host: host.clone(), said: arguments.timeout_said() });
    let mut console = console::Console::new(executor.clone(), arguments.json);
    let Some(path) = &arguments.control else {
        return Ok(console.run(console::lines(), told).await);
    };
    let control = Control::bind(path)?;
    // Whoever started us may wait for this line: from here on commands are answered.
    say(&format!("hv-testhost: control socket {}\n", path.display()));
    tokio::select! {
        () = control.serve(executor) => {}
        () = console::beside_control(console, told) => {}
    }
    Ok(Rendered::default())
}

/// Ends a host in order, and says what comes of it; another signal ends the waiting.
async fn end(host: &Host, told: &mut UnboundedReceiver<String>, signals: &mut Signals) {
    let _ = signals.unless(host.shut_down()).await;
    while let Ok(event) = told.try_recv() {
        say(&format!("-- {}\n", printable(&event)));
    }
}

/// A host in this process.
struct Local {
    host: Rc<Host>,
    /// The time for answers that it was started with.
    said: Option<Duration>,
}

impl Executor for Local {
    fn run(
        &self,
        words: Vec<String>,
        timeout: Option<Duration>,
        json: bool,
    ) -> Pin<Box<dyn Future<Output = Rendered> + '_>> {
        Box::pin(async move {
            match Verb::from_words(words) {
                Ok(verb) => {
                    let timeout = timeout.or(self.said).or_else(|| verb.patience());
                    render(&self.host.execute(&verb, timeout).await, json)
                }
                Err(error) => render_clap(&error, json),
            }
        })
    }
}

/// A host behind a control socket.
struct Remote {
    path: PathBuf,
    /// How long the host may take to be there.
    patience: Duration,
}

impl Remote {
    fn new(path: &Path, patience: Duration) -> Remote {
        Remote { path: path.to_owned(), patience }
    }
}

impl Executor for Remote {
    fn run(
        &self,
        words: Vec<String>,
        timeout: Option<Duration>,
        json: bool,
    ) -> Pin<Box<dyn Future<Output = Rendered> + '_>> {
        Box::pin(async move {
            let question = control::Question::new(words, timeout, json);
            let asked = control::ask(&self.path, &question, self.patience).await;
            asked.unwrap_or_else(|why| render_failure(Failure::Host(why), json))
        })
    }
}

fn usage(what: &str, json: bool) -> Rendered {
    render_failure(Failure::Usage(what.into()), json)
}

fn cannot_start(error: &io::Error, json: bool) -> Rendered {
    let why = Why::from(format!("cannot start: {error}"));
    render_failure(Failure::Host(why.hint("look at the limits of this session (ulimit -a)")), json)
}

/// Whether JSON was asked for on a command line that cannot be understood.
fn wants_json(words: &[OsString]) -> bool {
    let json = |word: &OsString| word == "--json" || word.eq_ignore_ascii_case("-json");
    words.iter().skip(1).take_while(|word| *word != "--").any(json)
}

/// Help goes to standard output with exit code 0, anything wrong to the error output with 64.
fn render_clap(error: &clap::Error, json: bool) -> Rendered {
    if !error.use_stderr() {
        let stdout = error.render().to_string();
        return Rendered { exit: exit::OK, stdout, stderr: String::new() };
    }
    render_failure(Failure::Usage(explain(error)), json)
}

/// Prints, and turns into the program's exit code; a reader that went away is no reason to fail.
fn print(rendered: &Rendered) -> ExitCode {
    say(&rendered.stderr);
    let _ = io::stdout().write_all(rendered.stdout.as_bytes()).and_then(|()| io::stdout().flush());
    ExitCode::from(rendered.exit)
}

/// Writes to the error output; nobody reading there is no reason to fail either.
fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}
