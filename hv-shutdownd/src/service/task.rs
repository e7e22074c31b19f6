//! A task that ends with its value: what nobody waits for any more is not done.

use tokio::task::JoinHandle;

/// See the module.
#[derive(Debug)]
pub(super) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    /// Begins. Needs a tokio runtime.
    pub(super) fn start(work: impl Future<Output = T> + Send + 'static) -> Task<T> {
        Task(tokio::spawn(work))
    }

    /// Waits for its end. `None`: it broke. Once only. Cancel safe.
    pub(super) async fn ended(&mut self) -> Option<T> {
        let ended = (&mut self.0).await;
        ended.inspect_err(|error| tracing::error!("something went wrong inside: {error}")).ok()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Waits for its end, and takes it away. `None`: it broke. Without a task this never returns. Cancel safe.
pub(super) async fn next<T: Send + 'static>(task: &mut Option<Task<T>>) -> Option<T> {
    let Some(running) = task else { return std::future::pending().await };
    let ended = running.ended().await;
    *task = None;
    ended
}
