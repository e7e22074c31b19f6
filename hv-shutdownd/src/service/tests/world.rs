//! A service, its link, and a host that a test plays by hand.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use hv_utils_core::channel::sim::Listener;
use hv_utils_core::channel::{self, ChannelChoice, Link, LinkOptions, RingChannel};
use hv_utils_core::hooks::{self, Owner, Runner};
use hv_utils_core::wire::negotiate::{Offer, parse_reply};
use hv_utils_core::wire::shutdown::{Action, Request, encode as body};
use hv_utils_core::wire::{Ic, IcHeader, Message, PacketHeader, Version, encode};
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::bus::{Board, Shown};
use crate::engine::Rules;
use crate::service::*;

/// Bytes of one ring with its control page: three answers fit.
const RING: u32 = 3 * 4096;
const FRAMEWORK: Version = Version::new(3, 0);
const NEWEST: Version = Version::new(3, 2);

/// The guest's side: the service is served while a test goes on ([`World::during`]).
#[derive(Debug)]
pub(super) struct World {
    pub(super) daemon: Shutdownd<Double>,
    pub(super) link: Link,
    pub(super) directory: TempDir,
}

impl World {
    /// With a host, and what a test looks at.
    pub(super) async fn start() -> (World, Host, Double) {
        World::with(Rules::default(), false).await
    }

    pub(super) async fn with(rules: Rules, print: bool) -> (World, Host, Double) {
        let directory = TempDir::new().unwrap();
        let double = Double::default();
        let settings = settings(&directory, rules, print);
        let history = History::open(&directory.path().join("history.json"));
        let mut daemon = Shutdownd::new(settings, double.clone(), history, Authority::new());
        daemon.patience = PATIENCE;
        let listener = Listener::bind(&directory.path().join("shutdown.sock")).unwrap();
        let options = LinkOptions {
            ic: Ic::Shutdown,
            choice: ChannelChoice::Sim(listener.path().to_owned()),
            max_version: None,
            sysfs_root: directory.path().join("sys"),
            dev_root: directory.path().join("dev"),
        };
        let link = Link::new(options).unwrap();
        let board = daemon.board.clone();
        let mut world = World { daemon, link, directory };
        let host = world.during(async {
            let channel = listener.accept(Ic::Shutdown.class(), RING).await.unwrap();
            let mut host = Host { channel, last: 0, payload: Vec::new(), board, double: double.clone() };
            host.negotiate().await;
            host
        });
        let host = host.await;
        (world, host, double)
    }

    /// Serves while `test` goes on.
    pub(super) async fn during<T>(&mut self, test: impl Future<Output = T>) -> T {
        let mut test = std::pin::pin!(test);
        loop {
            tokio::select! {
                biased;
                result = &mut test => return result,
                event = self.link.next() => match event {
                    channel::Event::Request(request) => self.daemon.asked(request, &mut self.link),
                    channel::Event::Changed => self.daemon.channel_is(self.link.status().state),
                },
                event = self.daemon.next_event() => self.daemon.happened(event, &mut self.link),
            }
        }
    }

    /// A hook; `script` is a shell's. Another process writes it: a child of another test could hold it open for writing
    /// until it has become another program, and what is open so cannot be run.
    pub(super) fn hook(&self, script: &str) {
        let path = self.path("shutdown.d/10-hook");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut install = Command::new("install");
        install.args(["-m", "755", "/dev/stdin"]).arg(path).stdin(Stdio::piped());
        let mut install = install.spawn().unwrap();
        write!(install.stdin.take().unwrap(), "#!/bin/sh\n{script}\n").unwrap();
        assert!(install.wait().unwrap().success());
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Settings of another time.
    pub(super) fn settings(&self, rules: Rules) -> Settings {
        settings(&self.directory, rules, false)
    }
}

fn settings(directory: &TempDir, rules: Rules, print: bool) -> Settings {
    let hooks = hooks::Options {
        owner: Owner { daemon: "hv-shutdownd", units: "hv-shutdown-hook" },
        directory: directory.path().join("shutdown.d"),
        time: PATIENCE,
        runner: Runner::Direct,
    };
    Settings { print, rules, force_escalation: PATIENCE, hooks }
}

/// The host's end of the channel.
#[derive(Debug)]
pub(super) struct Host {
    channel: RingChannel,
    last: u64,
    payload: Vec<u8>,
    board: Board,
    double: Double,
}

impl Host {
    /// Negotiates; what was asked before is forgotten.
    pub(super) async fn negotiate(&mut self) {
        let mut packet = Vec::new();
        Offer { framework: vec![FRAMEWORK], message: vec![NEWEST] }.encode(&mut packet);
        let id = self.send(&packet).await;
        while self.receive().await != id {}
        parse_reply(Message::parse(&self.payload).unwrap().body).unwrap().unwrap();
    }

    /// Asks, and does not wait for the answer.
    pub(super) async fn ask(&mut self, flags: u32) {
        let request = Request {
            action: Action::PowerOff,
            force: false,
            reason: 0x8000_0000,
            timeout_secs: 30,
            text: "bye".to_owned(),
        };
        let mut body = body(&request);
        body[8..12].copy_from_slice(&flags.to_le_bytes());
        let mut packet = Vec::new();
        encode(&IcHeader::request(FRAMEWORK, Ic::Shutdown.message_type(), NEWEST), &body, &mut packet);
        *self.double.0.host_knows.lock().unwrap() = false;
        self.send(&packet).await;
    }

    /// The next answer.
    pub(super) async fn answer(&mut self) -> Status {
        self.receive().await;
        // With nothing in between: whoever acts after this acts after the answer was taken.
        *self.double.0.host_knows.lock().unwrap() = true;
        Message::parse(&self.payload).unwrap().header.status
    }

    /// Asks, and has the answer.
    pub(super) async fn status(&mut self, flags: u32) -> Status {
        self.ask(flags).await;
        self.answer().await
    }

    /// Waits until what is shown is so.
    pub(super) async fn shows(&self, what: &str, so: impl Fn(&Shown) -> bool) -> Shown {
        self.until(what, || so(&self.board.shown())).await;
        self.board.shown()
    }

    /// Waits until the outcome is this.
    pub(super) async fn becomes(&self, outcome: &str) {
        let is = |shown: &Shown| shown.last.as_ref().is_some_and(|last| last.outcome == outcome);
        self.shows(outcome, is).await;
    }

    /// Waits until so many attempts were made.
    pub(super) async fn acts(&self, attempts: usize) {
        self.until(&format!("{attempts} attempts"), || self.double.orders().len() >= attempts).await;
        assert_eq!(self.double.orders().len(), attempts);
    }

    /// Waits until something is so.
    pub(super) async fn until(&self, what: &str, so: impl Fn() -> bool) {
        let waits = async {
            while !so() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(timeout(PATIENCE, waits).await.is_ok(), "never: {what}; {:?}", self.board.shown());
    }

    /// What is shown now.
    pub(super) fn shown(&self) -> Shown {
        self.board.shown()
    }

    /// Outcomes of all that is remembered.
    pub(super) fn outcomes(&self) -> Vec<String> {
        self.board.rows().iter().map(|row| row.outcome.clone()).collect()
    }

    async fn send(&mut self, packet: &[u8]) -> u64 {
        self.last += 1;
        self.channel.send(PacketHeader::in_band(self.last), packet).await.unwrap();
        self.last
    }

    async fn receive(&mut self) -> u64 {
        let received = timeout(PATIENCE, self.channel.recv(&mut self.payload)).await;
        received.expect("an answer").unwrap().transaction_id
    }
}
