//! Holding something of a daemon's while a command runs, or until Ctrl-C: an inhibitor, a state.
//!
//! The command is a child in our process group, with nothing of ours open. Signals that end us are passed on to it and it
//! decides; one from the terminal's keyboard has reached it already, and one that whoever started us has us ignore (`nohup`)
//! is for neither of us. A daemon that restarts forgets what was held, so it is taken again. To take may last as long as
//! somebody looks for a password: ends and signals are heard meanwhile.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::pin::Pin;
use std::process::{Child, Command, ExitStatus};

use futures_util::FutureExt as _;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpgrp, kill_process, waitid};
use rustix::termios::tcgetpgrp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use zbus::Connection;

use crate::error::{Code, Error, Failure};
use crate::output::Output;
use crate::signals::{Heard, Signals, rule};

/// Whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holder<'a> {
    /// The connection it is taken on.
    pub(crate) bus: &'a Connection,
    /// The daemon's program.
    pub(crate) daemon: &'static str,
    /// Its name on the bus.
    pub(crate) name: &'static str,
    /// Its object.
    pub(crate) path: &'static str,
}

/// Takes it, says so (`held`), runs the command, or waits; takes it again when the daemon comes back.
pub(crate) async fn hold<T>(
    holder: Holder<'_>,
    command: &[OsString],
    take: impl AsyncFn() -> Result<T, Error>,
    held: impl FnOnce() -> Result<(), Failure>,
    output: &Output,
) -> Result<(), Failure> {
    let Holder { bus, daemon, name, path } = holder;
    let rule = rule(name, path).build().map_err(|error| Error::of_call("the bus", error))?;
    let mut signals = Some(Signals::new(bus, name, rule).await?);
    let mut ends = Ends::new()?;
    let mut thing = tokio::select! {
        taken = take() => Some(taken?),
        end = ends.next() => return Err(Failure::Command(code_of(end.as_raw()))),
    };
    let mut taking = None;
    let mut early = early(&mut signals);
    let mut child = match command {
        [] => {
            held()?;
            None
        }
        command => Some(Running::start(command)?),
    };
    loop {
        tokio::select! {
            ended = ended(&mut child) => return finish(ended?),
            end = ends.next() => match &child {
                None => return Ok(()),
                Some(running) => running.pass_on(end),
            },
            heard = heard(&mut early, &mut signals) => match heard {
                Ok(Heard::Signal(_)) => {}
                Ok(Heard::Gone) => {
                    (thing, taking) = (None, None);
                    output.note(&format!("{daemon} left the bus: nothing is held until it is back"));
                }
                // At the start it may be told of that has been asked already.
                Ok(Heard::Back) if thing.is_some() => {}
                Ok(Heard::Back) => taking = Some(Box::pin(take())),
                Err(error) if child.is_none() => return Err(error.into()),
                Err(error) => {
                    (signals, thing, taking) = (None, None, None);
                    output.note(&format!("nothing is held any more: {}", error.message));
                }
            },
            taken = taken(&mut taking) => {
                taking = None;
                match taken {
                    Ok(again) => {
                        thing = Some(again);
                        output.note(&format!("{daemon} is back: held again"));
                    }
                    Err(error) => output.note(&format!("{daemon} is back, but nothing is held: {}", error.message)),
                }
            }
        }
    }
}

/// What is in the queue by now. The answer is, too, with descriptors that zbus leaves open in what is run: so all of it is
/// taken out before.
fn early(signals: &mut Option<Signals>) -> VecDeque<Result<Heard, Error>> {
    let mut early = VecDeque::new();
    while let Some(heard) = signals.as_mut().and_then(|signals| signals.next().now_or_never()) {
        let is_last = heard.is_err();
        early.push_back(heard);
        if is_last {
            break;
        }
    }
    early
}

async fn heard(
    early: &mut VecDeque<Result<Heard, Error>>,
    signals: &mut Option<Signals>,
) -> Result<Heard, Error> {
    if let Some(early) = early.pop_front() {
        return early;
    }
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}

/// The end of what is under way, if anything is.
async fn taken<F: Future>(taking: &mut Option<Pin<Box<F>>>) -> F::Output {
    match taking {
        Some(taking) => taking.await,
        None => std::future::pending().await,
    }
}

/// The signals that ask for an end, but for those that are ignored.
struct Ends([Option<tokio::signal::unix::Signal>; 4]);

impl Ends {
    fn new() -> Result<Ends, Failure> {
        let ignored = ignored();
        let listen = |number: Signal, kind| {
            let is_ignored = ignored >> (number.as_raw() - 1) & 1 == 1;
            (!is_ignored).then(|| signal(kind)).transpose().map_err(Failure::from)
        };
        Ok(Ends([
            listen(Signal::INT, SignalKind::interrupt())?,
            listen(Signal::TERM, SignalKind::terminate())?,
            listen(Signal::HUP, SignalKind::hangup())?,
            listen(Signal::QUIT, SignalKind::quit())?,
        ]))
    }

    async fn next(&mut self) -> Signal {
        let [interrupt, terminate, hangup, quit] = &mut self.0;
        tokio::select! {
            () = one(interrupt) => Signal::INT,
            () = one(terminate) => Signal::TERM,
            () = one(hangup) => Signal::HUP,
            () = one(quit) => Signal::QUIT,
        }
    }
}

async fn one(end: &mut Option<tokio::signal::unix::Signal>) {
    match end {
        Some(end) => drop(end.recv().await),
        None => std::future::pending().await,
    }
}

/// Signals that whoever started us has us ignore; the lowest bit is signal 1 (`proc_pid_status(5)`).
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// A command that runs.
struct Running {
    child: Child,
    pid: Pid,
    /// It has ended, and is still to be waited for: until then its number is nobody else's.
    ended: oneshot::Receiver<()>,
}

impl Running {
    fn start(command: &[OsString]) -> Result<Running, Failure> {
        let (program, arguments) =
            command.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first), rest));
        let program = program.cloned().unwrap_or_default();
        let child = Command::new(&program).args(arguments).spawn().map_err(|error| {
            let message = format!("cannot run {}: {error}", program.display());
            Failure::Ended(
                Box::new(
                    Error::new(Code::Failed, "Failed", message).hint("is it installed, and may it be run?"),
                ),
                if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 },
            )
        })?;
        let pid = Pid::from_child(&child);
        let (tell, ended) = oneshot::channel();
        std::thread::spawn(move || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            let _ = rustix::io::retry_on_intr(|| waitid(WaitId::Pid(pid), options));
            let _ = tell.send(());
        });
        Ok(Running { child, pid, ended })
    }

    /// What the keyboard sends goes to all in the foreground: the command has it already.
    fn pass_on(&self, end: Signal) {
        // Not standard input, which may be anything.
        let terminal = File::open("/dev/tty").and_then(|terminal| Ok(tcgetpgrp(terminal)?));
        let is_foreground = terminal.is_ok_and(|group| group == getpgrp());
        if !(is_foreground && matches!(end, Signal::INT | Signal::QUIT)) {
            // One that has ended meanwhile needs no signal.
            let _ = kill_process(self.pid, end);
        }
    }
}

async fn ended(running: &mut Option<Running>) -> io::Result<ExitStatus> {
    match running {
        Some(running) => {
            let _ = (&mut running.ended).await;
            running.child.wait()
        }
        None => std::future::pending().await,
    }
}

/// The command's exit code is ours; of one that a signal ended, as shells say it.
fn finish(status: ExitStatus) -> Result<(), Failure> {
    let exited = status.code().map(|code| u8::try_from(code).unwrap_or(1));
    match exited.or_else(|| status.signal().map(code_of)).unwrap_or(1) {
        0 => Ok(()),
        code => Err(Failure::Command(code)),
    }
}

/// The exit code that stands for a signal.
fn code_of(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(1)
}
