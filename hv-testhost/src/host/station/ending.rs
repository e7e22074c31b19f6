//! How a host's end reaches a station: whatever is under way is dropped, then the service has its last words.
//!
//! So nothing that waits for a guest has to look out for the end itself.

use tokio::sync::watch;

use super::Station;
use crate::host::ic::Ic;
use crate::host::service::Service;
use crate::link::{PacketLink, Port};

/// Waits for the host's end. Cancel safe.
pub(super) async fn over(ending: &mut watch::Receiver<bool>) {
    // A sender that is gone is a host that was dropped.
    let _ = ending.wait_for(|ending| *ending).await;
}

impl<P: Port, S: Service> Station<P, S> {
    /// The last words on an open channel.
    pub(super) async fn leave<L: PacketLink>(&mut self, ic: &mut Ic<L>) {
        ic.set_timeout(self.options.ic.timeout);
        if let Some(what) = self.service.leave(ic).await {
            self.tell(&what);
        }
    }
}
