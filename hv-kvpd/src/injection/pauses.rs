//! Following a file that may not let itself be followed: news of it, or, where there are none to be had, a pause.
//!
//! A system without a free inotify instance, or a file that cannot be read for a moment, must not end what follows it for
//! as long as the daemon lives. The pauses grow, and there is none while everything works.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::time::{sleep, timeout};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

/// See the module.
#[derive(Debug)]
pub(super) struct Pauses {
    next: Duration,
    /// It has been said that there is no watch.
    said: bool,
}

impl Pauses {
    pub(super) fn new() -> Pauses {
        Pauses { next: FIRST, said: false }
    }

    /// Waits for `news` of the file at `path`, or until it is time to look at it again: after a look that did not
    /// `succeed`, or when there is no watch.
    pub(super) async fn wait(
        &mut self,
        succeeded: bool,
        news: impl Future<Output = io::Result<()>>,
        path: &Path,
    ) {
        let told = match succeeded {
            true => Some(news.await),
            false => timeout(self.next, news).await.ok(),
        };
        match told {
            Some(Ok(())) if succeeded => *self = Pauses::new(),
            Some(Ok(())) => {}
            Some(Err(error)) => {
                if !self.said {
                    self.said = true;
                    tracing::warn!("{} cannot be watched ({error}): it is looked at again", path.display());
                }
                sleep(self.next).await;
                self.grow();
            }
            None => self.grow(),
        }
    }

    fn grow(&mut self) {
        self.next = (self.next * 2).min(LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn without_a_watch_the_file_is_looked_at_again_after_pauses_that_grow() {
        let path = Path::new("/a");
        let mut pauses = Pauses::new();
        for seconds in [1, 2, 4, 8] {
            let begin = Instant::now();
            pauses.wait(true, ready(Err(io::ErrorKind::Other.into())), path).await;
            assert_eq!(begin.elapsed().as_secs(), seconds);
        }
        pauses.wait(true, ready(Ok(())), path).await;
        let begin = Instant::now();
        pauses.wait(false, pending(), path).await;
        assert_eq!(begin.elapsed().as_secs(), 1, "what works begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn while_everything_works_there_is_no_timer() {
        let mut pauses = Pauses::new();
        let wait = pauses.wait(true, pending(), Path::new("/a"));
        assert!(timeout(LONGEST * 10, wait).await.is_err());
    }
}
