//! The control socket: one-shot commands to a host that stays.
//!
//! A connection carries one question and one answer, a line of JSON each. The question is a verb in words, the answer
//! is what a program that did it itself would have printed and returned, so the client only passes it on.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::Executor;
use crate::output::Rendered;

/// Longest question: a key and a value in JSON escapes are far below.
const MAX_QUESTION: u64 = 64 * 1024;
/// Longest answer: an enumeration of a hundred thousand items of ordinary length.
const MAX_ANSWER: u64 = 256 << 20;

/// A verb to be done by the host at the other end.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    words: Vec<String>,
    timeout_ms: Option<u64>,
    json: bool,
}

/// Sends one verb to a host and returns what it would have printed.
///
/// # Errors
/// There is no host at `path`, or it went away.
pub(super) async fn ask(
    path: &Path,
    words: Vec<String>,
    timeout: Option<Duration>,
    json: bool,
) -> io::Result<Rendered> {
    let mut stream = UnixStream::connect(path).await?;
    let timeout_ms = timeout.and_then(|timeout| u64::try_from(timeout.as_millis()).ok());
    let mut line = serde_json::to_vec(&Question { words, timeout_ms, json })?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).await?;
    if answer.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "it closed the connection without an answer",
        ));
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
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            other => other?,
        };
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

fn is_abandoned(path: &Path) -> bool {
    let connected = std::os::unix::net::UnixStream::connect(path);
    connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
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
