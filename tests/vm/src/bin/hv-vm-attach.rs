//! A person's terminal on a guest's shell: bytes both ways over a socket, as they come.
//!
//! usage: hv-vm-attach SOCKET
//!
//! Waits for the socket, since it has to be connected before the machine opens its end. Ctrl-] leaves.

use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Ctrl-]
const LEAVE: u8 = 0x1d;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: hv-vm-attach SOCKET");
        return ExitCode::from(64);
    };
    let stream = loop {
        match UnixStream::connect(&path) {
            Ok(stream) => break stream,
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    let before = raw();
    let result = bridge(&stream);
    if let Some(before) = before {
        // The terminal is as good as it was, or gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    }
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hv-vm-attach: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the terminal pass on every key; returns what it was.
fn raw() -> Option<Termios> {
    if !io::stdin().is_terminal() {
        return None;
    }
    let before = tcgetattr(io::stdin()).ok()?;
    let mut now = before.clone();
    now.make_raw();
    tcsetattr(io::stdin(), OptionalActions::Now, &now).ok()?;
    Some(before)
}

fn bridge(stream: &UnixStream) -> io::Result<()> {
    let mut to_guest = stream.try_clone()?;
    std::thread::spawn(move || {
        let mut keys = [0; 256];
        while let Ok(count @ 1..) = io::stdin().read(&mut keys) {
            if keys[..count].contains(&LEAVE) || to_guest.write_all(&keys[..count]).is_err() {
                break;
            }
        }
        // Ends the other direction, too.
        let _ = to_guest.shutdown(std::net::Shutdown::Both);
    });
    let (mut from_guest, mut bytes) = (stream, [0; 4096]);
    loop {
        let count = from_guest.read(&mut bytes)?;
        if count == 0 {
            return Ok(());
        }
        io::stdout().write_all(&bytes[..count])?;
        io::stdout().flush()?;
    }
}
