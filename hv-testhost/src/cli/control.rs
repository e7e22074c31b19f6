//! The control socket: one-shot commands to a host that stays.
//!
//! A connection carries one question and one answer, a line of JSON each. The question is a verb in words, the answer
//! is what a program that did it itself would have printed and returned, so the client only passes it on.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::Instant;

use super::Executor;
use crate::failure::Why;
use crate::output::Rendered;
use crate::sim::failed;

/// Longest question: a key and a value in JSON escapes are far below.
const MAX_QUESTION: u64 = 64 * 1024;
/// Longest answer: an enumeration of a hundred thousand items of ordinary length.
const MAX_ANSWER: u64 = 256 << 20;

/// Time between two attempts to reach a host.
const RETRY: Duration = Duration::from_millis(50);

/// A verb to be done by the host at the other end.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    words: Vec<String>,
    timeout_ms: Option<u64>,
    json: bool,
}

impl Question {
    /// `timeout` is the time for a guest and for each of its answers; the host's own where absent.
    pub(super) fn new(words: Vec<String>, timeout: Option<Duration>, json: bool) -> Question {
        let timeout_ms = timeout.and_then(|timeout| u64::try_from(timeout.as_millis()).ok());
        Question { words, timeout_ms, json }
    }
}

/// Sends one verb to a host and returns what it would have printed. A host that is not there yet is waited for.
///
/// # Errors
/// There was no host at `path` within `patience`, or it went away. What it was asked may have been done then.
pub(super) async fn ask(path: &Path, question: &Question, patience: Duration) -> Result<Rendered, Why> {
    let stream = connected(path, patience).await?;
    exchange(stream, question).await.map_err(|error| {
        let why = Why::from(format!("the host at {} went away: {error}", path.display()));
        why.hint("look at what the host itself printed; the verb may have been carried out")
    })
}

/// A connection, as soon as there is a host: it may have been started in the same moment.
async fn connected(path: &Path, patience: Duration) -> Result<UnixStream, Why> {
    let deadline = Instant::now() + patience;
    loop {
        let error = match UnixStream::connect(path).await {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        if !may_pass(&error) {
            let why = Why::from(format!("cannot ask a host at {}: {error}", path.display()));
            return Err(why.hint("name the socket that a host of your own was given with --control"));
        }
        let now = Instant::now();
        if now >= deadline {
            return Err(nobody(path, patience, &error));
        }
        tokio::time::sleep_until(deadline.min(now + RETRY)).await;
    }
}

/// Whether this is how it looks when a host is about to listen, or has its queue full.
fn may_pass(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound, WouldBlock};
    matches!(error.kind(), NotFound | ConnectionRefused | WouldBlock)
}

fn nobody(path: &Path, patience: Duration, error: &io::Error) -> Why {
    let path = path.display();
    Why::from(format!("no host answered at {path} within {patience:?}: {error}"))
        .hint(format!("start one with hv-testhost --sim DIR --control {path}"))
}

async fn exchange(mut stream: UnixStream, question: &Question) -> io::Result<Rendered> {
    let mut line = serde_json::to_vec(question)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).await?;
    if answer.is_empty() {
        let why = "it closed the connection without an answer";
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
    }
    Ok(serde_json::from_str(&answer)?)
}

/// The host's end of the control socket. Dropping it removes the socket.
#[derive(Debug)]
pub(super) struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Listens at `path`, which only its owner may use; a socket that a dead host left is replaced.
    ///
    /// # Errors
    /// The socket cannot be made, or another host has it.
    pub(super) fn bind(path: &Path) -> io::Result<Control> {
        let listener = listen(path).map_err(|error| failed("listen at", path, &error))?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Control { listener, path: path.to_owned() })
    }

    /// Serves questions for ever, each in a task of its own. Needs a `LocalSet`.
    pub(super) async fn serve(&self, executor: Rc<dyn Executor>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let executor = executor.clone();
                    tokio::task::spawn_local(async move {
                        // The client went away: nobody is left to be told.
                        let _ = answer(stream, executor.as_ref()).await;
                    });
                }
                // No descriptors left, for example: those who have one will finish.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        other => other,
    }
}

/// Whether this is a socket at which nobody listens. Connecting to any other file is refused too: that one stays.
fn is_abandoned(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let connected = || std::os::unix::net::UnixStream::connect(path);
    is_socket && connected().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

async fn answer(stream: UnixStream, executor: &dyn Executor) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(MAX_QUESTION)).read_line(&mut line).await?;
    let question: Question = serde_json::from_str(&line)?;
    let timeout = question.timeout_ms.map(Duration::from_millis);
    let rendered = executor.run(question.words, timeout, question.json).await;
    write.write_all(&serde_json::to_vec(&rendered)?).await?;
    write.shutdown().await
}

#[cfg(test)]
mod tests;
