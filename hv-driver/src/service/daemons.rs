//! What the daemons are asked around a move of their devices, without a word of how: over D-Bus ([`crate::bus`]), or not at
//! all. The rest of the service is plain code because of it.

use std::fmt::Debug;
use std::time::Duration;

use crate::components::Component;

/// What a component's daemon is asked. Each question waits, bounded, and starts nobody.
pub trait Daemons: Debug {
    /// Whether it reached its host on raw VMBus: `None` if no daemon runs that could say.
    fn reached(&self, component: Component) -> Option<bool>;

    /// What it is in the middle of that an image of the memory would tear, as a sentence; `None`: nothing, or no daemon
    /// runs that could say.
    fn busy(&self, component: Component) -> Option<String>;

    /// The process that it is.
    ///
    /// # Errors
    /// There is none to be found; why, for a person.
    fn process(&self, component: Component) -> Result<u32, String>;

    /// Has it close its raw channel, and leave the device alone for so long.
    ///
    /// # Errors
    /// It does not; why, for a person.
    fn release(&self, component: Component, time: Duration) -> Result<(), String>;
}

/// Nobody to be asked.
#[derive(Debug, Clone, Copy)]
pub struct Unasked;

impl Daemons for Unasked {
    fn reached(&self, _: Component) -> Option<bool> {
        None
    }

    fn busy(&self, _: Component) -> Option<String> {
        None
    }

    fn process(&self, _: Component) -> Result<u32, String> {
        Err("there is no bus to ask it on".to_owned())
    }

    fn release(&self, component: Component, _: Duration) -> Result<(), String> {
        self.process(component).map(drop)
    }
}
