//! The thread over a disk that is this test: what it does, in which order, and what it no longer does.

use super::*;
use crate::config::Settings;
use hv_utils_core::wire::Status;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What was done, and what makes it wait or fail.
#[derive(Debug, Clone, Default)]
struct Double(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    done: Mutex<Vec<String>>,
    /// Held by a test: nothing goes on.
    frozen: Mutex<()>,
    /// A file is on its way to the disk.
    completing: AtomicBool,
}

impl Double {
    fn did(&self, what: String) {
        drop(self.0.frozen.lock().unwrap());
        self.0.done.lock().unwrap().push(what);
    }

    fn done(&self) -> Vec<String> {
        std::mem::take(&mut self.0.done.lock().unwrap())
    }
}

struct DoubleFile(Double, String);

impl Files for Double {
    fn prepare(&mut self) {
        self.did("prepare".to_owned());
    }

    fn begin(&mut self, start: &Start, _: &Ground) -> Result<Box<dyn Coming>, Refusal> {
        self.did(format!("begin {}", start.name));
        match start.name.strip_prefix("bad") {
            Some(_) => Err(Refusal::new(Status::ACCESS_DENIED, "not here")),
            None => Ok(Box::new(DoubleFile(self.clone(), start.name.clone()))),
        }
    }
}

impl Coming for DoubleFile {
    fn shown(&self) -> &str {
        &self.1
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        self.0.did(format!("write {} {offset} {}", self.1, data.len()));
        if offset == 666 { Err(Refusal::new(Status::DISK_FULL, "full")) } else { Ok(()) }
    }

    fn complete(self: Box<Self>, wanted: &dyn Fn() -> bool) -> Result<(), Refusal> {
        self.0.0.completing.store(true, Ordering::SeqCst);
        drop(self.0.0.frozen.lock().unwrap());
        if !wanted() {
            return Err(Refusal::unwanted());
        }
        self.0.did(format!("complete {}", self.1));
        Ok(())
    }

    fn cancel(self: Box<Self>) {
        self.0.did(format!("cancel {}", self.1));
    }
}

fn setup() -> (Worker, Double, Arc<Ground>) {
    let double = Double::default();
    let settings = Settings {
        enabled: true,
        roots: Vec::new(),
        own_root: None,
        max_file: 0,
        max_rate: None,
        file: crate::file::Rules { mode: 0, owner: crate::target::Owner::default(), min_free: 0 },
        directory: crate::target::Creation { mode: 0, owner: crate::target::Owner::default() },
    };
    let ground = Arc::new(Ground::new(&settings, std::path::Path::new("/nowhere")));
    (Worker::start(double.clone()).unwrap(), double, ground)
}

fn start(name: &str) -> Start {
    Start { path: String::new(), name: name.to_owned(), overwrite: false, create_path: false, size: 10 }
}

fn piece(offset: u64) -> Piece {
    Piece { offset, data: vec![1, 2, 3] }
}

async fn next(worker: &mut Worker) -> Done {
    tokio::time::timeout(Duration::from_secs(60), worker.done()).await.expect("something is done")
}

fn aborted(id: Id) -> Done {
    Done::Over(id, Err(Refusal::unwanted()))
}

#[tokio::test]
async fn copy_goes_from_its_begin_to_its_end_in_order() {
    let (mut worker, double, ground) = setup();
    worker.begin(1, start("a"), ground);
    worker.write(1, piece(0));
    worker.finish(1, None);
    assert_eq!(next(&mut worker).await, Done::Began(1, "a".to_owned()));
    assert_eq!(next(&mut worker).await, Done::Wrote(vec![1, 2, 3]));
    assert_eq!(next(&mut worker).await, Done::Over(1, Ok(())));
    assert_eq!(double.done(), ["prepare", "begin a", "write a 0 3", "complete a"]);
}

#[tokio::test]
async fn copy_whose_time_is_over_does_not_appear_even_if_nobody_is_there_to_cancel_it() {
    let (mut worker, double, ground) = setup();
    worker.begin(1, start("a"), ground);
    worker.finish(1, Some(std::time::Instant::now()));
    assert_eq!(next(&mut worker).await, Done::Began(1, "a".to_owned()));
    assert_eq!(next(&mut worker).await, Done::Over(1, Err(Refusal::late())));
    assert_eq!(double.done(), ["prepare", "begin a", "cancel a"]);
}

#[tokio::test]
async fn refused_copy_and_failed_write_end_it_and_what_follows_does_nothing() {
    let (mut worker, double, ground) = setup();
    worker.begin(1, start("bad"), ground.clone());
    worker.write(1, piece(0));
    worker.finish(1, None);
    worker.begin(2, start("b"), ground);
    for offset in [666, 0] {
        worker.write(2, piece(offset));
    }
    worker.finish(2, None);
    assert_eq!(next(&mut worker).await, Done::Over(1, Err(Refusal::new(Status::ACCESS_DENIED, "not here"))));
    assert_eq!(next(&mut worker).await, Done::Wrote(vec![1, 2, 3]));
    assert_eq!(next(&mut worker).await, Done::Began(2, "b".to_owned()));
    assert_eq!(next(&mut worker).await, Done::Over(2, Err(Refusal::new(Status::DISK_FULL, "full"))));
    for _ in 0..2 {
        assert_eq!(next(&mut worker).await, Done::Wrote(vec![1, 2, 3]));
    }
    drop(worker);
    assert_eq!(double.done(), ["prepare", "begin bad", "begin b", "write b 666 3", "cancel b"]);
}

#[tokio::test]
async fn what_is_cancelled_while_the_disk_hangs_is_not_done_when_it_goes_on() {
    let (mut worker, double, ground) = setup();
    worker.begin(1, start("a"), ground.clone());
    assert_eq!(next(&mut worker).await, Done::Began(1, "a".to_owned()));
    double.done();
    let frozen = double.0.frozen.lock().unwrap();
    worker.write(1, piece(0));
    worker.write(1, piece(3));
    worker.finish(1, None);
    worker.begin(2, start("b"), ground.clone());
    worker.finish(2, None);
    worker.cancel(2);
    worker.begin(3, start("c"), ground);
    drop(frozen);
    // Whatever it had in hand when the disk hung, nothing of the copies that are not wanted appears.
    let mut over = Vec::new();
    loop {
        match next(&mut worker).await {
            Done::Wrote(_) => {}
            Done::Began(id, _) => {
                assert_eq!(id, 3);
                break;
            }
            end => over.push(end),
        }
    }
    assert_eq!(over, [aborted(1), aborted(2)]);
    let done = double.done();
    assert!(done.contains(&"cancel a".to_owned()) && done.contains(&"begin c".to_owned()), "{done:?}");
    assert!(!done.iter().any(|what| what.starts_with("complete") || what == "begin b"), "{done:?}");
}

#[tokio::test]
async fn copy_that_is_cancelled_while_it_is_being_completed_does_not_appear() {
    let (mut worker, double, ground) = setup();
    worker.begin(1, start("a"), ground);
    assert_eq!(next(&mut worker).await, Done::Began(1, "a".to_owned()));
    let frozen = double.0.frozen.lock().unwrap();
    worker.finish(1, None);
    let begin = std::time::Instant::now();
    while !double.0.completing.load(Ordering::SeqCst) {
        assert!(begin.elapsed() < Duration::from_secs(60), "never completed");
        std::thread::sleep(Duration::from_millis(1));
    }
    worker.cancel(1);
    drop(frozen);
    assert_eq!(next(&mut worker).await, aborted(1));
    assert_eq!(double.done(), ["prepare", "begin a"]);
}
