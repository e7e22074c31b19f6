//! QEMU's monitor (QMP): stops a machine and has it go on, as a host does that saves it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Only a hang takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Has QEMU do something, over its socket.
///
/// # Errors
/// A sentence: there is no such socket, or QEMU refuses.
pub(super) fn command(socket: &Path, name: &str) -> Result<(), String> {
    let broken = |error: std::io::Error| format!("{}: {error}", socket.display());
    let stream = UnixStream::connect(socket).map_err(broken)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(broken)?;
    let mut answers = BufReader::new(stream.try_clone().map_err(broken)?);
    for name in ["qmp_capabilities", name] {
        (&stream).write_all(format!("{{\"execute\": \"{name}\"}}\n").as_bytes()).map_err(broken)?;
        answer(&mut answers, name)?;
    }
    Ok(())
}

/// Reads on past the greeting and what QEMU tells unasked.
fn answer(answers: &mut impl BufRead, name: &str) -> Result<(), String> {
    let mut line = String::new();
    loop {
        line.clear();
        match answers.read_line(&mut line) {
            Ok(1..) if line.contains("\"return\"") => return Ok(()),
            Ok(1..) if line.contains("\"error\"") => return Err(format!("{name}: {}", line.trim())),
            Ok(1..) => {}
            Ok(0) => return Err(format!("{name}: QEMU closes its monitor")),
            Err(error) => return Err(format!("{name}: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn answer_is_found_behind_greeting_and_events() {
        let told = b"{\"QMP\": {}}\n{\"event\": \"STOP\"}\n{\"return\": {}}\n";
        assert_eq!(answer(&mut &told[..], "stop"), Ok(()));
    }

    #[test]
    fn refusal_is_told_with_its_reason() {
        let told = b"{\"error\": {\"class\": \"GenericError\"}}\n";
        let refused = answer(&mut &told[..], "stop").expect_err("a refusal");
        assert!(refused.contains("GenericError"), "{refused}");
    }

    #[test]
    fn monitor_that_goes_silent_is_an_error() {
        assert!(answer(&mut &b"{\"QMP\": {}}\n"[..], "stop").is_err());
    }
}
