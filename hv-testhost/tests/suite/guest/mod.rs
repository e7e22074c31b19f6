//! A small naive guest, written by hand from the protocol's description: rings through `pread`/`pwrite` on the memfd,
//! fields by literal offsets, nothing of the product's guest side.
//!
//! It answers right, or wrong in one chosen way, so that the host under test can show that it notices.

pub(crate) mod fcopy;
pub(crate) mod ip;
pub(crate) mod kvp;
pub(crate) mod ring;

use std::io::{IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use kvp::{Fault, Guest as Rules};
use ring::Rings;

/// Class GUID of KVP as VMBus carries it.
const KVP_CLASS: [u8; 16] =
    [0xe7, 0xf4, 0xa0, 0xa9, 0x45, 0x5a, 0x96, 0x4d, 0xb8, 0x27, 0x8a, 0x84, 0x1e, 0x8c, 0x03, 0xe6];
/// Class GUID of the heartbeat.
const HEARTBEAT_CLASS: [u8; 16] =
    [0x39, 0x4f, 0x16, 0x57, 0x15, 0x91, 0x78, 0x4e, 0xab, 0x55, 0x38, 0x2f, 0x3b, 0xd5, 0x42, 0x2d];

/// Class GUID of time synchronization.
const TIME_CLASS: [u8; 16] =
    [0x30, 0xe6, 0x27, 0x95, 0xae, 0xd0, 0x7b, 0x49, 0xad, 0xce, 0xe8, 0x0a, 0xb0, 0x17, 0x5c, 0xaf];
/// Class GUID of the shutdown.
const SHUTDOWN_CLASS: [u8; 16] =
    [0x31, 0x60, 0x0b, 0x0e, 0x13, 0x52, 0x34, 0x49, 0x81, 0x8b, 0x38, 0xd9, 0x0c, 0xed, 0x39, 0xdb];
/// Class GUID of the file copy.
const COPY_CLASS: [u8; 16] =
    [0xe3, 0x4b, 0xd1, 0x34, 0xe4, 0xde, 0xc8, 0x41, 0x9a, 0xe7, 0x6b, 0x17, 0x49, 0x77, 0xc1, 0x92];
/// Class GUID of the backup.
const VSS_CLASS: [u8; 16] =
    [0x29, 0x2e, 0xfa, 0x35, 0x23, 0xea, 0x36, 0x42, 0x96, 0xae, 0x3a, 0x6e, 0xba, 0xcb, 0xa4, 0x40];

/// A guest that runs in a thread until it is dropped.
pub(crate) struct GuestThread {
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<Rules>>,
}

impl GuestThread {
    /// A guest for `DIR/kvp.sock` that breaks one rule, or none.
    pub(crate) fn start(dir: &Path, fault: Fault) -> GuestThread {
        GuestThread::with(dir.join("kvp.sock"), KVP_CLASS, Rules::new(2, fault))
    }

    /// A guest for `DIR/heartbeat.sock`.
    pub(crate) fn heartbeat(dir: &Path, fault: Fault) -> GuestThread {
        GuestThread::with(dir.join("heartbeat.sock"), HEARTBEAT_CLASS, Rules::new(1, fault))
    }

    /// A guest for `DIR/heartbeat.sock` that says this of its applications.
    pub(crate) fn applications(dir: &Path, state: u8) -> GuestThread {
        let mut rules = Rules::new(1, Fault::None);
        rules.application = Some(state);
        GuestThread::with(dir.join("heartbeat.sock"), HEARTBEAT_CLASS, rules)
    }

    /// A guest for `DIR/shutdown.sock`.
    pub(crate) fn shutdown(dir: &Path) -> GuestThread {
        GuestThread::with(dir.join("shutdown.sock"), SHUTDOWN_CLASS, Rules::new(3, Fault::None))
    }

    /// A guest for `DIR/vss.sock`.
    pub(crate) fn backup(dir: &Path) -> GuestThread {
        GuestThread::with(dir.join("vss.sock"), VSS_CLASS, Rules::new(5, Fault::None))
    }

    /// A guest for `DIR/fcopy.sock` that breaks one rule, or none.
    pub(crate) fn copies(dir: &Path, fault: Fault) -> GuestThread {
        GuestThread::with(dir.join("fcopy.sock"), COPY_CLASS, Rules::new(7, fault))
    }

    /// A guest for `DIR/fcopy.sock` that takes files for `DIR/in`.
    pub(crate) fn copies_beside(dir: &Path) -> GuestThread {
        let mut rules = Rules::new(7, Fault::None);
        rules.files.root = dir.join("in").to_str().unwrap().to_owned();
        GuestThread::with(dir.join("fcopy.sock"), COPY_CLASS, rules)
    }

    /// A guest for `DIR/timesync.sock`.
    pub(crate) fn time(dir: &Path) -> GuestThread {
        GuestThread::with(dir.join("timesync.sock"), TIME_CLASS, Rules::new(4, Fault::None))
    }

    fn with(path: PathBuf, class: [u8; 16], mut rules: Rules) -> GuestThread {
        let (stop, stopped) = UnixStream::pair().unwrap();
        let thread = std::thread::spawn(move || {
            while !ended(&stopped, Duration::from_millis(20)) {
                if let Some(mut session) = Session::open_unless(&stopped, &path, class) {
                    session.serve(&mut rules, &stopped);
                }
            }
            rules
        });
        GuestThread { stop: Some(stop), thread: Some(thread) }
    }

    /// Ends the guest and returns what it holds.
    pub(crate) fn stop(mut self) -> Rules {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for GuestThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Whether the other end of `stopped` is gone; waits for it at most so long.
fn ended(stopped: &UnixStream, limit: Duration) -> bool {
    let mut fds = [PollFd::new(stopped, PollFlags::IN)];
    let limit = rustix::event::Timespec::try_from(limit).unwrap();
    poll(&mut fds, Some(&limit)).unwrap() > 0
}

/// How long a host may be silent where a test plays the guest itself; more is a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// One open channel.
pub(crate) struct Session {
    socket: UnixStream,
    pub(crate) rings: Rings,
}

impl Session {
    /// Connects and takes the hello; `None` if nobody listens, the hello is wrong, or the other end of `stopped` is gone:
    /// a host of the test's own thread, which waits for this guest's end, greets nobody.
    fn open_unless(stopped: &UnixStream, path: &Path, class: [u8; 16]) -> Option<Session> {
        let socket = UnixStream::connect(path).ok()?;
        {
            let mut fds = [PollFd::new(&socket, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
            poll(&mut fds, None).unwrap();
            if fds[0].revents().is_empty() {
                return None;
            }
        }
        Session::greeted(socket, class)
    }

    fn open(path: &Path, class: [u8; 16]) -> Option<Session> {
        let socket = UnixStream::connect(path).ok()?;
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Session::greeted(socket, class)
    }

    fn greeted(mut socket: UnixStream, class: [u8; 16]) -> Option<Session> {
        let (mut hello, descriptors) = receive(&socket)?;
        while hello.len() < 64 {
            let mut more = vec![0; 64 - hello.len()];
            match socket.read(&mut more).ok()? {
                0 => return None,
                count => hello.extend_from_slice(&more[..count]),
            }
        }
        let ring_bytes = u32::from_le_bytes(hello[12..16].try_into().unwrap());
        let right = hello[..8] == *b"HVSIMLNK"
            && hello[8..12] == [1, 0, 0, 0]
            && hello[16..32] == class
            && ring_bytes % 4096 == 0
            && ring_bytes >= 8192
            && descriptors.len() == 3;
        let rings = right.then(|| Rings::new(descriptors, ring_bytes))??;
        Some(Session { socket, rings })
    }

    /// A session for the tests that play the guest themselves.
    pub(crate) fn open_kvp(dir: &Path) -> Session {
        Session::open(&dir.join("kvp.sock"), KVP_CLASS).expect("a host greets")
    }

    /// The same for the heartbeat.
    pub(crate) fn open_heartbeat(dir: &Path) -> Session {
        Session::open(&dir.join("heartbeat.sock"), HEARTBEAT_CLASS).expect("a host greets")
    }

    /// Takes packets and answers them until the host closes, a ring is corrupt or the guest ends.
    fn serve(&mut self, rules: &mut Rules, stopped: &UnixStream) {
        rules.opened();
        loop {
            match self.rings.take() {
                Err(()) => return,
                Ok(Some(packet)) => {
                    for answer in rules.answer(&packet) {
                        if !self.put(&answer, stopped) {
                            return;
                        }
                    }
                    if rules.closes() {
                        return;
                    }
                }
                Ok(None) if self.rings.may_sleep() => {
                    if !self.wait(stopped) {
                        return;
                    }
                }
                Ok(None) => {}
            }
        }
    }

    /// Puts a packet into the ring; waits while there is no room. `false`: the channel ended.
    fn put(&mut self, packet: &ring::Packet, stopped: &UnixStream) -> bool {
        loop {
            match self.rings.put(packet) {
                Err(()) => return false,
                Ok(true) => return true,
                Ok(false) => {
                    if !self.wait(stopped) {
                        return false;
                    }
                }
            }
        }
    }

    /// Waits for an interrupt. `false`: the host closed, or the guest ends.
    fn wait(&mut self, stopped: &UnixStream) -> bool {
        let events = {
            let mut fds = [
                PollFd::new(&self.rings.to_guest, PollFlags::IN),
                PollFd::new(&self.socket, PollFlags::IN),
                PollFd::new(stopped, PollFlags::IN),
            ];
            poll(&mut fds, None).unwrap();
            [fds[0].revents(), fds[1].revents(), fds[2].revents()]
        };
        if !events[0].is_empty() {
            let _ = rustix::io::read(&self.rings.to_guest, &mut [0u8; 8]);
            return true;
        }
        events[1].is_empty() && events[2].is_empty()
    }

    /// Waits for the next packet as a test that plays the guest wants it.
    pub(crate) fn next(&mut self) -> ring::Packet {
        loop {
            if let Some(packet) = self.rings.take().expect("the ring is in order") {
                return packet;
            }
            if self.rings.may_sleep() {
                let mut fds = [
                    PollFd::new(&self.rings.to_guest, PollFlags::IN),
                    PollFd::new(&self.socket, PollFlags::IN),
                ];
                let limit = rustix::event::Timespec::try_from(PATIENCE).unwrap();
                assert!(poll(&mut fds, Some(&limit)).unwrap() > 0, "the host says nothing");
                assert!(!fds[0].revents().is_empty(), "the host closed the channel");
                let _ = rustix::io::read(&self.rings.to_guest, &mut [0u8; 8]);
            }
        }
    }

    /// Whether the host closed the channel, waiting for it.
    pub(crate) fn wait_for_close(&mut self) {
        let mut byte = [0u8; 1];
        assert_eq!(self.socket.read(&mut byte).unwrap(), 0, "nothing is sent after the hello");
    }
}

/// The first part of a hello, and the descriptors that come with it.
fn receive(socket: &UnixStream) -> Option<(Vec<u8>, Vec<OwnedFd>)> {
    let mut bytes = vec![0u8; 64];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let got =
        recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC).ok()?;
    if got.bytes == 0 {
        return None;
    }
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            descriptors.extend(fds);
        }
    }
    bytes.truncate(got.bytes);
    Some((bytes, descriptors))
}
