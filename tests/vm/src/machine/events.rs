//! What QEMU tells of the guest's machine, unasked, over its monitor (QMP): that it was powered off or reset, and by whom.
//!
//! It is the QEMU that the guest runs in, which may be that in the outer machine: its monitor is a port like the agent's.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

/// Everything told so far.
#[derive(Debug)]
pub(super) struct Events(Arc<Told>);

#[derive(Debug, Default)]
struct Told {
    events: Mutex<Vec<String>>,
    changed: Condvar,
}

impl Events {
    /// Listens from now on.
    ///
    /// # Errors
    /// The stream cannot be used by two threads.
    pub(super) fn new(mut stream: UnixStream) -> io::Result<Events> {
        let told = Arc::new(Told::default());
        let (lines, theirs) = (BufReader::new(stream.try_clone()?), told.clone());
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                if line.contains("\"QMP\"") {
                    // Nothing is told before this.
                    let _ = stream.write_all(b"{\"execute\": \"qmp_capabilities\"}\n");
                }
                if let Some(event) = event(&line) {
                    theirs.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
                    theirs.changed.notify_all();
                }
            }
        });
        Ok(Events(told))
    }

    /// A word and a reason each, oldest first.
    pub(super) fn told(&self) -> Vec<String> {
        self.0.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until this was told so often; `false` if it was not in time. Whoever sees the machine's end, or its guest's next
    /// boot, is not behind the thread that listens.
    #[must_use]
    pub(super) fn wait_for(&self, event: &str, times: usize, limit: Duration) -> bool {
        let told = self.0.events.lock().unwrap_or_else(PoisonError::into_inner);
        let too_few = |told: &mut Vec<String>| told.iter().filter(|one| *one == event).count() < times;
        let waited = self.0.changed.wait_timeout_while(told, limit, too_few);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

fn event(line: &str) -> Option<String> {
    let object: Value = serde_json::from_str(line).ok()?;
    let (word, reason) = (object["event"].as_str()?, object["data"]["reason"].as_str().unwrap_or_default());
    Some(format!("{word} {reason}").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Events, event};
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    /// Only a hang takes longer.
    const LIMIT: Duration = Duration::from_secs(60);

    #[test]
    fn event_is_waited_for_also_when_the_machine_has_ended_before_it_is_read() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        let events = Events::new(ours).expect("a second descriptor");
        theirs.write_all(b"{\"event\": \"STOP\"}\n{\"event\": \"STOP\"}\n").expect("a stream");
        drop(theirs);
        assert!(events.wait_for("STOP", 2, LIMIT));
        assert_eq!(events.told(), ["STOP", "STOP"]);
        assert!(!events.wait_for("STOP", 3, Duration::ZERO));
    }

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
