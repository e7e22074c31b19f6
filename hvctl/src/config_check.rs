//! `hvctl config check`: runs each installed daemon's own `--check-config` and prints what it finds.
//!
//! hvctl has no parser of the configuration: the one who reads it in earnest judges it. Each program is run by its
//! full path, without a shell, with a time limit and a bound on what it may say.

use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use serde::Serialize;

use crate::args::{Cli, Config};
use crate::daemons::{DAEMONS, program};
use crate::driver;
use crate::error::{Code, Error, Failure};
use crate::output::{Output, Paint};
use crate::text::escape;

/// How long one daemon may take: it only reads a few small files.
const LIMIT: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };
/// How much of what one daemon says is kept.
const MAX_SAID_BYTES: u64 = 64 * 1024;

/// What one daemon found.
#[derive(Debug, Serialize)]
struct Verdict {
    daemon: &'static str,
    program: PathBuf,
    ok: bool,
    /// Its exit code (78: the configuration is wrong); none if it was ended by a signal or the time limit.
    exit_code: Option<i32>,
    /// What it said, line by line.
    findings: Vec<String>,
}

/// `hvctl config check`.
pub(crate) fn run(verb: &Config, cli: &Cli, output: &Output) -> Result<(), Failure> {
    let Config::Check { config } = verb;
    // These are no daemons, but have tables of the same file.
    let names = DAEMONS.iter().map(|daemon| daemon.name).chain([driver::PROGRAM, "hv-netapply"]);
    let installed = names.filter_map(|name| Some((name, program(name, cli.daemon_dir.as_deref())?)));
    let verdicts: Vec<Verdict> =
        installed.map(|(name, program)| check(name, program, config.as_deref())).collect();
    if verdicts.is_empty() {
        return Err(Error::new(Code::Unavailable, "NotInstalled", "no daemon of hv-utils is installed here")
            .hint("they are looked for next to hvctl, in libexec/hv-utils of its prefix, /usr/local and /usr, and in /usr/sbin")
            .into());
    }
    if output.json {
        #[derive(Serialize)]
        struct Answer<'a> {
            ok: bool,
            items: &'a [Verdict],
        }
        output.object(
            "config-check",
            &Answer { ok: verdicts.iter().all(|verdict| verdict.ok), items: &verdicts },
        )?;
    } else {
        verdicts.iter().try_for_each(|verdict| print(verdict, output))?;
    }
    if verdicts.iter().all(|verdict| verdict.ok) { Ok(()) } else { Err(Failure::Reported(Code::Failed)) }
}

fn print(verdict: &Verdict, output: &Output) -> Result<(), Failure> {
    let state = match (verdict.ok, verdict.exit_code) {
        (true, _) => output.painted("ok", Paint::Green),
        (false, Some(code)) => output.painted(&format!("failed (exit {code})"), Paint::Red),
        (false, None) => output.painted("failed", Paint::Red),
    };
    output.line(&format!("{}: {state}", verdict.daemon))?;
    // What a daemon says when it finds nothing is said already.
    let mut findings = verdict.findings.iter().filter(|line| !(verdict.ok && *line == "ok"));
    findings.try_for_each(|line| output.line(&format!("  {}", escape(line))))
}

fn check(daemon: &'static str, program: PathBuf, config: Option<&Path>) -> Verdict {
    let mut command = Command::new(&program);
    command.arg("--check-config").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Its own group, so that the time limit ends whatever it may have started as well.
    command.process_group(0);
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    let (exit_code, findings) = match command.spawn() {
        Ok(child) => watch(child),
        Err(error) => (None, vec![format!("cannot run {}: {error}", program.display())]),
    };
    Verdict { daemon, program, ok: exit_code == Some(0), exit_code, findings }
}

/// Waits for a daemon, at most [`LIMIT`], and collects what it says on both streams.
fn watch(mut child: Child) -> (Option<i32>, Vec<String>) {
    let said = [child.stdout.take().map(collect), child.stderr.take().map(collect)];
    let mut late = None;
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw)
        && !ends_in_time(pid)
    {
        late = Some(format!("does not end within {} s: stopped", LIMIT.tv_sec));
        // If it cannot be killed it has ended by itself, and wait tells how.
        let _ = kill_process_group(pid, Signal::KILL);
    }
    let status = child.wait();
    let texts = said.into_iter().flatten().filter_map(|reader| reader.join().ok());
    let mut findings: Vec<String> =
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    findings.extend(late);
    (status.ok().and_then(|status| status.code()), findings)
}

/// Reads a stream to its end in a thread, so that the daemon never waits for us; only the beginning is kept.
fn collect(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        // What cannot be read is as if it had not been said: the exit code still judges.
        let _ = stream.by_ref().take(MAX_SAID_BYTES).read_to_end(&mut kept);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
        String::from_utf8_lossy(&kept).into_owned()
    })
}

fn ends_in_time(pid: Pid) -> bool {
    // Without a pidfd (kernels before 5.3) there is no time limit.
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return true };
    poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&LIMIT)).is_ok_and(|ready| ready > 0)
}
