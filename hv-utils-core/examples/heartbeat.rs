//! The smallest daemon there can be: a heartbeat service without the rules of the real one.
//!
//! It shows what the shell asks of a service and is what the tests of the shell run. Everything that is not
//! heartbeat (command line, configuration, log, lock, channel, bus, service manager, signals) is the shell's.

use hv_utils_core::channel::{Link, Request};
use hv_utils_core::daemon::{self, CommonArgs, Context, Failure, Service, config};
use hv_utils_core::wire::{Ic, Status};
use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zbus::{Connection, interface};

/// The last sequence number, shared with D-Bus.
#[derive(Debug, Clone, Default)]
struct Sequence(Arc<AtomicU64>);

#[interface(name = "org.hvutils.Heartbeat1", introspection_docs = false)]
impl Sequence {
    #[zbus(property(emits_changed_signal = "false"))]
    fn sequence(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Heartbeat {
    sequence: Sequence,
    step: u64,
}

#[derive(Debug, clap::Args)]
struct Args {}

impl Service for Heartbeat {
    const IC: Ic = Ic::Heartbeat;
    const NAME: &'static str = "hv-heartbeatd";
    const ABOUT: &'static str = "Hyper-V heartbeat, as small as can be";
    const BUS_NAME: &'static str = "org.hvutils.Heartbeat1";
    const OBJECT: &'static str = "/org/hvutils/Heartbeat1";
    const TABLE: &'static str = "heartbeat";
    type Args = Args;
    type Settings = u64;
    type Event = Infallible;

    fn settings(table: &mut config::Table<'_>, _: &Args, _: &CommonArgs) -> u64 {
        table.integer("step", 1..=1000).unwrap_or(1)
    }

    async fn start(_: &Context, step: u64) -> Result<Self, Failure> {
        Ok(Self { sequence: Sequence::default(), step })
    }

    async fn attach(&mut self, bus: &Connection) -> zbus::Result<()> {
        bus.object_server().at(Self::OBJECT, self.sequence.clone()).await.map(drop)
    }

    fn request(&mut self, request: Request, link: &mut Link) {
        let Some(number) = link.body(&request).first_chunk().copied().map(u64::from_le_bytes) else {
            return link.reject(&request, Status::FAIL);
        };
        let next = number.wrapping_add(self.step);
        self.sequence.0.store(next, Ordering::Relaxed);
        link.answer(&request, Status::OK, |body| {
            if let Some(sequence) = body.first_chunk_mut() {
                *sequence = next.to_le_bytes();
            }
        });
    }

    fn handle(&mut self, event: Infallible, _: &mut Link) {
        match event {}
    }

    async fn reload(&mut self, step: u64) -> Result<(), Failure> {
        self.step = step;
        Ok(())
    }
}

fn main() -> ExitCode {
    daemon::main::<Heartbeat>()
}
