//! The shell around the engine.

use std::convert::Infallible;

use hv_utils_core::channel::{Link, Request};
use hv_utils_core::daemon::{CommonArgs, Context, Failure, Service, config};
use hv_utils_core::wire::{Ic, Status};

/// The daemon.
#[derive(Debug)]
pub struct Shutdownd;

/// Arguments beyond those that every daemon has.
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Service for Shutdownd {
    const IC: Ic = Ic::Shutdown;
    const NAME: &'static str = "hv-shutdownd";
    const ABOUT: &'static str = "Hyper-V Guest Shutdown service for a Linux guest";
    const BUS_NAME: &'static str = "org.hvutils.Shutdown1";
    const OBJECT: &'static str = "/org/hvutils/Shutdown1";
    const TABLE: &'static str = "shutdown";
    type Args = Args;
    type Settings = ();
    type Event = Infallible;

    fn settings(_: &mut config::Table<'_>, _: &Args, _: &CommonArgs) {}

    async fn start(_: &Context, (): ()) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn request(&mut self, request: Request, link: &mut Link) {
        link.reject(&request, Status::FAIL);
    }

    fn handle(&mut self, event: Infallible, _: &mut Link) {
        match event {}
    }

    async fn reload(&mut self, (): ()) -> Result<(), Failure> {
        Ok(())
    }
}
