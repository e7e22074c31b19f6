//! Which user each caller is: asked of the message bus once for each name, and not for each call.
//!
//! Whoever calls again and again must not keep the bus busy with questions about them, while root waits for the answer to
//! one: calls of one name that come together share a question. On one connection the bus never gives a name twice, so what
//! it has said stays true; the oldest is forgotten for the newest.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use hv_utils_core::bus::Error;
use tokio::sync::OnceCell;
use zbus::names::{OwnedUniqueName, UniqueName};

/// Names that are remembered: more than a bus lets a user have connections, as it comes configured.
const MOST: usize = 512;

/// The callers on one connection.
#[derive(Debug, Default)]
pub(super) struct Callers(Mutex<VecDeque<(OwnedUniqueName, User)>>);

type User = Arc<OnceCell<u32>>;

impl Callers {
    /// The user behind this name; `ask` says so if it is not known. That it failed is not remembered.
    pub(super) async fn user(
        &self,
        name: &UniqueName<'_>,
        ask: impl Future<Output = Result<u32, Error>>,
    ) -> Result<u32, Error> {
        let user = self.entry(name);
        user.get_or_try_init(|| ask).await.copied()
    }

    /// The bus has said who this is.
    pub(super) fn learn(&self, name: &UniqueName<'_>, user: u32) {
        // It may have been learnt before, and is the same.
        let _ = self.entry(name).set(user);
    }

    fn entry(&self, name: &UniqueName<'_>) -> User {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, user)) = known.iter().find(|(known, _)| known == name) {
            return Arc::clone(user);
        }
        if known.len() == MOST {
            known.pop_front();
        }
        let user = User::default();
        known.push_back((OwnedUniqueName::from(name.to_owned()), Arc::clone(&user)));
        user
    }
}

#[cfg(test)]
mod tests;
