//! `hvctl time`: who keeps the clock, how right it is, what was done to it, and the times that the host sends, through
//! `org.hvutils.TimeSync1`. Only to look.
//!
//! Offsets are host minus guest: positive, the guest's clock is behind.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;
use zbus::proxy::CacheProperties;
use zbus::wire::OwnedVariant;
use zbus::{Connection, Proxy};

use crate::args::{Cli, Time};
use crate::error::{Error, Failure};
use crate::output::{Cell, Output};
use crate::proxies::{connect_for, service_info};

mod refused;
mod ruler;
mod sample;
mod stand;
mod units;
mod watch;

use sample::Sample;
use stand::Stand;

/// The program behind TimeSync1.
const TIMESYNCD: &str = "hv-timesyncd";
const NAME: &str = "org.hvutils.TimeSync1";
const PATH: &str = "/org/hvutils/TimeSync1";

/// To look takes an instant.
const LOOK: Duration = Duration::from_secs(30);

/// `hvctl time`.
pub(crate) async fn run(verb: &Time, cli: &Cli, output: &Output) -> Result<(), Failure> {
    let bus = connect_for(&cli.bus, LOOK).await?;
    match verb {
        Time::Status => status(&bus, output).await,
        Time::Samples { last } => samples(&bus, *last, output).await,
        Time::Watch => watch::run(&bus, output).await,
    }
}

async fn status(bus: &Connection, output: &Output) -> Result<(), Failure> {
    // All properties in one call, so that they fit together.
    let properties = proxy(bus, "org.freedesktop.DBus.Properties").await?;
    let all: HashMap<String, OwnedVariant> = properties.call("GetAll", &(NAME,)).await.map_err(failed)?;
    // Without it the judgement is less sure; it is not what was asked for.
    let service = service_info(bus, NAME, PATH, TIMESYNCD).await.unwrap_or_default();
    let stand = Stand::new(all, service);
    if output.json { output.object("time-status", &stand) } else { stand.print(output) }
}

/// `last`: only so many.
async fn samples(bus: &Connection, last: Option<u16>, output: &Output) -> Result<(), Failure> {
    let mut samples: Vec<Sample> = proxy(bus, NAME).await?.call("Samples", &()).await.map_err(failed)?;
    if let Some(last) = last {
        samples.drain(..samples.len().saturating_sub(usize::from(last)));
    }
    if output.json {
        #[derive(Serialize)]
        struct Items<'a> {
            items: &'a [Sample],
        }
        return output.object("time-samples", &Items { items: &samples });
    }
    if samples.is_empty() {
        output.note("no time has come from the host so far");
        return Ok(());
    }
    let cells: Vec<Vec<Cell>> = samples.iter().map(Sample::cells).collect();
    output.table(&sample::HEADING, &cells)
}

async fn proxy(bus: &Connection, interface: &'static str) -> Result<Proxy<'static>, Error> {
    let builder: zbus::proxy::Builder<'_, Proxy<'_>> = zbus::proxy::Builder::new(bus);
    let builder = builder.destination(NAME).path(PATH).interface(interface);
    builder.cache_properties(CacheProperties::No).build().await.map_err(failed)
}

fn failed(error: zbus::Error) -> Error {
    Error::of_call(TIMESYNCD, error)
}
