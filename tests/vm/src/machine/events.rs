//! What QEMU tells of the guest's machine, unasked, over its monitor (QMP): that it was powered off or reset, and by whom.
//!
//! It is the QEMU that the guest runs in, which may be that in the outer machine: its monitor is a port like the agent's.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// Everything told so far.
#[derive(Debug)]
pub(super) struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    /// Listens from now on.
    ///
    /// # Errors
    /// The stream cannot be used by two threads.
    pub(super) fn new(mut stream: UnixStream) -> io::Result<Events> {
        let told = Arc::new(Mutex::new(Vec::new()));
        let (lines, theirs) = (BufReader::new(stream.try_clone()?), told.clone());
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                if line.contains("\"QMP\"") {
                    // Nothing is told before this.
                    let _ = stream.write_all(b"{\"execute\": \"qmp_capabilities\"}\n");
                }
                if let Some(event) = event(&line) {
                    theirs.lock().unwrap_or_else(PoisonError::into_inner).push(event);
                }
            }
        });
        Ok(Events(told))
    }

    /// A word and a reason each, oldest first.
    pub(super) fn told(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn event(line: &str) -> Option<String> {
    let object: Value = serde_json::from_str(line).ok()?;
    let (word, reason) = (object["event"].as_str()?, object["data"]["reason"].as_str().unwrap_or_default());
    Some(format!("{word} {reason}").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::event;

    #[test]
    fn event_is_told_with_its_reason_and_answers_are_not() {
        let line =
            r#"{"timestamp": {}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}"#;
        assert_eq!(event(line).as_deref(), Some("SHUTDOWN guest-shutdown"));
        assert_eq!(event(r#"{"event": "STOP"}"#).as_deref(), Some("STOP"));
        assert_eq!(event(r#"{"return": {}}"#), None);
        assert_eq!(event("not JSON"), None);
    }
}
