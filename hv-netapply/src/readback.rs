//! Waits until the kernel shows what is wanted, or says that it never will, or the time is over.

use std::path::Path;
use std::time::Duration;

use hv_utils_core::netapply::Injection;
use hv_utils_core::network::{Address, Link, Monitor, Table};
use tokio::time::{Instant, timeout_at};

use crate::backend::Target;
use crate::engine::{Seen, look};
use crate::error::Error;

/// What the kernel shows, kept current.
#[derive(Debug)]
pub struct Reader(Monitor);

impl Reader {
    /// Takes in all there is now.
    ///
    /// # Errors
    /// There is no netlink.
    pub fn open(sysfs_root: &Path) -> Result<Self, Error> {
        let monitor = Monitor::open(sysfs_root);
        monitor.map(Self).map_err(|error| Error::not_applied(error.to_string()))
    }

    /// All that is known at this moment.
    ///
    /// # Errors
    /// Announcements were lost, and it could not be read anew.
    pub fn table(&mut self) -> Result<&Table, Error> {
        // At most a batch at a time is taken in.
        while self.0.drain().map_err(|error| Error::not_applied(error.to_string()))? {}
        Ok(self.0.table())
    }

    /// Waits for the next change. Cancel safe.
    pub async fn changed(&self) {
        self.0.readable().await;
    }

    /// Waits until `injection` is in force on `target`.
    ///
    /// # Errors
    /// It is not there within the limit, or cannot be.
    pub async fn until_there(
        &mut self,
        injection: &Injection,
        target: &Target,
        deadline: Instant,
    ) -> Result<(), Error> {
        loop {
            let missing = match look(injection, target.index, self.table()?) {
                Seen::There => return Ok(()),
                Seen::Never(why) => return Err(Error::not_applied(why)),
                Seen::NotYet(missing) => missing,
            };
            if timeout_at(deadline, self.changed()).await.is_err() {
                return Err(Error::not_applied(format!("in the time there was, {missing}")));
            }
            // A burst of announcements is looked at once.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until no address of the link is being tested for duplicates any more, or the time is over.
    ///
    /// # Errors
    /// The kernel cannot be asked.
    pub async fn until_quiet(&mut self, target: &Target, deadline: Instant) -> Result<(), Error> {
        loop {
            let link = self.table()?.link(target.index);
            let tested = |link: &Link| link.carrier && !link.addresses.iter().all(Address::is_confirmed);
            if !link.is_some_and(tested) || timeout_at(deadline, self.changed()).await.is_err() {
                return Ok(());
            }
        }
    }
}
