//! Registering on the bus while somebody is already asking.

use crate::process::Home;
use crate::support::PrivateBus;
use clap::Args;
use hv_utils_core::channel::{Link, Request};
use hv_utils_core::daemon::{self, CommonArgs, Context, Failure, Service, config};
use hv_utils_core::wire::Ic;
use std::convert::Infallible;
use std::ffi::OsString;
use std::sync::OnceLock;
use zbus::Connection;

/// What the early reader was told.
static TOLD: OnceLock<String> = OnceLock::new();

#[derive(Debug, Args)]
struct NoArgs {}

/// While it registers its interfaces, a client reads all that Service1 has; then it ends the daemon.
struct Overheard;

impl Service for Overheard {
    const IC: Ic = Ic::Heartbeat;
    const NAME: &'static str = "hv-overheardd";
    const ABOUT: &'static str = "A daemon that is asked too early";
    const BUS_NAME: &'static str = "org.hvutils.Overheard1";
    const OBJECT: &'static str = "/org/hvutils/Overheard1";
    const TABLE: &'static str = "heartbeat";
    type Args = NoArgs;
    type Settings = ();
    type Event = Infallible;

    fn settings(_: &mut config::Table<'_>, _: &NoArgs, _: &CommonArgs) {}

    async fn start(_: &Context, (): ()) -> Result<Self, Failure> {
        Ok(Self)
    }

    async fn attach(&mut self, bus: &Connection) -> zbus::Result<()> {
        let (object, properties) = (Self::OBJECT, Some("org.freedesktop.DBus.Properties"));
        let own = bus.unique_name().map(|name| name.as_str().to_owned()).unwrap();
        let reply =
            bus.call_method(Some(own.as_str()), object, properties, "GetAll", &"org.hvutils.Service1").await;
        let _ = TOLD.set(reply.map_or_else(|error| error.to_string(), |_| "answered".to_owned()));
        Err(zbus::Error::Failure("seen enough".to_owned()))
    }

    fn request(&mut self, _: Request, _: &mut Link) {}

    async fn event(&mut self) -> Infallible {
        std::future::pending().await
    }

    fn handle(&mut self, event: Infallible, _: &mut Link) {
        match event {}
    }

    async fn reload(&mut self, (): ()) -> Result<(), Failure> {
        Ok(())
    }
}

#[test]
fn a_reader_of_the_counters_before_all_is_registered_does_not_lock_the_daemon() {
    let Some(bus) =
        PrivateBus::start("a_reader_of_the_counters_before_all_is_registered_does_not_lock_the_daemon")
    else {
        return;
    };
    let home = Home::new();
    let run_dir = home.path("run");
    let arguments: [OsString; 9] = [
        "hv-overheardd".into(),
        "--bus".into(),
        bus.address().into(),
        "--run-dir".into(),
        run_dir.into(),
        "--etc-root".into(),
        home.path("etc").into(),
        "--channel".into(),
        "sim:/nonexistent/heartbeat.sock".into(),
    ];
    // Service1 first: the reader waits for the daemon's loop, and that for the reader, until one gives up.
    daemon::run::<Overheard>(arguments);
    assert!(TOLD.get().is_some_and(|told| told.contains("Unknown")), "{TOLD:?}");
}
