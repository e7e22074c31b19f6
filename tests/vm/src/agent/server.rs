//! The agent's end in the guest: a thread and a shell for each request.
//!
//! Output goes to files and not to pipes, so that a script that leaves a daemon behind ends when its shell does.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use super::{Frame, Kind};
use crate::clock::look;

/// Exit code told for a shell that could not be started.
const NOT_STARTED: i32 = 127;

/// Runs what comes from `from` until it ends; answers go to `to`.
///
/// # Errors
/// The stream is broken.
pub fn serve(mut from: impl Read, to: impl Write + Send + 'static) -> io::Result<()> {
    let to = Arc::new(Mutex::new(to));
    send(&to, &Frame { id: 0, kind: Kind::Hello, bytes: Vec::new() });
    loop {
        let frame = Frame::read(&mut from)?;
        if frame.kind == Kind::Clock {
            send(&to, &Frame { bytes: look().to_bytes(), ..frame });
            continue;
        }
        let to = to.clone();
        std::thread::spawn(move || {
            for answer in run(frame.id, &frame.bytes) {
                send(&to, &answer);
            }
        });
    }
}

fn send(to: &Mutex<impl Write>, frame: &Frame) {
    let Ok(mut to) = to.lock() else { return };
    // If nobody listens there is nobody to tell.
    let _ = to.write_all(&frame.encode()).and_then(|()| to.flush());
}

fn run(id: u32, script: &[u8]) -> Vec<Frame> {
    let answer = |kind, bytes| Frame { id, kind, bytes };
    match shell(&String::from_utf8_lossy(script)) {
        Ok((code, stdout, stderr)) => vec![
            answer(Kind::Stdout, stdout),
            answer(Kind::Stderr, stderr),
            answer(Kind::Exit, code.to_le_bytes().to_vec()),
        ],
        Err(error) => vec![
            answer(Kind::Stderr, format!("cannot run the shell: {error}\n").into_bytes()),
            answer(Kind::Exit, NOT_STARTED.to_le_bytes().to_vec()),
        ],
    }
}

fn shell(script: &str) -> io::Result<(i32, Vec<u8>, Vec<u8>)> {
    let (stdout, stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let status = Command::new("/bin/sh")
        .args(["-c", script])
        .stdin(Stdio::null())
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?)
        .status()?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    Ok((code, contents(stdout)?, contents(stderr)?))
}

fn contents(mut file: File) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
