//! The service over a disk in memory that can hang and fail, with a host in the same task: what is answered when, what is
//! left of a copy, and that nothing but the copy waits for the disk.

mod chardev;
mod double;
mod host;
mod hung;
mod limited;
mod told;

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use hv_utils_core::channel::{ChannelChoice, Event as LinkEvent, Link};
use hv_utils_core::daemon::Service as _;
use hv_utils_core::wire::fcopy::{Operation, encode_bare, encode_start, encode_write};

use super::*;
use double::Memory;
use host::Host;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for what must end. By the machine's clock, which a thread looks at: that of a test may stand still, or leap as soon
/// as everything waits, also for another thread.
async fn ends<T>(work: impl Future<Output = T>) -> T {
    let (ended, watched) = channel::<()>();
    let (bark, barks) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        if watched.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let _ = bark.send(());
        }
    });
    let result = tokio::select! {
        biased;
        result = work => result,
        Ok(()) = barks => panic!("it was waited for {PATIENCE:?}, and nothing came"),
    };
    drop(ended);
    result
}

/// A START of a file that may replace another.
fn start(name: &str, size: u64) -> Vec<u8> {
    let start = hv_utils_core::wire::fcopy::Start {
        path: "/in".to_owned(),
        name: name.to_owned(),
        overwrite: true,
        create_path: false,
        size,
    };
    encode_start(&start).unwrap()
}

fn complete() -> Vec<u8> {
    encode_bare(Operation::COMPLETE)
}

fn cancel() -> Vec<u8> {
    encode_bare(Operation::CANCEL)
}

fn settings() -> Settings {
    Settings {
        enabled: true,
        roots: vec![PathBuf::from("/in")],
        own_root: None,
        max_file: 1 << 30,
        max_rate: None,
        file: crate::file::Rules { mode: 0o644, owner: crate::target::Owner::default(), min_free: 0 },
        directory: crate::target::Creation { mode: 0o755, owner: crate::target::Owner::default() },
    }
}

/// The daemon without its shell.
struct Guest {
    daemon: Fcopyd,
    link: Link,
    disk: Memory,
}

impl Guest {
    fn new(settings: &Settings, link: Link) -> Guest {
        let disk = Memory::default();
        let daemon = Fcopyd::on(disk.clone(), settings, PathBuf::from("/nowhere")).unwrap();
        Guest { daemon, link, disk }
    }

    /// One turn of the loop, as the shell does it.
    async fn turn(&mut self) {
        tokio::select! {
            event = self.link.next() => match event {
                LinkEvent::Request(request) => self.daemon.request(request, &mut self.link),
                LinkEvent::Changed => self.daemon.channel(&mut self.link),
            },
            event = self.daemon.event() => self.daemon.handle(event, &mut self.link),
        }
    }

    /// Serves until that is done.
    async fn until<T>(&mut self, done: impl Future<Output = T>) -> T {
        let mut done = std::pin::pin!(done);
        ends(async {
            loop {
                tokio::select! {
                    biased;
                    result = &mut done => return result,
                    () = self.turn() => {}
                }
            }
        })
        .await
    }

    /// Serves until it is so.
    async fn becomes(&mut self, what: &str, so: impl Fn(&Fcopyd) -> bool) {
        let begin = std::time::Instant::now();
        while !so(&self.daemon) {
            assert!(begin.elapsed() < PATIENCE, "never: {what}");
            let _ = timeout_at(Instant::now() + Duration::from_millis(20), self.turn()).await;
        }
    }

    /// Results of the copies, the oldest first.
    fn results(&self) -> Vec<String> {
        self.daemon.board.rows().into_iter().map(|row| row.result).collect()
    }
}

/// A daemon and its host on the simulated link.
struct Setup {
    guest: Guest,
    host: Host,
    _directory: tempfile::TempDir,
}

impl Setup {
    async fn new(settings: &Settings) -> Setup {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fcopy.sock");
        let listener = hv_utils_core::channel::sim::Listener::bind(&path).unwrap();
        let options = hv_utils_core::channel::LinkOptions {
            ic: Ic::FileCopy,
            choice: ChannelChoice::Sim(path),
            max_version: None,
            sysfs_root: PathBuf::from("/nowhere"),
            dev_root: PathBuf::from("/nowhere"),
        };
        let mut guest = Guest::new(settings, Link::new(options).unwrap());
        let mut host = guest.until(Host::accept(listener)).await;
        guest.until(host.negotiate()).await;
        Setup { guest, host, _directory: directory }
    }

    /// Asks, and waits for the answer.
    async fn ask(&mut self, body: &[u8]) -> u32 {
        self.guest.until(self.host.ask(body)).await.0
    }

    /// Asks, and gives the guest time to answer, which it must not use.
    async fn ask_in_vain(&mut self, body: &[u8]) {
        self.host.send(body).await;
        let served = self.guest.until(self.host.answer());
        let answered = tokio::time::timeout(Duration::from_millis(300), served).await;
        assert_eq!(answered.ok(), None, "it was to wait");
    }

    /// The answer that was waited for.
    async fn answer(&mut self) -> u32 {
        self.guest.until(self.host.answer()).await.0
    }

    async fn negotiate(&mut self) {
        self.guest.until(self.host.negotiate()).await;
    }
}
