//! The system call: for a forced order to which nobody else has said yes in time.
//!
//! What is in memory is written first, if that can be done in time: a filesystem that hangs must not keep the machine up.
//! Needs CAP_SYS_BOOT. `reboot(2)`.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hv_utils_core::wire::shutdown::Action;
use rustix::system::{RebootCommand, reboot};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::follow::Trail;
use super::ladder::Answer;

/// How long writing may take.
const SYNC: Duration = Duration::from_secs(10);
/// How long the kernel may take to switch off.
const OFF: Duration = Duration::from_secs(60);

/// The kernel, or what stands for it in a test.
#[derive(Clone)]
pub(super) struct Kernel(pub(super) Arc<dyn Fn(Action) -> io::Result<()> + Send + Sync>);

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kernel")
    }
}

impl Default for Kernel {
    fn default() -> Self {
        Self(Arc::new(real))
    }
}

fn real(action: Action) -> io::Result<()> {
    if cfg!(test) {
        return Err(io::Error::other("a test ends no machine"));
    }
    match action {
        Action::PowerOff => Ok(reboot(RebootCommand::PowerOff)?),
        Action::Restart => Ok(reboot(RebootCommand::Restart)?),
        Action::Hibernate => Err(io::Error::other("hibernation is left to those who know how to wake up")),
    }
}

/// Does it. Where it succeeds there is nobody left to be told.
pub(super) async fn call(kernel: &Kernel, action: Action) -> Answer {
    let written = in_a_thread(|| {
        if !cfg!(test) {
            rustix::fs::sync();
        }
        Ok(())
    });
    if timeout(SYNC, written).await.is_err() {
        tracing::warn!("not all data was written within {} s", SYNC.as_secs());
    }
    let kernel = kernel.clone();
    match timeout(OFF, in_a_thread(move || (kernel.0)(action))).await {
        Ok(Ok(())) => Answer::Yes(Trail::None),
        Ok(Err(error)) => Answer::No(error.to_string()),
        Err(_) => Answer::No(format!("it does not come to its end within {} s", OFF.as_secs())),
    }
}

/// Such a call may hang; the thread is then left to it.
async fn in_a_thread(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    let (done, result) = oneshot::channel();
    std::thread::Builder::new().name("down".to_owned()).spawn(move || drop(done.send(work())))?;
    result.await.unwrap_or_else(|_| Err(io::Error::other("the thread has ended")))
}
