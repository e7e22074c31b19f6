//! The host over the packet link, against a virtual machine's side written by hand: frames by literal offsets.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hv_testhost::host::kvp::Kvp;
use hv_testhost::host::kvp::request::Value;
use hv_testhost::host::{IcOptions, Place};
use hv_testhost::link::Port;
use hv_testhost::outcome::Outcome;
use hv_testhost::packet::PacketPort;
use hv_testhost::{Host, HostOptions, Verb};
use hv_utils_core::wire::kvp::Pool;
use hv_utils_core::wire::{Ic, Status};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::guest::kvp::{Fault, Guest};
use crate::guest::ring::Packet;
use crate::support::{code, dir, json, program, stderr, stdout};

/// The NEGOTIATE of a real host for KVP, as a frame: 56 bytes of payload.
const NEGOTIATE: [u8; 72] = [
    0x38, 0x00, 0x00, 0x00, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, //
    0x01, 0x00, 0x00, 0x00, 0x30, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, //
    0x00, 0x00, 0x1c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x02, 0x00, 0x03, 0x00, //
    0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, //
    0x04, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00,
];
const ASK: u16 = 0xfff0;
const OPENED: u16 = 0xfff0;
const CLOSED: u16 = 0xfff1;
const RESCIND: u16 = 0xfff2;
const OFFER: u16 = 0xfff3;

fn verb(line: &str) -> Verb {
    Verb::from_words(hv_testhost::words::split(line).unwrap()).unwrap()
}

fn options(dir: &Path) -> HostOptions {
    let place = Place::packet_link(dir);
    HostOptions { timeout: Duration::from_secs(60), host_items: None, ..HostOptions::at(place) }
}

/// How long a host may be silent; more is a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// A virtual machine's side of one service, and the guest in it.
pub(crate) struct Machine {
    listener: UnixListener,
    stream: Option<UnixStream>,
    pub(crate) rules: Guest,
}

impl Machine {
    pub(crate) fn new(dir: &Path, ic: Ic, kind: u16) -> Machine {
        let listener = UnixListener::bind(dir.join(format!("{}.sock", ic.name()))).unwrap();
        Machine { listener, stream: None, rules: Guest::new(kind, Fault::None) }
    }

    /// Waits for the host and its question, and answers with the channel's state.
    pub(crate) fn meet(&mut self, state: u16) {
        self.stream = None;
        self.accept();
        assert_eq!(self.next().map(|packet| packet.kind), Some(ASK));
        self.notice(state);
    }

    fn accept(&mut self) {
        let mut fds = [PollFd::new(&self.listener, PollFlags::IN)];
        let limit = Timespec::try_from(PATIENCE).unwrap();
        assert!(poll(&mut fds, Some(&limit)).unwrap() > 0, "no host comes");
        let stream = self.listener.accept().unwrap().0;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        self.stream = Some(stream);
    }

    /// Answers all hosts that come with the channel's state, in a thread.
    pub(crate) fn meets_all(mut self, state: u16) -> Meeting {
        let address = self.listener.local_addr().unwrap();
        let path = address.as_pathname().unwrap().to_owned();
        let over = Arc::new(AtomicBool::new(false));
        let enough = over.clone();
        let thread = std::thread::spawn(move || {
            loop {
                self.accept();
                if enough.load(Ordering::SeqCst) {
                    return;
                }
                // One that had too little time has left by now.
                if self.next().is_some() && self.try_put(&notice(state)).is_ok() {
                    self.serve();
                }
            }
        });
        Meeting { path, over, thread: Some(thread) }
    }

    /// Lets a host in that may have said all it has to say, and have left, before it hears anything.
    fn meet_in_passing(&mut self) {
        self.accept();
        assert_eq!(self.next().map(|packet| packet.kind), Some(ASK));
    }

    pub(crate) fn notice(&mut self, kind: u16) {
        self.put(&notice(kind));
    }

    fn put(&mut self, packet: &Packet) {
        self.try_put(packet).unwrap();
    }

    fn try_put(&mut self, packet: &Packet) -> std::io::Result<()> {
        let mut frame = u32::try_from(packet.payload.len()).unwrap().to_le_bytes().to_vec();
        frame.extend_from_slice(&packet.kind.to_le_bytes());
        frame.extend_from_slice(&packet.flags.to_le_bytes());
        frame.extend_from_slice(&packet.transaction_id.to_le_bytes());
        frame.extend_from_slice(&packet.payload);
        self.stream.as_mut().unwrap().write_all(&frame)
    }

    /// The next frame of the host's; `None` when it ends the stream.
    fn next(&mut self) -> Option<Packet> {
        let stream = self.stream.as_mut().unwrap();
        let mut head = [0; 16];
        let read = stream.read_exact(&mut head);
        let is_late = read.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!is_late, "the host says nothing");
        read.ok()?;
        let length = u32::from_le_bytes(head[..4].try_into().unwrap());
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).ok()?;
        Some(Packet {
            kind: u16::from_le_bytes([head[4], head[5]]),
            flags: u16::from_le_bytes([head[6], head[7]]),
            transaction_id: u64::from_le_bytes(head[8..].try_into().unwrap()),
            payload,
        })
    }

    /// The next packet of the host's, for [`Machine::answer`].
    pub(crate) fn hear(&mut self) -> Packet {
        self.next().unwrap()
    }

    pub(crate) fn answer(&mut self, packet: &Packet) {
        for answer in self.rules.answer(packet) {
            self.put(&answer);
        }
    }

    /// Answers one packet.
    pub(crate) fn one(&mut self) {
        let packet = self.hear();
        self.answer(&packet);
    }

    /// Answers packets until a frame without payload comes, which is returned; 0 at the end of the stream, which may come before
    /// the answer to what was heard last.
    pub(crate) fn serve(&mut self) -> u16 {
        while let Some(packet) = self.next() {
            if packet.kind != 6 {
                return packet.kind;
            }
            for answer in self.rules.answer(&packet) {
                if self.try_put(&answer).is_err() {
                    return 0;
                }
            }
        }
        0
    }
}

fn notice(kind: u16) -> Packet {
    Packet { kind, flags: 0, transaction_id: 0, payload: Vec::new() }
}

/// A machine that meets hosts; until the value goes.
pub(crate) struct Meeting {
    path: PathBuf,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Meeting {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = UnixStream::connect(&self.path);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the machine has failed");
    }
}

#[tokio::test]
async fn a_verb_waits_for_the_opening_and_negotiate_is_the_first_packet() {
    let dir = dir();
    let mut machine = Machine::new(dir.path(), Ic::Kvp, 2);
    let host = Host::start(options(dir.path())).unwrap();
    let guest = tokio::task::spawn_blocking(move || {
        machine.meet(CLOSED);
        machine.notice(OPENED);
        let mut first = [0; 72];
        machine.stream.as_mut().unwrap().read_exact(&mut first).unwrap();
        let payload = first[16..].to_vec();
        for answer in machine.rules.answer(&Packet { kind: 6, flags: 0, transaction_id: 0, payload }) {
            machine.put(&answer);
        }
        machine.serve();
        first
    });
    let report = host.execute(&verb("get-kvp auto OSName"), None).await;
    assert!(matches!(&report.result, Ok(Outcome::Item(item)) if item.value == "Naive Linux"), "{report:?}");
    assert_eq!(report.violations, []);
    host.shut_down().await;
    assert_eq!(guest.await.unwrap(), NEGOTIATE);
}

#[tokio::test]
async fn each_opening_is_negotiated_anew_also_without_a_close_and_after_another_stream() {
    let dir = dir();
    let mut machine = Machine::new(dir.path(), Ic::Kvp, 2);
    let host = Host::start(options(dir.path())).unwrap();
    let guest = tokio::task::spawn_blocking(move || {
        let negotiated = |machine: &mut Machine| {
            let packet = machine.next().unwrap();
            assert_eq!(packet.payload[12..14], [0, 0]);
            for answer in machine.rules.answer(&packet) {
                machine.put(&answer);
            }
        };
        machine.meet(OPENED);
        negotiated(&mut machine);
        machine.notice(OPENED);
        negotiated(&mut machine);
        machine.notice(CLOSED);
        machine.notice(OPENED);
        negotiated(&mut machine);
        machine.meet(OPENED);
        negotiated(&mut machine);
        machine.serve();
    });
    while host.states()[0].openings < 4 {
        tokio::task::yield_now().await;
    }
    assert!(host.execute(&verb("get-guest-items"), None).await.result.is_ok());
    host.shut_down().await;
    guest.await.unwrap();
}

#[tokio::test]
async fn a_service_is_unticked_and_ticked_and_the_machine_keeps_its_device_at_the_end() {
    let dir = dir();
    let mut machine = Machine::new(dir.path(), Ic::Kvp, 2);
    let host = Host::start(options(dir.path())).unwrap();
    let guest = tokio::task::spawn_blocking(move || {
        machine.meet(OPENED);
        assert_eq!(machine.serve(), RESCIND);
        machine.notice(CLOSED);
        assert_eq!(machine.serve(), OFFER);
        machine.notice(OPENED);
        machine.serve()
    });
    host.execute(&verb("add-kvp a b"), None).await.result.unwrap();
    host.execute(&verb("disable-service kvp"), None).await.result.unwrap();
    host.execute(&verb("enable-service kvp"), None).await.result.unwrap();
    assert!(host.execute(&verb("get-host-items"), None).await.result.is_ok());
    host.shut_down().await;
    assert_eq!(guest.await.unwrap(), 0);
}

#[tokio::test]
async fn each_close_makes_a_new_device_where_that_is_asked_for() {
    let dir = dir();
    let mut machine = Machine::new(dir.path(), Ic::Kvp, 2);
    let host = Host::start(HostOptions { reoffer_on_close: true, ..options(dir.path()) }).unwrap();
    let guest = tokio::task::spawn_blocking(move || {
        machine.meet(OPENED);
        for _ in 0..3 {
            machine.notice(CLOSED);
            assert_eq!((machine.serve(), machine.serve()), (RESCIND, OFFER));
            machine.notice(OPENED);
        }
        machine.serve();
    });
    while host.states()[0].openings < 4 {
        tokio::task::yield_now().await;
    }
    assert!(host.execute(&verb("wait-guest"), None).await.result.is_ok());
    host.shut_down().await;
    guest.await.unwrap();
}

#[tokio::test]
async fn replies_reach_the_service_whose_socket_they_came_by() {
    let dir = dir();
    let (mut kvp, mut heart) =
        (Machine::new(dir.path(), Ic::Kvp, 2), Machine::new(dir.path(), Ic::Heartbeat, 1));
    // After the first beat no other comes while this goes on, however slowly.
    let heartbeat_period = Duration::from_secs(86_400);
    let options = HostOptions { ics: vec![Ic::Kvp, Ic::Heartbeat], heartbeat_period, ..options(dir.path()) };
    let host = Host::start(options).unwrap();
    let guests = [
        std::thread::spawn(move || {
            kvp.meet(OPENED);
            kvp.serve()
        }),
        std::thread::spawn(move || {
            heart.meet(OPENED);
            heart.serve()
        }),
    ];
    host.execute(&verb("wait-guest"), None).await.result.unwrap();
    assert!(host.execute(&verb("get-guest-items"), None).await.result.is_ok());
    assert_eq!(host.states()[1].sequence, 2);
    host.shut_down().await;
    for guest in guests {
        assert_eq!(guest.join().unwrap(), 0);
    }
}

#[tokio::test]
async fn a_program_asks_without_a_host_and_times_it_with_a_clock_of_its_own() {
    let dir = dir();
    let mut machine = Machine::new(dir.path(), Ic::Kvp, 2);
    let guest = tokio::task::spawn_blocking(move || {
        machine.meet(OPENED);
        machine.serve()
    });
    let mut port = PacketPort::new(dir.path(), Ic::Kvp).unwrap();
    let link = port.opened().await.unwrap();
    let mut ic = hv_testhost::host::Ic::new(link, Ic::Kvp, IcOptions::real_host(Ic::Kvp));
    ic.negotiate().await.unwrap();
    let mut kvp = Kvp::new(None);
    let begun = std::time::Instant::now();
    let pool = Pool::External;
    assert!(kvp.set(&mut ic, pool, "k", &Value::Sz("v".to_owned())).await.unwrap().is_ok());
    assert_eq!(kvp.get(&mut ic, pool, "k").await.unwrap().unwrap().value, "v");
    assert_eq!(kvp.enumerate(&mut ic, pool, 0).await.unwrap().unwrap().key, "k");
    assert!(kvp.delete(&mut ic, pool, "k").await.unwrap().is_ok());
    assert_eq!(kvp.enumerate(&mut ic, pool, 0).await.unwrap(), Err(Status::NO_MORE_ITEMS));
    assert!(begun.elapsed() > Duration::ZERO);
    assert_eq!(ic.take_violations(), []);
    drop((ic, port));
    assert_eq!(guest.await.unwrap(), 0);
}

#[test]
fn a_one_shot_command_speaks_over_the_packet_link() {
    let dir = dir();
    let mut machine = Machine::new(dir.path(), Ic::Kvp, 2);
    let guest = std::thread::spawn(move || {
        machine.meet(OPENED);
        machine.serve();
        machine.rules.pools[0].clone()
    });
    let mut command = program();
    command.arg("--packet-link").arg(dir.path()).args(["--timeout", "60", "add-kvp", "colour", "blue"]);
    let output = command.output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("colour"), "{}", stdout(&output));
    assert_eq!(guest.join().unwrap(), [("colour".to_owned(), "blue".to_owned())]);
}

#[test]
fn without_a_machine_a_verb_ends_with_3_and_says_where_it_should_listen() {
    let dir = dir();
    let mut command = program();
    command.arg("--packet-link").arg(dir.path()).args(["--timeout", "0.05", "wait-guest"]);
    let output = command.output().unwrap();
    assert_eq!(code(&output), 3);
    let expected = format!(
        "hv-testhost: kvp: no guest has opened the channel in time\nhint: start the virtual machine, whose side \
         listens at {}, and in it what serves kvp, or wait longer with --timeout SECS\n",
        dir.path().join("kvp.sock").display()
    );
    assert_eq!(stderr(&output), expected);
}

#[test]
fn what_needs_rings_or_two_links_is_refused_on_the_packet_link() {
    let cases: [(&[&str], &str); 4] = [
        (&["--packet-link", "/tmp", "run", "a.toml"], "the rings belong to the virtual machine"),
        (&["--packet-link", "/tmp", "--sim", "/tmp", "wait-guest"], "cannot be used with"),
        (&["--packet-link", "/tmp", "--ring", "8192", "wait-guest"], "cannot be used with"),
        (&["--packet-link", "/tmp", "--control", "/tmp/none", "wait-guest"], "in a second command"),
    ];
    for (arguments, expected) in cases {
        let output = program().args(arguments).output().unwrap();
        assert_eq!(code(&output), 64, "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{arguments:?}: {}", stderr(&output));
    }
    let output =
        program().args(["--json", "--packet-link", &"x".repeat(108), "wait-guest"]).output().unwrap();
    assert_eq!(code(&output), 69);
    let hint = json(&output)["error"]["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("at most 107 bytes"), "{hint}");
}

/// A verb that has waited in vain for what is said at a machine's socket.
fn hint(dir: &Path, seconds: &str) -> String {
    let mut command = program();
    command.arg("--packet-link").arg(dir).args(["--timeout", seconds, "wait-guest"]);
    let output = command.output().unwrap();
    assert_eq!(code(&output), 3);
    stderr(&output)
}

#[test]
fn a_machine_that_answers_another_host_or_has_no_daemon_is_told_from_one_that_is_not_there() {
    let dir = dir();
    let machine = Machine::new(dir.path(), Ic::Kvp, 2);
    let hint = hint(dir.path(), "1");
    assert!(hint.contains("connected to") && hint.contains("is another host connected?"), "{hint}");
    let _meeting = machine.meets_all(CLOSED);
    // As long as it was the machine's thread that got no time, it has more.
    let hints = ["1", "4", "16"].into_iter().map(|seconds| self::hint(dir.path(), seconds));
    let hint = hints.into_iter().find(|hint| hint.contains("answers at")).unwrap();
    assert!(hint.contains("start in it what serves kvp"), "{hint}");
}

#[tokio::test]
async fn a_machine_that_knows_no_rescind_ends_the_stream_once_and_is_served_on() {
    let dir = dir();
    let mut machine = Machine::new(dir.path(), Ic::Kvp, 2);
    let (events, mut told) = tokio::sync::mpsc::unbounded_channel();
    let host = Host::start(HostOptions { events: Some(events), ..options(dir.path()) }).unwrap();
    let guest = tokio::task::spawn_blocking(move || {
        machine.meet(OPENED);
        assert_eq!(machine.serve(), RESCIND);
        machine.meet(OPENED);
        assert_eq!(machine.serve(), ASK);
        machine.notice(OPENED);
        machine.serve()
    });
    host.execute(&verb("wait-guest"), None).await.result.unwrap();
    host.execute(&verb("disable-service kvp"), None).await.result.unwrap();
    while !told.recv().await.unwrap().contains("cannot take devices away") {}
    assert!(host.states()[0].enabled);
    assert!(host.execute(&verb("get-guest-items"), None).await.result.is_ok());
    let failure = host.execute(&verb("disable-service kvp"), None).await.result.unwrap_err();
    assert!(
        failure.to_string().starts_with("kvp cannot be disabled: the virtual machine's side"),
        "{failure}"
    );
    assert!(host.execute(&verb("get-guest-items"), None).await.result.is_ok(), "the channel stays open");
    host.shut_down().await;
    assert_eq!(guest.await.unwrap(), 0);
}

#[test]
fn enable_service_gives_back_what_a_killed_host_took_away() {
    let dir = dir();
    let mut machine = Machine::new(dir.path(), Ic::Kvp, 2);
    let mut command = program();
    command.arg("--packet-link").arg(dir.path()).args(["enable-service", "kvp"]);
    let guest = std::thread::spawn(move || {
        machine.meet_in_passing();
        machine.serve()
    });
    let output = command.output().unwrap();
    assert_eq!((code(&output), stdout(&output).as_str()), (0, "kvp was enabled already\n"));
    assert_eq!(guest.join().unwrap(), OFFER);
}
