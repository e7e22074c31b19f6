//! `hvctl ip`: network adapters as the host sees them, what the host has made of them, and undoing that, through
//! `org.hvutils.Network1`.
//!
//! Who configures is hv-netapply, whom hv-kvpd asks; hvctl knows neither. To undo takes as long as the manager of the
//! link needs, and a person at a terminal may be asked for a password meanwhile.

use std::collections::HashMap;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zbus::proxy::{CacheProperties, MethodFlags};
use zbus::wire::OwnedVariant;
use zbus::{Proxy, Type};

use crate::age::{age, ago};
use crate::args::{Cli, Ip};
use crate::error::{Error, Failure};
use crate::output::{Cell, Output};
use crate::proxies::{KVPD, connect_for};

mod record;

use record::Record;

const NAME: &str = "org.hvutils.Kvp1";
const PATH: &str = "/org/hvutils/Kvp1";
const NETWORK1: &str = "org.hvutils.Network1";

/// To look takes an instant.
const LOOK: Duration = Duration::from_secs(30);
/// To undo takes a minute at most, and a password two.
const REVERT: Duration = Duration::from_secs(240);

/// One adapter as hv-kvpd tells it, and as JSON.
#[derive(Debug, Serialize, Deserialize, Type, zbus::OwnedVariant, zbus::Variant)]
struct Adapter {
    /// Its own interface.
    interface: String,
    /// Its hardware address.
    mac: String,
    /// With prefixes.
    addresses: Vec<String>,
    /// Default gateways.
    gateways: Vec<String>,
    /// DNS servers.
    dns: Vec<String>,
    /// Whether an IPv4 address comes from DHCP.
    dhcp: bool,
}

impl Adapter {
    fn cells(&self) -> Vec<Cell> {
        let list = |entries: &[String]| Cell::new(&entries.join(", "));
        vec![
            Cell::new(&self.interface),
            Cell::new(&self.mac),
            Cell::new(if self.dhcp { "yes" } else { "no" }),
            list(&self.addresses),
            list(&self.gateways),
            list(&self.dns),
        ]
    }
}

/// `"items":[…]`.
#[derive(Debug, Serialize)]
struct Items<'a, T> {
    items: &'a [T],
}

/// `hvctl ip`.
pub(crate) async fn run(verb: &Ip, cli: &Cli, output: &Output) -> Result<(), Failure> {
    let patience = if matches!(verb, Ip::Revert) { REVERT } else { LOOK };
    let network = Network::connect(cli, patience).await?;
    match verb {
        Ip::Show { interface } => show(&network, interface.as_deref(), output).await,
        Ip::History => history(&network, output).await,
        Ip::Revert => revert(&network, output).await,
    }
}

async fn show(network: &Network, interface: Option<&str>, output: &Output) -> Result<(), Failure> {
    let mut adapters = network.adapters().await?;
    if let Some(interface) = interface {
        adapters.retain(|adapter| adapter.interface == interface);
        if adapters.is_empty() {
            return Err(Error::no_such_adapter(interface).into());
        }
    }
    if output.json {
        return output.object("ip-show", &Items { items: &adapters });
    }
    if adapters.is_empty() {
        output.note("no adapters");
        return Ok(());
    }
    let cells: Vec<Vec<Cell>> = adapters.iter().map(Adapter::cells).collect();
    output.table(&["INTERFACE", "MAC", "DHCP", "ADDRESSES", "GATEWAYS", "DNS"], &cells)
}

async fn history(network: &Network, output: &Output) -> Result<(), Failure> {
    let records = network.history().await?;
    if output.json {
        return output.object("ip-history", &Items { items: &records });
    }
    if records.is_empty() {
        output.note("the host has not configured any adapter");
        return Ok(());
    }
    let cells: Vec<Vec<Cell>> = records.iter().map(Record::cells).collect();
    output.table(&["WHEN", "INTERFACE", "BACKEND", "OUTCOME", "WANTED", "MESSAGE"], &cells)
}

async fn revert(network: &Network, output: &Output) -> Result<(), Failure> {
    let before = network.history().await?;
    network.revert().await?;
    let history = network.history().await?;
    // What stood before and does not now; the first of them is what the way back began from.
    let stood = |record: &&Record| before.iter().any(|known| known.is_same(record) && known.stands());
    let undone = history.iter().rev().filter(stood).find(|record| !record.stands());
    let name = undone.map(|record| record.interface.clone()).unwrap_or_default();
    let now = history.iter().rev().find(|record| record.interface == name && record.stands());
    let adapter = network.adapters().await?.into_iter().find(|adapter| adapter.interface == name);
    if output.json {
        #[derive(Serialize)]
        struct Reverted<'a> {
            /// What was undone; null if it became known only meanwhile.
            reverted: Option<&'a Record>,
            /// What of the host's is in force on that adapter now.
            standing: Option<&'a Record>,
            /// The adapter as the host sees it now.
            adapter: Option<&'a Adapter>,
        }
        let answer = Reverted { reverted: undone, standing: now, adapter: adapter.as_ref() };
        return output.object("ip-revert", &answer);
    }
    match undone {
        Some(record) => output.line(&format!("undone: {}", record.sentence()))?,
        None => output.line("undone")?,
    }
    match now {
        Some(record) => output.line(&format!("in force again: {}", record.sentence()))?,
        None => output.line("in force again: what was there before the host configured it")?,
    }
    match adapter {
        Some(adapter) => {
            output.table(&["INTERFACE", "MAC", "DHCP", "ADDRESSES", "GATEWAYS", "DNS"], &[adapter.cells()])
        }
        None => Ok(()),
    }
}

/// Network1 on a connection.
struct Network {
    proxy: Proxy<'static>,
}

impl Network {
    async fn connect(cli: &Cli, patience: Duration) -> Result<Network, Error> {
        let bus = connect_for(&cli.bus, patience).await?;
        let builder: zbus::proxy::Builder<'_, Proxy<'_>> = zbus::proxy::Builder::new(&bus);
        let builder = builder.destination(NAME).path(PATH).interface(NETWORK1);
        let proxy = builder.cache_properties(CacheProperties::No).build().await.map_err(failed)?;
        Ok(Network { proxy })
    }

    async fn adapters(&self) -> Result<Vec<Adapter>, Error> {
        self.proxy.get_property("Adapters").await.map_err(failed)
    }

    async fn history(&self) -> Result<Vec<Record>, Error> {
        let dicts: Vec<HashMap<String, OwnedVariant>> =
            self.proxy.call("History", &()).await.map_err(failed)?;
        Ok(dicts.into_iter().map(Record::from).collect())
    }

    async fn revert(&self) -> Result<(), Error> {
        let interactive = io::stdin().is_terminal();
        let flags = if interactive { MethodFlags::ALLOW_INTERACTIVE_AUTH } else { MethodFlags::empty() };
        let answer = self.proxy.call_with_flags::<_, _, ()>("Revert", flags, &()).await;
        answer.map(drop).map_err(|error| {
            let error = failed(error);
            if error.short_name() == "NotAuthorized" {
                return error
                    .hint("run it as root, or let polkit allow the action org.hvutils.network.revert");
            }
            error
        })
    }
}

fn failed(error: zbus::Error) -> Error {
    Error::of_call(KVPD, error)
}
