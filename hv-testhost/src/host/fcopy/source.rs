//! The file that is copied to a guest: opened once, read a block at a time, beside everything else that this host does.
//!
//! Its size is what it was at the beginning: the guest is told so then. What is appended later is not copied.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::outcome::{Failure, Why};

/// Bytes that are read at once.
const BLOCK: u64 = 1 << 20;

/// A file that is being copied.
#[derive(Debug)]
pub(super) struct Source {
    file: Arc<File>,
    path: PathBuf,
    bytes: u64,
    /// What was read last, and where in the file it begins.
    block: Vec<u8>,
    begin: u64,
}

impl Source {
    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be read, or is no file.
    pub(super) async fn open(path: &Path) -> Result<Source, Failure> {
        let owned = path.to_owned();
        let opened = beside(move || {
            // Before it is opened, which waits for ever at a pipe that nobody writes to.
            if !std::fs::metadata(&owned)?.is_file() {
                return Err(io::Error::other("it is no regular file"));
            }
            let file = File::open(&owned)?;
            let bytes = file.metadata()?.len();
            Ok((file, bytes))
        });
        let (file, bytes) = opened.await.map_err(|error| unreadable(path, &error))?;
        Ok(Source { file: Arc::new(file), path: path.to_owned(), bytes, block: Vec::new(), begin: 0 })
    }

    /// How long it is.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A piece of it, which lies within its length; `length` is at most a block.
    ///
    /// # Errors
    /// It cannot be read, or has become shorter.
    pub(super) async fn piece(&mut self, at: u64, length: usize) -> Result<&[u8], Failure> {
        let there = |source: &Source| {
            let from = usize::try_from(at.checked_sub(source.begin)?).ok()?;
            let range = from..from.checked_add(length)?;
            source.block.get(range.clone()).map(|_| range)
        };
        if there(self).is_none() {
            self.read(at).await?;
        }
        let range = there(self).ok_or_else(|| {
            let error = io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter meanwhile");
            unreadable(&self.path, &error)
        })?;
        Ok(&self.block[range])
    }

    /// Reads a block.
    async fn read(&mut self, at: u64) -> Result<(), Failure> {
        let file = self.file.clone();
        let wanted = usize::try_from(self.bytes.saturating_sub(at).min(BLOCK)).unwrap_or(0);
        let mut block = std::mem::take(&mut self.block);
        let read = beside(move || {
            block.resize(wanted, 0);
            let mut filled = 0;
            while filled < wanted {
                match file.read_at(&mut block[filled..], at + filled as u64) {
                    Ok(0) => break,
                    Ok(count) => filled += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            block.truncate(filled);
            Ok(block)
        });
        self.block = read.await.map_err(|error| unreadable(&self.path, &error))?;
        self.begin = at;
        Ok(())
    }
}

async fn beside<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panicked| Err(io::Error::other(panicked)))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let why = Why::from(format!("cannot read {}: {error}", path.display()));
    Failure::Host(why.hint("name a file that is there and stays as it is meanwhile"))
}
