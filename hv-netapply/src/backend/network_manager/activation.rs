//! Putting a profile into force on a link, and waiting for the result by NetworkManager's own news of it.
//!
//! `Reapply` would not do: it refuses some changes of method. What is in force already with the same addresses is not
//! activated again where the caller says so, so that the way back can be gone twice without a gap on the link.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::timeout;
use zbus::MessageStream;

use super::live::{Live, failed};
use super::settings::{self, Settings};
use super::words;
use crate::error::Error;

/// NMActiveConnectionState: it is on its way.
pub(super) const ACTIVATING: u32 = 1;
/// NMActiveConnectionState: it is there.
pub(super) const ACTIVATED: u32 = 2;

impl Live<'_> {
    /// Activates the profile `uuid`, unless it is in one of the `good` states with the same addresses already, and waits for
    /// the result; an activation that takes longer than `patience` goes on.
    pub(super) async fn put_into_force(
        &self,
        device: &str,
        uuid: &str,
        wanted: &Settings,
        good: &[u32],
        patience: Duration,
    ) -> Result<(), Error> {
        let activate = || failed("activate", self.target);
        let news = self.bus.news().await.map_err(activate())?;
        let mut active = self.active(Some(device)).await.filter(|active| active.uuid == uuid);
        if active.as_ref().is_some_and(|active| !good.contains(&active.state)) {
            active = None;
        }
        if active.is_some() {
            let applied = self.bus.applied(device).await;
            active = active.filter(|_| applied.is_ok_and(|applied| settings::same_ip(&applied, wanted)));
        }
        let active = match active {
            Some(active) => active.path,
            None => {
                let profile = self.bus.profile(uuid).await.map_err(activate())?;
                let Some(profile) = profile else {
                    let text = format!("NetworkManager has no profile {uuid} any more");
                    return Err(Error::not_applied(text));
                };
                self.bus.activate(&profile, device).await.map_err(activate())?
            }
        };
        let Ok(came) = timeout(patience, self.came_up(news, &active)).await else {
            tracing::debug!("NetworkManager is still activating {}", self.target.interface);
            return Ok(());
        };
        if came {
            return Ok(());
        }
        let why = words::of_reason(self.bus.reason(device).await);
        Err(Error::not_applied(format!("NetworkManager could not activate {}: {why}", self.target.interface)))
    }

    /// Whether an activation ends well.
    async fn came_up(&self, mut news: MessageStream, active: &str) -> bool {
        let mut state = self.bus.active_state(active).await;
        loop {
            match state {
                ACTIVATED => return true,
                0 | ACTIVATING => {}
                _ => return false,
            }
            let Some(Ok(message)) = news.next().await else { return false };
            let header = message.header();
            if header.path().is_some_and(|path| path.as_str() == active) {
                let news = message.body().deserialize::<(u32, u32)>();
                state = news.map_or(state, |(state, _reason)| state);
            }
        }
    }
}
