//! The daemon as a process, whose copies are cut at a point that chance chooses: by the host, by the channel, by SIGTERM and
//! by SIGKILL in turn. Afterwards nothing of the copy is there, and an older file with its name is as it was.
//!
//! HV_FCOPYD_SEED repeats a run, HV_FCOPYD_CUTS says how many.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use hv_utils_core::channel::RingChannel;
use hv_utils_core::channel::sim::Listener;
use hv_utils_core::wire::fcopy::{Operation, Start, encode_bare, encode_start, encode_write};
use hv_utils_core::wire::negotiate::Offer;
use hv_utils_core::wire::{Ic, IcHeader, Message, PacketHeader, Version, encode};
use rustix::process::{Pid, Signal, kill_process};

const PATIENCE: Duration = Duration::from_secs(60);
const FRAMEWORK: Version = Version::new(3, 0);
const VERSION: Version = Version::new(1, 1);
const SIZE: u64 = 600_000;
const OLDER: &[u8] = b"an older file";

/// xorshift64*: good enough to choose where to cut.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % limit
    }
}

struct Host(RingChannel, u64, Vec<u8>);

impl Host {
    async fn accept(listener: &Listener) -> Host {
        let accepted = listener.accept(Ic::FileCopy.class(), 4 * 4096);
        let channel = tokio::time::timeout(PATIENCE, accepted).await.expect("the daemon connects").unwrap();
        let mut host = Host(channel, 0, Vec::new());
        host.negotiate().await;
        host
    }

    async fn negotiate(&mut self) {
        let mut packet = Vec::new();
        Offer { framework: vec![FRAMEWORK], message: vec![VERSION] }.encode(&mut packet);
        self.exchange(&packet).await;
    }

    async fn ask(&mut self, body: &[u8]) -> u32 {
        let mut packet = Vec::new();
        encode(&IcHeader::request(FRAMEWORK, Ic::FileCopy.message_type(), VERSION), body, &mut packet);
        self.exchange(&packet).await;
        Message::parse(&self.2).unwrap().header.status.0
    }

    async fn exchange(&mut self, packet: &[u8]) {
        self.1 += 1;
        self.0.send(PacketHeader::in_band(self.1), packet).await.unwrap();
        let answered = tokio::time::timeout(PATIENCE, self.0.recv(&mut self.2)).await;
        assert_eq!(answered.expect("an answer").unwrap().transaction_id, self.1);
    }
}

fn daemon(directory: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hv-fcopyd"));
    command.args(["--bus", "none", "--log-format", "text", "--log-level", "warn", "--channel"]);
    command.arg(format!("sim:{}", directory.join("fcopy.sock").display()));
    for (option, name) in [("--config", "hv-utils.toml"), ("--run-dir", "run"), ("--state-dir", "state")] {
        command.arg(option).arg(directory.join(name));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
}

/// Waits for its end.
fn ended(child: &mut Child) -> ExitStatus {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(begin.elapsed() < PATIENCE, "the daemon does not end");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What is in the root, with the bytes of the older file.
fn only_the_older_file(root: &Path) -> bool {
    let names: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names == ["a"] && fs::read(root.join("a")).unwrap() == OLDER
}

#[track_caller]
fn becomes_clean(root: &Path, what: &str) {
    let begin = Instant::now();
    while !only_the_older_file(root) {
        assert!(begin.elapsed() < PATIENCE, "{what}: something is left");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test]
async fn copy_that_is_cut_anywhere_leaves_nothing_and_the_older_file_as_it_was() {
    let seed =
        number("HV_FCOPYD_SEED", Instant::now().elapsed().as_nanos() as u64 | u64::from(std::process::id()));
    eprintln!("HV_FCOPYD_SEED={seed}");
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("in");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a"), OLDER).unwrap();
    let text = format!("[file-copy]\nenabled = true\nmin-free-mib = 0\nroots = [{root:?}]\n");
    fs::write(directory.path().join("hv-utils.toml"), text).unwrap();
    let socket = directory.path().join("fcopy.sock");
    let mut listener = Some(Listener::bind(&socket).unwrap());
    let mut child = daemon(directory.path());
    let mut host = Host::accept(listener.as_ref().unwrap()).await;
    let start = Start {
        path: root.to_str().unwrap().to_owned(),
        name: "a".to_owned(),
        overwrite: true,
        create_path: false,
        size: SIZE,
    };
    let start = encode_start(&start).unwrap();
    for cut in 0..number("HV_FCOPYD_CUTS", 1000) {
        assert_eq!(host.ask(&start).await, 0, "{cut}");
        for piece in 0..chance.below(SIZE / 6000) {
            assert_eq!(host.ask(&encode_write(piece * 6000, &[7; 6000])).await, 0, "{cut}");
        }
        // The two that need another process are a tenth each.
        let way = ["cancel", "disconnect", "negotiate", "rescind"][chance.below(4) as usize];
        let way = match cut % 10 {
            4 => "SIGTERM",
            9 => "SIGKILL",
            _ => way,
        };
        match way {
            "cancel" => {
                assert_eq!(host.ask(&encode_bare(Operation::CANCEL)).await, 0);
                assert!(only_the_older_file(&root), "{cut}: CANCEL was answered");
            }
            "negotiate" => host.negotiate().await,
            "disconnect" => {
                drop(host);
                host = Host::accept(listener.as_ref().unwrap()).await;
            }
            "rescind" => {
                listener = None;
                drop(host);
                becomes_clean(&root, way);
                let offered = listener.insert(Listener::bind(&socket).unwrap());
                host = Host::accept(offered).await;
            }
            _ => {
                let signal = if way == "SIGTERM" { Signal::TERM } else { Signal::KILL };
                kill_process(Pid::from_child(&child), signal).unwrap();
                let status = ended(&mut child);
                if way == "SIGTERM" {
                    assert!(status.success(), "{status}");
                    assert!(only_the_older_file(&root), "{cut}: it ended");
                }
                drop(host);
                child = daemon(directory.path());
                host = Host::accept(listener.as_ref().unwrap()).await;
            }
        }
        becomes_clean(&root, way);
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(ended(&mut child).success());
}
