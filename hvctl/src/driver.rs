//! `hvctl driver`: which driver has each service's device, why, and changing it, through `org.hvutils.Driver1`.
//!
//! The bus starts hv-driver for the call. A change moves devices and waits for the host and the daemon, so it may take
//! a while; a person at a terminal may be asked for a password meanwhile.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zbus::Type;
use zbus::proxy::MethodFlags;

use crate::args::{Cli, Driver};
use crate::error::{Error, Failure};
use crate::output::{Cell, Output, Paint};
use crate::proxies::connect_for;

/// The program behind Driver1.
pub(crate) const PROGRAM: &str = "hv-driver";
const NAME: &str = "org.hvutils.Driver1";
const PATH: &str = "/org/hvutils/Driver1";

/// To look takes an instant, but the program may have to be started.
const LOOK: Duration = Duration::from_secs(30);
/// To move all six, each with a host that is slow and a daemon that does not get ready, and a password.
const CHANGE: Duration = Duration::from_secs(300);

/// One service as hv-driver tells it, and as JSON.
#[derive(Debug, Serialize, Deserialize, Type)]
struct Row {
    /// Its name.
    service: String,
    /// The instance of its device; empty: the host does not offer it.
    instance: String,
    /// The driver that has it; empty: none.
    driver: String,
    /// `auto`, `uio` or `hv_utils`.
    choice: String,
    /// The driver that choice comes to; empty: none, or whichever it has.
    wanted: String,
    /// Why.
    reason: String,
    /// The choice ends with this boot.
    runtime: bool,
    /// Bytes of its memory maps, on raw VMBus.
    mapped_bytes: u64,
}

impl Row {
    fn cells(&self) -> Vec<Cell> {
        let until = if self.runtime { " (until the next boot)" } else { "" };
        let owed = !self.instance.is_empty() && !self.wanted.is_empty() && self.wanted != self.driver;
        let reason = if owed { format!("{}: {}", self.wanted, self.reason) } else { self.reason.clone() };
        vec![
            Cell::new(&self.service),
            Cell::new(&self.driver).paint(if owed { Paint::Yellow } else { Paint::Plain }),
            Cell::new(&format!("{}{until}", self.choice)),
            Cell::new(&reason),
        ]
    }
}

/// `hvctl driver`.
pub(crate) async fn run(verb: &Driver, cli: &Cli, output: &Output) -> Result<(), Failure> {
    let (kind, rows) = match verb {
        Driver::Show => ("driver-show", call(cli, "Show", &(), LOOK).await?),
        Driver::Use { choice, services, runtime } => {
            let services: Vec<&str> = services.iter().map(|service| service.name()).collect();
            ("driver-use", call(cli, "Use", &(services, choice.word(), *runtime), CHANGE).await?)
        }
    };
    if output.json {
        #[derive(Serialize)]
        struct Items<'a> {
            items: &'a [Row],
        }
        return output.object(kind, &Items { items: &rows });
    }
    let cells: Vec<Vec<Cell>> = rows.iter().map(Row::cells).collect();
    output.table(&["SERVICE", "DRIVER", "CHOICE", "REASON"], &cells)
}

async fn call<B>(cli: &Cli, method: &str, body: &B, patience: Duration) -> Result<Vec<Row>, Error>
where
    B: Serialize + zbus::DynamicType,
{
    let bus = connect_for(&cli.bus, patience).await?;
    let failed = |error| Error::of_call(PROGRAM, error);
    let proxy = zbus::Proxy::new(&bus, NAME, PATH, NAME).await.map_err(failed)?;
    let interactive = io::stdin().is_terminal();
    let flags = if interactive { MethodFlags::ALLOW_INTERACTIVE_AUTH } else { MethodFlags::empty() };
    let answer = proxy.call_with_flags(method, flags, body).await.map_err(failed)?;
    Ok(answer.unwrap_or_default())
}
