//! Adapters without a manager: what the host gave them is applied again at each start, as soon as they are there.

use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::netapply::Injection;
use tokio::time::timeout;

use super::workshop::Workshop;
use crate::backend::netlink::Netlink;
use crate::backend::{Backend, Target, detect};
use crate::error::Error;
use crate::readback::Reader;
use crate::target;

/// The backend that keeps adapters here.
const KEEPER: &str = "netlink";
/// How long an adapter is waited for. One that comes later is found at hv-kvpd's next start.
const PATIENCE: Duration = Duration::from_secs(120);

impl Workshop {
    /// Sees to all adapters that are kept here.
    pub(super) fn keep_statics(self: &Rc<Self>) {
        for injection in self.state.statics() {
            let (workshop, busy) = (Rc::clone(self), self.busy());
            tokio::task::spawn_local(async move {
                tokio::select! {
                    () = workshop.ended() => {}
                    kept = keep(&workshop, &injection) => {
                        if let Err(error) = kept {
                            tracing::error!("adapter {}: {error}", injection.adapter);
                        }
                    }
                }
                drop(busy);
            });
        }
    }
}

async fn keep(workshop: &Workshop, injection: &Injection) -> Result<(), Error> {
    let appears = timeout(PATIENCE, appear(workshop, injection));
    let target = appears.await.map_err(|_| Error::not_applied("no interface of it has appeared"))??;
    let bench = workshop.wait().await;
    let owner = detect::choose(&workshop.world, &workshop.state, &target).await?;
    if owner.name() != KEEPER {
        tracing::info!("{}: {} has it now, so it is not configured here", target.interface, owner.name());
        return Ok(());
    }
    let netlink = Netlink::new(Rc::clone(&workshop.world), workshop.state.clone());
    netlink.activate(&target).await?;
    drop(bench);
    netlink.settle_names(&target).await
}

async fn appear(workshop: &Workshop, injection: &Injection) -> Result<Target, Error> {
    let sysfs = &workshop.world.roots.sysfs;
    let mut reader = Reader::open(sysfs)?;
    loop {
        if let Ok(target) = target::find(&injection.adapter, sysfs, reader.table()?) {
            return Ok(target);
        }
        reader.changed().await;
    }
}
