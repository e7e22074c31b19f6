//! `hvctl shutdown`, `hvctl heartbeat` and `hvctl copy`, against stand-ins that are written from their interfaces.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use zbus::object_server::SignalEmitter;

use crate::harness::{Bus, HANG, Running};

/// What is handed out, and whether nobody is ever answered.
struct Shutdown1(File, bool);

#[zbus::interface(name = "org.hvutils.Shutdown1")]
impl Shutdown1 {
    #[zbus(property)]
    fn pending(&self) -> bool {
        false
    }
    #[zbus(property)]
    fn inhibitors(&self) -> Vec<(String, String, u32, u64)> {
        vec![("apt".to_owned(), "an \u{1b}upgrade".to_owned(), 7, 0)]
    }
    #[zbus(property)]
    fn can_hibernate(&self) -> (bool, String) {
        (false, "no swap".to_owned())
    }
    fn history(&self) -> Vec<(u64, String, bool, u32, u32, String, String)> {
        vec![(0, "reboot".to_owned(), true, 0x8000_0000, 0, String::new(), "begun by logind".to_owned())]
    }
    async fn inhibit(
        &self,
        who: &str,
        why: &str,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<zbus::wire::OwnedFd> {
        if why == "no" {
            return Err(zbus::fdo::Error::AccessDenied(format!("not for {who}")));
        }
        if self.1 {
            (&self.0).write_all(b"asked").unwrap();
            std::future::pending::<()>().await;
        }
        if why == "noise" {
            for _ in 0..3 {
                Self::requested(&emitter, 0, "reboot", false, 0, 0, "").await?;
            }
        }
        Ok(OwnedFd::from(self.0.try_clone().unwrap()).into())
    }
    #[zbus(signal)]
    async fn requested(
        emitter: &SignalEmitter<'_>,
        when: u64,
        kind: &str,
        forced: bool,
        reason: u32,
        timeout: u32,
        text: &str,
    ) -> zbus::Result<()>;
}

struct Heartbeat1(std::sync::Mutex<Vec<(String, String, String)>>);

#[zbus::interface(name = "org.hvutils.Heartbeat1")]
impl Heartbeat1 {
    #[zbus(property)]
    fn application_state(&self) -> String {
        self.0.lock().unwrap().first().map_or("unknown", |source| &source.1).to_owned()
    }
    #[zbus(property)]
    fn sequence(&self) -> u64 {
        42
    }
    #[zbus(property)]
    fn sources(&self) -> Vec<(String, String, String)> {
        self.0.lock().unwrap().clone()
    }
    fn set_application_state(&self, state: &str, why: &str) {
        *self.0.lock().unwrap() = vec![("application :1.9".to_owned(), state.to_owned(), why.to_owned())];
    }
}

struct FileCopy1;

#[zbus::interface(name = "org.hvutils.FileCopy1")]
impl FileCopy1 {
    #[zbus(property)]
    fn enabled(&self) -> bool {
        true
    }
    #[zbus(property)]
    fn roots(&self) -> Vec<String> {
        vec!["/srv/in".to_owned()]
    }
    #[zbus(property)]
    fn active(&self) -> (String, u64, u64, u32) {
        ("/srv/in/a".to_owned(), 3 << 20, 1536 << 10, 50)
    }
    fn history(&self) -> Vec<(u64, String, u64, String)> {
        vec![
            (0, "/srv/in/b".to_owned(), 512, "ok".to_owned()),
            (0, "/x".to_owned(), 2048, "refused".to_owned()),
        ]
    }
    async fn play(&self, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) -> zbus::fdo::Result<()> {
        Self::started(&emitter, "/srv/in/c", 1024).await?;
        Ok(Self::finished(&emitter, "/srv/in/c", 1024, "ok").await?)
    }
    #[zbus(signal)]
    async fn started(emitter: &SignalEmitter<'_>, target: &str, size: u64) -> zbus::Result<()>;
    #[zbus(signal)]
    async fn finished(emitter: &SignalEmitter<'_>, target: &str, size: u64, result: &str)
    -> zbus::Result<()>;
}

/// All three on the bus, until the value goes or the next takes their names.
struct Fakes(Option<tokio::sync::oneshot::Sender<()>>, Option<JoinHandle<()>>);

impl Fakes {
    fn on(bus: &Bus) -> Fakes {
        Fakes::with(bus, false)
    }

    /// Which answer everything but `Inhibit`.
    fn that_hang(bus: &Bus) -> Fakes {
        Fakes::with(bus, true)
    }

    fn with(bus: &Bus, hangs: bool) -> Fakes {
        let (end, ending) = tokio::sync::oneshot::channel();
        let (ready, is_ready) = channel();
        let address = bus.address.clone();
        let fd = File::create(bus.directory.path().join("inhibitor")).unwrap();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let builder = zbus::connection::Builder::address(address.as_str());
                let connection = builder
                    .serve_at("/org/hvutils/Shutdown1", Shutdown1(fd, hangs))
                    .serve_at("/org/hvutils/Heartbeat1", Heartbeat1(std::sync::Mutex::default()))
                    .serve_at("/org/hvutils/FileCopy1", FileCopy1)
                    .allow_name_replacements(true)
                    .replace_existing_names(true)
                    .name("org.hvutils.Shutdown1")
                    .name("org.hvutils.Heartbeat1")
                    .name("org.hvutils.FileCopy1")
                    .build()
                    .await
                    .unwrap();
                ready.send(()).unwrap();
                let _ = ending.await;
                // What hangs would never be done.
                if !hangs {
                    connection.graceful_shutdown().await;
                }
            });
        });
        is_ready.recv_timeout(HANG).unwrap();
        Fakes(Some(end), Some(thread))
    }
}

impl Drop for Fakes {
    fn drop(&mut self) {
        drop(self.0.take());
        let _ = self.1.take().unwrap().join();
    }
}

#[test]
fn status_of_each_is_told_to_people_and_as_json() {
    let Some(bus) = Bus::start("status of each") else { return };
    let _fakes = Fakes::on(&bus);
    bus.run(&["shutdown", "status"]).is(
        0,
        "pending: no\nhibernate: not possible: no swap\n\n\
         INHIBITOR  USER  SINCE  WHY\napt        7     -      an \\u{1b}upgrade\n\n\
         WHEN  REQUEST         REASON   TEXT  OUTCOME\n-     reboot, forced  planned  -     begun by logind\n",
        "",
    );
    bus.run(&["--json", "heartbeat", "status"]).is(
        0,
        "{\"schema\":1,\"kind\":\"heartbeat-status\",\"application_state\":\"unknown\",\"sequence\":42,\
         \"last_message\":0,\"channel_state\":\"\",\"sources\":[]}\n",
        "",
    );
    bus.run(&["copy", "status"]).is(
        0,
        "file copy: on\nroots: /srv/in\nnow: /srv/in/a, 50 % (1.5 MiB of 3.0 MiB)\n",
        "",
    );
    bus.run(&["copy", "history"]).is(
        0,
        "WHEN  SIZE     TARGET     RESULT\n-     512 B    /srv/in/b  ok\n-     2.0 KiB  /x         refused\n",
        "",
    );
}

#[test]
fn command_runs_while_it_is_held_with_nothing_of_ours_open_and_its_code_is_ours() {
    let Some(bus) = Bus::start("command runs") else { return };
    let _fakes = Fakes::on(&bus);
    let script = "ls -l /proc/self/fd | grep -e inhibitor -e socket; echo none; exit 7";
    bus.run(&["shutdown", "inhibit", "sh", "-c", script]).is(7, "none\n", "");
    let report = ["heartbeat", "report", "critical", "--why", "full", "true"];
    bus.run(&report).is(0, "", "");
    bus.run(&["heartbeat", "status"]).is(
        0,
        "applications: critical\nlast heartbeat: none so far\n\n\
         SOURCE            STATE     WHY\napplication :1.9  critical  full\n",
        "",
    );
    assert_eq!(bus.run(&["shutdown", "inhibit", "/nonexistent/program"]).code, Some(127));
    assert_eq!(bus.run(&["shutdown", "inhibit", "sh", "-c", "kill -TERM $$"]).code, Some(143));
    assert_eq!(bus.run(&["shutdown", "inhibit", "--why", "no", "true"]).code, Some(77));
    assert_eq!(bus.run(&["heartbeat", "report", "fine"]).code, Some(64));
}

/// hvctl in no terminal's foreground, whose signals nobody has it ignore.
fn apart(bus: &Bus, args: &[&str]) -> Command {
    let hvctl = bus.hvctl(args);
    let mut command = Command::new("env");
    command.args(["--default-signal=INT,QUIT,HUP,TERM"]).arg(hvctl.get_program()).args(hvctl.get_args());
    command.stdin(Stdio::null()).process_group(0);
    command
}

/// Waits until a daemon that hangs was asked.
fn is_asked(bus: &Bus) {
    let begin = Instant::now();
    while std::fs::metadata(bus.directory.path().join("inhibitor")).unwrap().len() == 0 {
        assert!(begin.elapsed() < HANG, "it is never asked");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn descriptor_is_not_open_in_the_command_however_much_was_heard_before_it() {
    let Some(bus) = Bus::start("noise") else { return };
    let _fakes = Fakes::on(&bus);
    let script = "ls -l /proc/self/fd | grep -e inhibitor -e socket; echo none";
    bus.run(&["shutdown", "inhibit", "--why", "noise", "sh", "-c", script]).is(0, "none\n", "");
}

#[test]
fn end_while_the_daemon_considers_is_one_at_once_and_runs_nothing() {
    let Some(bus) = Bus::start("considers") else { return };
    let _fakes = Fakes::that_hang(&bus);
    let hvctl = bus.hvctl(&["shutdown", "inhibit", "echo", "runs"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "echo $$; exec \"$@\"", "sh"]).arg(hvctl.get_program()).args(hvctl.get_args());
    let run = Running::start(&mut shell);
    let pid = Pid::from_raw(run.out().parse().unwrap()).unwrap();
    is_asked(&bus);
    kill_process(pid, Signal::TERM).unwrap();
    run.end().is(143, "", "");
}

#[test]
fn signals_reach_the_command_and_its_end_is_seen_while_it_is_held_again() {
    let Some(bus) = Bus::start("held again") else { return };
    let fakes = Fakes::on(&bus);
    let script = "trap 'exit 9' TERM; echo $PPID; while :; do sleep 0.1; done";
    let run = Running::start(&mut bus.hvctl(&["shutdown", "inhibit", "sh", "-c", script]));
    let pid = Pid::from_raw(run.out().parse().unwrap()).unwrap();
    drop(fakes);
    assert_eq!(run.err(), "hv-shutdownd left the bus: nothing is held until it is back");
    let _fakes = Fakes::that_hang(&bus);
    is_asked(&bus);
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(run.end().code, Some(9));
}

#[test]
fn signal_that_is_to_be_ignored_reaches_nobody() {
    let Some(bus) = Bus::start("ignored") else { return };
    let _fakes = Fakes::on(&bus);
    let script = "trap 'exit 9' TERM; echo $PPID; while :; do sleep 0.1; done";
    let hvctl = bus.hvctl(&["heartbeat", "report", "healthy", "sh", "-c", script]);
    let mut nohup = Command::new("sh");
    nohup.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(hvctl.get_program()).args(hvctl.get_args());
    let run = Running::start(&mut nohup);
    let pid = Pid::from_raw(run.out().parse().unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    // It would have been passed on by then.
    bus.run(&["heartbeat", "status"]);
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(run.end().code, Some(9));
}

#[test]
fn interrupt_of_the_keyboard_is_not_passed_on_whatever_our_input_is() {
    let Some(bus) = Bus::start("keyboard") else { return };
    let _fakes = Fakes::on(&bus);
    let [count, program] = ["count", "program"].map(|name| bus.directory.path().join(name));
    let lines = "trap 'echo x >>$1' INT; trap 'exit 9' TERM; echo $PPID; while :; do sleep 0.1; done\n";
    std::fs::write(&program, lines).unwrap();
    std::fs::write(&count, "").unwrap();
    // In a session of its own nothing of the keyboard's reaches the command.
    let line = format!(
        "exec {} --bus {} shutdown inhibit setsid sh {} {} </dev/null",
        env!("CARGO_BIN_EXE_hvctl"),
        bus.address,
        program.display(),
        count.display()
    );
    let mut command = Command::new("script");
    command.args(["-qefc", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut terminal) = command.spawn() else {
        let _ = writeln!(std::io::stderr(), "SKIPPED keyboard: script (util-linux) cannot be run");
        return;
    };
    let mut out = std::io::BufReader::new(terminal.stdout.take().unwrap());
    let mut said = String::new();
    std::io::BufRead::read_line(&mut out, &mut said).unwrap();
    let pid = Pid::from_raw(said.trim().parse().unwrap()).unwrap();
    terminal.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    // It would have been passed on by then.
    std::thread::sleep(Duration::from_millis(300));
    kill_process(pid, Signal::TERM).unwrap();
    let ended = crate::harness::wait(&mut terminal);
    assert_eq!((ended, std::fs::read_to_string(count).unwrap().as_str()), (Some(9), ""));
}

#[test]
fn signals_reach_the_command_and_end_a_wait() {
    let Some(bus) = Bus::start("signals") else { return };
    let _fakes = Fakes::on(&bus);
    let script = "trap 'echo asked; exit 9' TERM INT; echo $PPID; while :; do sleep 0.1; done";
    for signal in [Signal::TERM, Signal::INT] {
        let run = Running::start(&mut apart(&bus, &["shutdown", "inhibit", "sh", "-c", script]));
        let pid = Pid::from_raw(run.out().parse().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        assert_eq!(run.out(), "asked");
        assert_eq!(run.end().code, Some(9));
    }
    let mut shell = std::process::Command::new("sh");
    let line = format!(
        "echo $$; exec {} --bus {} heartbeat report healthy",
        env!("CARGO_BIN_EXE_hvctl"),
        bus.address
    );
    let run = Running::start(shell.args(["-c", &line]));
    let pid = Pid::from_raw(run.out().parse().unwrap()).unwrap();
    assert_eq!(run.err(), "the host is told: healthy; until Ctrl-C");
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(run.end().code, Some(0));
}

#[test]
fn what_is_held_is_taken_again_when_the_daemon_comes_back() {
    let Some(bus) = Bus::start("taken again") else { return };
    let fakes = Fakes::on(&bus);
    let run = Running::start(&mut bus.hvctl(&["heartbeat", "report", "stopped"]));
    assert_eq!(run.err(), "the host is told: stopped; until Ctrl-C");
    drop(fakes);
    assert_eq!(run.err(), "hv-heartbeatd left the bus: nothing is held until it is back");
    let _fakes = Fakes::on(&bus);
    assert_eq!(run.err(), "hv-heartbeatd is back: held again");
    assert!(bus.run(&["heartbeat", "status"]).out.starts_with("applications: stopped\n"));
}

#[test]
fn what_is_held_is_taken_again_from_a_daemon_that_follows_without_a_gap() {
    let Some(bus) = Bus::start("without a gap") else { return };
    let _first = Fakes::on(&bus);
    let inhibits = Running::start(&mut bus.hvctl(&["shutdown", "inhibit"]));
    assert_eq!(inhibits.err(), "the host's requests are refused unless forced; until Ctrl-C");
    let reports = Running::start(&mut bus.hvctl(&["heartbeat", "report", "stopped"]));
    assert_eq!(reports.err(), "the host is told: stopped; until Ctrl-C");
    let watches = Running::start(&mut bus.hvctl(&["--json", "copy", "watch"]));
    assert_eq!(watches.out(), r#"{"schema":1,"kind":"copy-watch","event":"ready","daemon":true}"#);
    // It gets the names while the first still has them: the bus tells of both in one word.
    let _second = Fakes::on(&bus);
    for (run, daemon) in [(&inhibits, "hv-shutdownd"), (&reports, "hv-heartbeatd")] {
        assert_eq!(run.err(), format!("{daemon} left the bus: nothing is held until it is back"));
        assert_eq!(run.err(), format!("{daemon} is back: held again"));
    }
    assert!(bus.run(&["heartbeat", "status"]).out.starts_with("applications: stopped\n"));
    for (event, there) in [("daemon-gone", false), ("daemon-back", true)] {
        let told = format!(r#"{{"schema":1,"kind":"copy-watch","event":"{event}","daemon":{there}}}"#);
        assert_eq!(watches.out(), told);
    }
}

#[test]
fn files_are_told_as_they_come() {
    let Some(bus) = Bus::start("copy watch") else { return };
    let _fakes = Fakes::on(&bus);
    let watch = Running::start(&mut bus.hvctl(&["copy", "watch"]));
    assert_eq!(watch.err(), "ready: watching files from the host");
    let json = Running::start(&mut bus.hvctl(&["--json", "copy", "watch"]));
    assert_eq!(json.out(), r#"{"schema":1,"kind":"copy-watch","event":"ready","daemon":true}"#);
    let name = "org.hvutils.FileCopy1";
    let play = std::process::Command::new("dbus-send")
        .arg(format!("--bus={}", bus.address))
        .args(["--print-reply", &format!("--dest={name}"), "/org/hvutils/FileCopy1", &format!("{name}.Play")])
        .output()
        .unwrap();
    assert!(play.status.success());
    assert_eq!(watch.out(), "started /srv/in/c (1.0 KiB)");
    assert_eq!(watch.out(), "finished /srv/in/c (1.0 KiB): ok");
    assert_eq!(
        json.out(),
        r#"{"schema":1,"kind":"copy-watch","event":"started","target":"/srv/in/c","size":1024}"#
    );
}

#[test]
fn without_the_daemons_each_verb_says_who_is_missing() {
    let Some(bus) = Bus::start("no daemons") else { return };
    for (verb, daemon) in [
        (["shutdown", "status"], "hv-shutdownd"),
        (["shutdown", "inhibit"], "hv-shutdownd"),
        (["heartbeat", "status"], "hv-heartbeatd"),
        (["copy", "history"], "hv-fcopyd"),
    ] {
        let ran = bus.run(&verb);
        assert_eq!((ran.code, ran.out.as_str()), (Some(69), ""));
        assert!(ran.err.starts_with(&format!("hvctl: {daemon} is not running")), "{}", ran.err);
    }
}
