//! A hook as a child of the daemon, in a process group of its own.
//!
//! The child is not waited for in the sense of the kernel before its group is done with: as long as it is not, nobody else
//! can get the group's number, and a signal to the group meets nobody else. What leaves the group (`setsid`) is out of
//! reach; systemd's way has no such gap. SIGCHLD tells that something has ended, so this works on kernels without pidfd.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use super::job::{GRACE, Job, OK, Outcome, exited, killed, too_long};
use super::output::Output;

/// A hook's process group, which ends with this.
#[derive(Debug)]
struct Group {
    child: Option<Child>,
    id: Pid,
}

impl Group {
    fn signal(&self, signal: Signal) {
        // That nobody is left is as good.
        let _ = kill_process_group(self.id, signal);
    }

    /// How the hook itself has ended, if it has.
    fn ended(&self) -> io::Result<Option<String>> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(self.id), options)?;
        Ok(status.map(|status| match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => exited(code),
            (None, signal) => killed(signal.unwrap_or(0)),
        }))
    }

    async fn wait(&self, ends: &mut tokio::signal::unix::Signal) -> io::Result<String> {
        loop {
            if let Some(how) = self.ended()? {
                return Ok(how);
            }
            ends.recv().await;
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        if let Some(mut child) = self.child.take()
            && !matches!(child.try_wait(), Ok(Some(_)))
        {
            // It is dying, or in the kernel's hands: no reason to wait for it here. Without a thread it stays a zombie.
            let reap = move || drop(child.wait());
            let _ = std::thread::Builder::new().name("reap".to_owned()).spawn(reap);
        }
    }
}

/// What a hook that may leave something running has left, if anything: it may go on writing. Dropped, it is ended.
#[derive(Debug)]
pub struct Left {
    /// `None`: systemd has it.
    group: Option<Group>,
    _output: Output,
}

impl Left {
    /// What systemd ends.
    pub(super) fn with_systemd(output: Output) -> Self {
        Self { group: None, _output: output }
    }

    /// Asks it to end.
    pub fn ask(&self) {
        if let Some(group) = &self.group {
            group.signal(Signal::TERM);
        }
    }
}

/// Runs a hook to its end.
pub(super) async fn run(job: &Job<'_>) -> (Outcome, Option<Left>) {
    match start_and_wait(job).await {
        Ok(done) => done,
        Err(error) => (Outcome::not_started(&error), None),
    }
}

async fn start_and_wait(job: &Job<'_>) -> io::Result<(Outcome, Option<Left>)> {
    // Before there is a child, so that its end cannot be missed.
    let mut ends = signal(SignalKind::child())?;
    let (output, theirs) = Output::pipe()?;
    let group = start(job, theirs)?;
    let result = match timeout(job.time, group.wait(&mut ends)).await {
        Ok(result) => result?,
        Err(_) => {
            end(&group, &mut ends).await?;
            too_long(job.time)
        }
    };
    if result == OK && job.stays {
        let outcome = Outcome { result, output: output.text() };
        return Ok((outcome, Some(Left { group: Some(group), _output: output })));
    }
    // With all that it has left behind.
    drop(group);
    Ok((Outcome { result, output: output.text() }, None))
}

fn start(job: &Job<'_>, output: std::os::fd::OwnedFd) -> io::Result<Group> {
    let mut command = Command::new(job.program);
    command
        .arg0(job.path)
        .args(job.arguments)
        .env_clear()
        .envs(job.all_environment())
        .current_dir("/")
        .process_group(0);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let child = command.spawn()?;
    Ok(Group { id: Pid::from_child(&child), child: Some(child) })
}

/// Ends a hook whose time is over. One that the kernel does not let go is left to it.
async fn end(group: &Group, ends: &mut tokio::signal::unix::Signal) -> io::Result<()> {
    for how in [Signal::TERM, Signal::KILL] {
        group.signal(how);
        if let Ok(ended) = timeout(GRACE, group.wait(ends)).await {
            return ended.map(drop);
        }
    }
    Ok(())
}
