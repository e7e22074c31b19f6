//! A client of qemu-ga: commands without arguments, a line of JSON each way.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use super::Outcome;

const SOCKET: &str = "/run/qga.sock";

/// Asks, one command after the other on one connection; `+MS` between them is a pause.
pub(super) fn ask(commands: &[&str]) -> Outcome {
    let stream = UnixStream::connect(SOCKET)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    for command in commands {
        if let Some(pause) = command.strip_prefix('+') {
            std::thread::sleep(std::time::Duration::from_millis(pause.parse()?));
            continue;
        }
        let began = Instant::now();
        (&stream).write_all(format!("{{\"execute\": \"{command}\"}}\n").as_bytes())?;
        let mut answer = String::new();
        answers.read_line(&mut answer)?;
        println!("{command} {} us {}", began.elapsed().as_micros(), answer.trim());
        if !answer.contains("\"return\"") {
            return Err(format!("{command}: {answer}").into());
        }
    }
    Ok(())
}
