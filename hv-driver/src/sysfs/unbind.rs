//! The one write that can block: `unbind`, while somebody has a char device of `hv_utils` open.
//!
//! The kernel waits there until the opener has closed, without a limit and deaf to signals. A daemon closes at once
//! when its node says that the device is gone; one that hangs must not hang this program, so the write has a thread.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use crate::error::{Error, Kind};

/// How long whoever has the node open may take to close it.
const PATIENCE: Duration = Duration::from_secs(8);

pub(super) fn unbind(path: &Path, instance: &str) -> Result<bool, Error> {
    let (done, outcome) = mpsc::channel();
    let (file, name) = (path.to_owned(), instance.to_owned());
    let write = move || {
        // Nobody listens any more when the limit has passed.
        let _ = done.send(super::command(&file, &name));
    };
    std::thread::Builder::new()
        .spawn(write)
        .map_err(|error| Error::refused(format!("cannot start a thread: {error}")))?;
    match outcome.recv_timeout(PATIENCE) {
        Ok(Ok(())) => Ok(true),
        Ok(Err(error)) if super::is_forbidden(&error) => Err(Error::io("write to", path, &error)),
        Ok(Err(error)) => {
            tracing::debug!(%error, instance, "it was not bound any more");
            Ok(false)
        }
        Err(_) => Err(Error::new(Kind::Stuck, stuck(instance))),
    }
}

fn stuck(instance: &str) -> String {
    format!(
        "{instance} cannot be taken from its driver for {} s: a program keeps its device node open and does not notice; \
         stop that program (fuser -v /dev/vmbus/*)",
        PATIENCE.as_secs()
    )
}
