//! Holding something of a daemon's while a command runs, or until Ctrl-C: an inhibitor, a state.
//!
//! The command is a child in our process group, with nothing of ours open. Signals that end us are passed on to it and it
//! decides; one from the terminal's keyboard has reached it already. A daemon that restarts forgets what was held, so it
//! is taken again.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::os::unix::process::ExitStatusExt as _;
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
    let mut thing = Some(take().await?);
    // The answer lies in this queue too, with descriptors that zbus leaves open in what is run: it is taken out before.
    let mut early = signals.as_mut().and_then(|signals| signals.next().now_or_never());
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
                    thing = None;
                    output.note(&format!("{daemon} left the bus: nothing is held until it is back"));
                }
                // At the start it may be told of that has been asked already.
                Ok(Heard::Back) if thing.is_some() => {}
                Ok(Heard::Back) => match take().await {
                    Ok(again) => {
                        thing = Some(again);
                        output.note(&format!("{daemon} is back: held again"));
                    }
                    Err(error) => output.note(&format!("{daemon} is back, but nothing is held: {}", error.message)),
                },
                Err(error) if child.is_none() => return Err(error.into()),
                Err(error) => {
                    (signals, thing) = (None, None);
                    output.note(&format!("nothing is held any more: {}", error.message));
                }
            },
        }
    }
}

async fn heard(
    early: &mut Option<Result<Heard, Error>>,
    signals: &mut Option<Signals>,
) -> Result<Heard, Error> {
    if let Some(early) = early.take() {
        return early;
    }
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}

/// The signals that ask for an end.
struct Ends([tokio::signal::unix::Signal; 4]);

impl Ends {
    fn new() -> Result<Ends, Failure> {
        let listen = |kind| signal(kind).map_err(Failure::from);
        Ok(Ends([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
            listen(SignalKind::quit())?,
        ]))
    }

    async fn next(&mut self) -> Signal {
        let [interrupt, terminate, hangup, quit] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => Signal::INT,
            _ = terminate.recv() => Signal::TERM,
            _ = hangup.recv() => Signal::HUP,
            _ = quit.recv() => Signal::QUIT,
        }
    }
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
        let stdin = io::stdin();
        let is_foreground = stdin.is_terminal() && tcgetpgrp(&stdin).is_ok_and(|group| group == getpgrp());
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
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    match u8::try_from(code).unwrap_or(1) {
        0 => Ok(()),
        code => Err(Failure::Command(code)),
    }
}
