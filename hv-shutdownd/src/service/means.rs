//! What the service needs of the ways: the seam at which its tests put a double that brings no machine down.

use hv_utils_core::wire::shutdown::Action;

use crate::ways::{Begun, Objection, Order, Ways};

/// See [`Ways`].
pub trait Means: Clone + Send + Sync + 'static {
    /// The bus that the daemon is on now.
    fn over(&self, bus: zbus::Connection);
    /// Who inhibits this.
    fn objections(&self, action: Action) -> impl Future<Output = Vec<Objection>> + Send;
    /// Whether hibernation can work.
    fn hibernation(&self) -> impl Future<Output = Result<(), String>> + Send;
    /// What is under way that must not sleep.
    fn busy(&self) -> impl Future<Output = Option<String>> + Send;
    /// Has it begun.
    fn act(&self, order: Order) -> impl Future<Output = Result<Begun, String>> + Send;
    /// Pends until what was begun is called off, or over.
    fn cancelled(&self) -> impl Future<Output = ()> + Send;
}

impl Means for Ways {
    fn over(&self, bus: zbus::Connection) {
        Ways::over(self, bus);
    }

    fn objections(&self, action: Action) -> impl Future<Output = Vec<Objection>> + Send {
        Ways::objections(self, action)
    }

    fn hibernation(&self) -> impl Future<Output = Result<(), String>> + Send {
        Ways::hibernation(self)
    }

    fn busy(&self) -> impl Future<Output = Option<String>> + Send {
        Ways::busy(self)
    }

    fn act(&self, order: Order) -> impl Future<Output = Result<Begun, String>> + Send {
        Ways::act(self, order)
    }

    fn cancelled(&self) -> impl Future<Output = ()> + Send {
        Ways::cancelled(self)
    }
}
