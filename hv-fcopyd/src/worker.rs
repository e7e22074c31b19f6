//! The thread that touches the disk, and the only one that does: in order, one thing after the other.
//!
//! It may have to wait for as long as a filesystem is frozen or a server does not answer; the loop of the daemon goes on
//! meanwhile. What it is told is bounded by who tells it. A copy that is no longer wanted is known here at once and not
//! only when its turn comes ([`Worker::cancel`]): nothing more of it is written, and it does not appear. Every copy that
//! was begun has exactly one end ([`Done::Over`]), and nothing of it is left by then unless it is complete.

mod disk;

pub use disk::{Disk, Ground};

use crate::engine::Id;
use crate::gather::Piece;
use crate::target::Refusal;
use hv_utils_core::wire::fcopy::Start;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;
use tokio::sync::mpsc as answers;

/// Enough for system calls and what their errors say.
const STACK_BYTES: usize = 256 * 1024;

/// Where copies go to: the disk, or what stands for it.
pub trait Files: Send + 'static {
    /// Once, before everything else.
    fn prepare(&mut self) {}

    /// Makes room for a file.
    ///
    /// # Errors
    /// It may not go there, or cannot.
    fn begin(&mut self, start: &Start, ground: &Ground) -> Result<Box<dyn Coming>, Refusal>;
}

/// A file that is coming.
pub trait Coming: Send {
    /// The whole path, to be shown.
    fn shown(&self) -> &str;

    /// A piece, all of it.
    ///
    /// # Errors
    /// It cannot be written.
    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), Refusal>;

    /// Whole and durable under its name, or nothing is left. `wanted` is asked once more before it has its name, and at the
    /// end, if it can still be taken back.
    ///
    /// # Errors
    /// Something is missing, or cannot be written, or it is not wanted.
    fn complete(self: Box<Self>, wanted: &dyn Fn() -> bool) -> Result<(), Refusal>;

    /// Nothing of it is left.
    fn cancel(self: Box<Self>);
}

/// What the thread has done.
#[derive(Debug, PartialEq, Eq)]
pub enum Done {
    /// There is room for the copy; the whole path, to be shown.
    Began(Id, String),
    /// A piece was written, or is no longer wanted: its buffer.
    Wrote(Vec<u8>),
    /// The copy is complete, or nothing of it is left.
    Over(Id, Result<(), Refusal>),
}

#[derive(Debug)]
enum Job {
    Begin(Id, Box<Start>, Arc<Ground>),
    Write(Id, Piece),
    Finish(Id, Option<Instant>),
    Cancel(Id),
}

/// The line to the thread, which ends with it.
#[derive(Debug)]
pub struct Worker {
    jobs: mpsc::Sender<Job>,
    done: answers::UnboundedReceiver<Done>,
    /// Copies up to this one are not wanted.
    unwanted: Arc<AtomicU64>,
}

impl Worker {
    /// Starts it.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub fn start(files: impl Files) -> io::Result<Worker> {
        let (jobs, received) = mpsc::channel();
        let (answers, done) = answers::unbounded_channel();
        let unwanted = Arc::new(AtomicU64::new(0));
        let mut bench = Bench { files, answers, unwanted: unwanted.clone(), copy: None };
        let body = move || {
            bench.files.prepare();
            for job in received {
                bench.perform(job);
            }
        };
        thread::Builder::new().name("disk".to_owned()).stack_size(STACK_BYTES).spawn(body)?;
        Ok(Worker { jobs, done, unwanted })
    }

    /// Begins a copy, whose number is higher than any before: [`Done::Began`] or its end.
    pub fn begin(&self, id: Id, start: Start, ground: Arc<Ground>) {
        self.give(Job::Begin(id, Box::new(start), ground));
    }

    /// Writes a piece of it; [`Done::Wrote`] in any case.
    pub fn write(&self, id: Id, piece: Piece) {
        self.give(Job::Write(id, piece));
    }

    /// Completes it, after which comes its end. After `limit` it is not wanted any more, whether or not anybody is there to
    /// say so.
    pub fn finish(&self, id: Id, limit: Option<Instant>) {
        self.give(Job::Finish(id, limit));
    }

    /// It is not wanted any more, nor is any before it. Its end comes, if it has not come yet; it may be a good one, if it
    /// had its name already, and with it the place of another file.
    pub fn cancel(&self, id: Id) {
        self.unwanted.fetch_max(id, Ordering::Relaxed);
        self.give(Job::Cancel(id));
    }

    /// Waits for what was done. Cancel safe.
    pub async fn done(&mut self) -> Done {
        match self.done.recv().await {
            Some(done) => done,
            // It ends with this value alone, unless it panicked.
            None => std::future::pending().await,
        }
    }

    fn give(&self, job: Job) {
        // As above.
        let _ = self.jobs.send(job);
    }
}

/// The thread's own.
struct Bench<F> {
    files: F,
    answers: answers::UnboundedSender<Done>,
    unwanted: Arc<AtomicU64>,
    copy: Option<(Id, Box<dyn Coming>)>,
}

impl<F> fmt::Debug for Bench<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bench").field("copy", &self.copy.as_ref().map(|(id, _)| id)).finish_non_exhaustive()
    }
}

impl<F: Files> Bench<F> {
    fn perform(&mut self, job: Job) {
        match job {
            Job::Begin(id, start, ground) => self.begin(id, &start, &ground),
            Job::Write(id, piece) => {
                self.write(id, &piece);
                self.tell(Done::Wrote(piece.data));
            }
            Job::Finish(id, limit) => self.finish(id, limit),
            Job::Cancel(id) => self.cancel(id),
        }
    }

    fn begin(&mut self, id: Id, start: &Start, ground: &Ground) {
        // A copy before this one was cancelled, or is complete.
        if let Some((older, _)) = &self.copy {
            self.cancel(*older);
        }
        if self.is_unwanted(id) {
            return self.tell(Done::Over(id, Err(Refusal::unwanted())));
        }
        match self.files.begin(start, ground) {
            Ok(coming) => {
                let shown = coming.shown().to_owned();
                self.copy = Some((id, coming));
                self.tell(Done::Began(id, shown));
            }
            Err(refusal) => self.tell(Done::Over(id, Err(refusal))),
        }
    }

    fn write(&mut self, id: Id, piece: &Piece) {
        if self.is_unwanted(id) {
            return;
        }
        let Some((_, coming)) = self.copy.as_mut().filter(|(copy, _)| *copy == id) else { return };
        if let Err(refusal) = coming.write(piece.offset, &piece.data)
            && let Some((id, coming)) = self.copy.take()
        {
            coming.cancel();
            self.tell(Done::Over(id, Err(refusal)));
        }
    }

    fn finish(&mut self, id: Id, limit: Option<Instant>) {
        let Some((_, coming)) = self.copy.take_if(|(copy, _)| *copy == id) else { return };
        let wanted = || !self.is_unwanted(id) && limit.is_none_or(|limit| Instant::now() < limit);
        let result = if wanted() {
            coming.complete(&wanted)
        } else {
            coming.cancel();
            Err(Refusal::unwanted())
        };
        let result = result.map_err(|refusal| {
            if refusal == Refusal::unwanted() && !self.is_unwanted(id) { Refusal::late() } else { refusal }
        });
        self.tell(Done::Over(id, result));
    }

    fn cancel(&mut self, id: Id) {
        if let Some((_, coming)) = self.copy.take_if(|(copy, _)| *copy == id) {
            coming.cancel();
            self.tell(Done::Over(id, Err(Refusal::unwanted())));
        }
    }

    fn is_unwanted(&self, id: Id) -> bool {
        id <= self.unwanted.load(Ordering::Relaxed)
    }

    fn tell(&self, done: Done) {
        // Nobody listens only when the daemon ends.
        let _ = self.answers.send(done);
    }
}

#[cfg(test)]
mod tests;
