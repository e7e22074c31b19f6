//! The daemon as a process on a real disk: each flag and refusal with its status, names of any script, and what is on the disk
//! afterwards. The host is played by hand.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hv_utils_core::channel::RingChannel;
use hv_utils_core::channel::sim::Listener;
use hv_utils_core::wire::fcopy::{Operation, Start, encode_bare, encode_start, encode_write};
use hv_utils_core::wire::negotiate::Offer;
use hv_utils_core::wire::{Ic, IcHeader, Message, PacketHeader, Version, encode};

const PATIENCE: Duration = Duration::from_secs(60);
const FRAMEWORK: Version = Version::new(3, 0);
const VERSION: Version = Version::new(1, 1);

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

/// A daemon with a root, its host, and what is beside the root.
struct World {
    child: Child,
    host: Host,
    directory: tempfile::TempDir,
    _listener: Listener,
}

impl World {
    async fn new(keys: &str) -> World {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("in")).unwrap();
        let root = directory.path().join("in");
        let text = format!("[file-copy]\nmin-free-mib = 0\nroots = [{root:?}]\n{keys}\n");
        fs::write(directory.path().join("hv-utils.toml"), text).unwrap();
        let listener = Listener::bind(&directory.path().join("fcopy.sock")).unwrap();
        let child = daemon(directory.path());
        let host = Host::accept(&listener).await;
        World { child, host, directory, _listener: listener }
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("in")
    }

    /// START of a file below the root; the status.
    async fn start(
        &mut self,
        below: &str,
        name: &str,
        size: u64,
        (overwrite, create_path): (bool, bool),
    ) -> u32 {
        let path = format!("{}{below}", self.root().display());
        let start = Start { path, name: name.to_owned(), overwrite, create_path, size };
        self.host.ask(&encode_start(&start).unwrap()).await
    }

    /// A whole file; the first status that is not 0.
    async fn copy(&mut self, below: &str, name: &str, bytes: &[u8], flags: (bool, bool)) -> u32 {
        let status = self.start(below, name, bytes.len() as u64, flags).await;
        if status != 0 {
            return status;
        }
        for (number, data) in bytes.chunks(6144).enumerate() {
            let status = self.host.ask(&encode_write(number as u64 * 6144, data)).await;
            if status != 0 {
                return status;
            }
        }
        self.host.ask(&encode_bare(Operation::COMPLETE)).await
    }

    /// Names in the root, in order.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const NONE: (bool, bool) = (false, false);
const OVERWRITE: (bool, bool) = (true, false);
const CREATE: (bool, bool) = (false, true);

#[tokio::test]
async fn without_a_word_in_the_configuration_nothing_is_taken() {
    let mut world = World::new("").await;
    assert_eq!(world.copy("", "a", b"abc", OVERWRITE).await, 0x8007_0032);
    assert_eq!(world.names(), Vec::<String>::new());
}

#[tokio::test]
async fn file_of_ten_mib_is_the_same_and_so_is_one_of_nothing() {
    let mut world = World::new("enabled = true").await;
    let bytes: Vec<u8> =
        (0..10_u32 << 20).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert_eq!(world.copy("", "big", &bytes, NONE).await, 0);
    assert!(fs::read(world.root().join("big")).unwrap() == bytes);
    assert_eq!(world.copy("", "empty", b"", NONE).await, 0);
    assert_eq!(fs::read(world.root().join("empty")).unwrap(), b"");
    assert_eq!(world.names(), ["big", "empty"]);
}

#[tokio::test]
async fn second_copy_needs_the_flag_and_a_smaller_one_is_as_small() {
    let mut world = World::new("enabled = true").await;
    assert_eq!(world.copy("", "a", &[1; 20_000], NONE).await, 0);
    assert_eq!(world.copy("", "a", b"abc", NONE).await, 0x8007_0050);
    assert_eq!(fs::read(world.root().join("a")).unwrap(), [1; 20_000]);
    assert_eq!(world.copy("", "a", b"abc", OVERWRITE).await, 0);
    assert_eq!(fs::read(world.root().join("a")).unwrap(), b"abc");
}

#[tokio::test]
async fn missing_directories_are_made_only_where_the_flag_says_so() {
    let mut world = World::new("enabled = true").await;
    assert_eq!(world.copy("/x/y", "a", b"abc", NONE).await, 0x8007_0003);
    assert_eq!(world.names(), Vec::<String>::new());
    assert_eq!(world.copy("/x/y", "a", b"abc", CREATE).await, 0);
    assert_eq!(fs::read(world.root().join("x/y/a")).unwrap(), b"abc");
}

#[tokio::test]
async fn names_of_any_script_are_the_bytes_that_the_host_meant() {
    let mut world = World::new("enabled = true").await;
    let long = format!("{}é", "x".repeat(253));
    let names = ["\u{e9}", "e\u{301}", "日本語.txt", "🦀👩\u{200d}👧", " a b ", "-rf", &long];
    for name in names {
        assert_eq!(world.copy("", name, name.as_bytes(), NONE).await, 0, "{name}");
        assert_eq!(fs::read(world.root().join(name)).unwrap(), name.as_bytes());
    }
    assert_eq!(world.names().len(), names.len());
    assert_eq!(world.copy("", &format!("{long}x"), b"", NONE).await, 0x8007_00ce);
}

#[tokio::test]
async fn nothing_gets_out_of_the_root() {
    let mut world = World::new("enabled = true").await;
    let outside = world.directory.path().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, world.root().join("link")).unwrap();
    for (below, name) in
        [("/..", "a"), ("/../outside", "a"), ("/link", "a"), ("/link/x", "a"), ("", "../a"), ("", "..")]
    {
        assert_ne!(world.copy(below, name, b"abc", (true, true)).await, 0, "{below} {name}");
    }
    // A parent that becomes a link while the copy is under way.
    assert_eq!(world.start("/dir", "a", 3, (true, true)).await, 0);
    assert_eq!(world.host.ask(&encode_write(0, b"abc")).await, 0);
    fs::rename(world.root().join("dir"), world.root().join("moved")).unwrap();
    symlink(&outside, world.root().join("dir")).unwrap();
    world.host.ask(&encode_bare(Operation::COMPLETE)).await;
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[tokio::test]
async fn pieces_come_in_any_order_and_a_gap_is_no_file() {
    let mut world = World::new("enabled = true\nmax-file-mib = 1").await;
    assert_eq!(world.start("", "a", 9, NONE).await, 0);
    for (offset, data) in [(6, "ghi"), (0, "abc"), (0, "abc"), (3, "def")] {
        assert_eq!(world.host.ask(&encode_write(offset, data.as_bytes())).await, 0);
    }
    assert_eq!(world.host.ask(&encode_bare(Operation::COMPLETE)).await, 0);
    assert_eq!(fs::read(world.root().join("a")).unwrap(), b"abcdefghi");
    assert_eq!(world.start("", "b", 9, NONE).await, 0);
    assert_eq!(world.host.ask(&encode_write(6, b"ghi")).await, 0);
    assert_eq!(world.host.ask(&encode_bare(Operation::COMPLETE)).await, 0x8007_0026);
    assert_eq!(world.start("", "c", 9, NONE).await, 0);
    assert_eq!(world.host.ask(&encode_write(7, b"ghi")).await, 0x8007_0057);
    assert_eq!(world.start("", "d", 1_048_577, NONE).await, 0x8007_00df);
    assert_eq!(world.names(), ["a"]);
}
