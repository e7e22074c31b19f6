//! What a hook writes, standard output and standard error together: the first of it is kept, all of it is read.
//!
//! Who writes much must not wait for us, and must not fill our memory either. The pipe is read for as long as this lives,
//! which may be longer than the hook: what it has left running may hold the other end and write to it.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::unix::pipe::Receiver;
use tokio::task::JoinHandle;

/// What is kept.
const KEPT: usize = 4096;

/// The reading end. Dropped, it is closed.
#[derive(Debug)]
pub(super) struct Output {
    pipe: Arc<Receiver>,
    kept: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Output {
    /// A pipe: what is read from it, and the end for the hook. Needs a tokio runtime.
    ///
    /// # Errors
    /// There are too many open files.
    pub(super) fn pipe() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = io::pipe()?;
        let pipe = Arc::new(Receiver::from_owned_fd(ours.into())?);
        let kept = Arc::<Mutex<Vec<u8>>>::default();
        let reader = tokio::spawn(drain(Arc::clone(&pipe), Arc::clone(&kept)));
        Ok((Self { pipe, kept, reader }, theirs.into()))
    }

    /// What the hook has written, once it has ended: all of that is in the pipe then, and nobody waits for more.
    pub(super) fn text(&self) -> String {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = [0; KEPT];
        while kept.len() < KEPT
            && let Ok(length @ 1..) = rustix::io::read(&*self.pipe, &mut buffer)
        {
            keep(&mut kept, &buffer[..length]);
        }
        String::from_utf8_lossy(&kept).into_owned()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

fn keep(kept: &mut Vec<u8>, more: &[u8]) {
    let length = more.len().min(KEPT - kept.len());
    kept.extend_from_slice(&more[..length]);
}

async fn drain(pipe: Arc<Receiver>, kept: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = vec![0; 64 << 10];
    while pipe.readable().await.is_ok() {
        // Under the lock, so that what is read is kept in its order.
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        match pipe.try_read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => keep(&mut kept, &buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
}
