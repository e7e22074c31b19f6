//! Not there yet.

use std::rc::Rc;

use hv_utils_core::netapply::Injection;

use super::{Backend, Claim, Later, Readiness, Target};
use crate::error::Error;
use crate::saved::Snapshot;
use crate::world::World;

/// Not there yet.
#[derive(Debug)]
pub struct Ifupdown {
    world: Rc<World>,
}

impl Ifupdown {
    /// The one of this world.
    #[must_use]
    pub fn new(world: Rc<World>) -> Self {
        Self { world }
    }
}

impl Backend for Ifupdown {
    fn name(&self) -> &'static str {
        "ifupdown"
    }
    fn claim<'a>(&'a self, _: &'a Target) -> Later<'a, Claim> {
        Box::pin(async {
            let _ = &self.world;
            Claim::None
        })
    }
    fn readiness<'a>(&'a self, _: &'a Target) -> Later<'a, Readiness> {
        Box::pin(async { Readiness::NotYet("not there yet".to_owned()) })
    }
    fn snapshot<'a>(&'a self, _: &'a Target) -> Later<'a, Result<Snapshot, Error>> {
        Box::pin(async { Err(Error::not_supported("not there yet")) })
    }
    fn write<'a>(&'a self, _: &'a Target, _: &'a Injection, _: &'a Snapshot) -> Later<'a, Result<(), Error>> {
        Box::pin(async { Err(Error::not_supported("not there yet")) })
    }
    fn activate<'a>(&'a self, _: &'a Target) -> Later<'a, Result<(), Error>> {
        Box::pin(async { Err(Error::not_supported("not there yet")) })
    }
    fn restore<'a>(&'a self, _: &'a Target, _: &'a Snapshot, _: bool) -> Later<'a, Result<(), Error>> {
        Box::pin(async { Err(Error::not_supported("not there yet")) })
    }
}
