//! NetworkManager's own way back: a checkpoint of one link, which it returns to by itself if nobody says that it may stay.
//!
//! Nothing of it is kept by us, so that nothing can be lost between making it and noting it down: our checkpoints are known by
//! their number of seconds, also those that an earlier process has left. Somebody else's are left alone.

use std::collections::HashMap;

use zbus::wire::OwnedObjectPath;

use super::bus::{Bus, MANAGER, NAME, path};

const CHECKPOINT: &str = "org.freedesktop.NetworkManager.Checkpoint";
/// Seconds until NetworkManager goes back: beyond the longest transaction, and a number that nobody else would choose.
const OWN_TIMEOUT: u32 = 67;
/// `delete-new-connections`
const DELETE_NEW: u32 = 0x2;

impl Bus {
    /// Has NetworkManager go back by itself if nobody calls [`Bus::destroy_checkpoints`] in time. With `adds`, profiles that
    /// come from now on go then too.
    pub(super) async fn create_checkpoint(&self, device: &str, adds: bool) -> zbus::Result<()> {
        let devices = [path(device)?];
        let flags = if adds { DELETE_NEW } else { 0 };
        let _checkpoint: OwnedObjectPath =
            self.call(MANAGER, NAME, "CheckpointCreate", &(&devices[..], OWN_TIMEOUT, flags)).await?;
        Ok(())
    }

    /// Our checkpoints of a device.
    async fn checkpoints(&self, device: &str) -> zbus::Result<Vec<OwnedObjectPath>> {
        let all: Vec<OwnedObjectPath> = self.get(MANAGER, NAME, "Checkpoints").await?;
        let mut own = Vec::new();
        for checkpoint in all {
            let timeout: zbus::Result<u32> = self.get(&checkpoint, CHECKPOINT, "RollbackTimeout").await;
            let devices: zbus::Result<Vec<OwnedObjectPath>> =
                self.get(&checkpoint, CHECKPOINT, "Devices").await;
            let is_its =
                devices.is_ok_and(|devices| matches!(&devices[..], [only] if only.as_str() == device));
            if is_its && timeout.ok() == Some(OWN_TIMEOUT) {
                own.push(checkpoint);
            }
        }
        Ok(own)
    }

    /// What is now stays.
    pub(super) async fn destroy_checkpoints(&self, device: &str) -> zbus::Result<()> {
        for checkpoint in self.checkpoints(device).await? {
            self.call::<_, ()>(MANAGER, NAME, "CheckpointDestroy", &checkpoint).await?;
        }
        Ok(())
    }

    /// Back to what was when the checkpoint was made, if we have one.
    pub(super) async fn roll_back(&self, device: &str) -> zbus::Result<()> {
        for checkpoint in self.checkpoints(device).await? {
            let _result: HashMap<String, u32> =
                self.call(MANAGER, NAME, "CheckpointRollback", &checkpoint).await?;
        }
        Ok(())
    }
}
