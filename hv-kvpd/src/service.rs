//! The shell around the engine: requests of the host in, the engine's actions performed, answers out (`requests`), and what
//! the daemon waits for besides.
//!
//! Nothing here decides what a request means (that is [`crate::engine`]) or how a pool is written (that is
//! [`crate::pool`], on its worker thread).

mod requests;

use std::sync::Arc;
use std::time::Duration;

use hv_utils_core::channel::{Link, Request};
use hv_utils_core::daemon::config;
use hv_utils_core::daemon::{CommonArgs, Context, Exit, Failure, Service};
use hv_utils_core::network::Table;
use hv_utils_core::wire::kvp::{self, Pool};
use hv_utils_core::wire::{Ic, Status};
use rustix::io::Errno;
use tokio::sync::mpsc;

use crate::bus::network1::Publisher;
use crate::bus::{Kvp1, Network1, kvp1};
use crate::config::{Args, Settings};
use crate::engine::{Engine, Refused};
use crate::forbidden::Forbidden;
use crate::held::{Held, lapsed};
use crate::injection::{self, Injector};
use crate::intrinsic::{self, Intrinsics};
use crate::network::Network;
use crate::pool::{PoolError, PoolSet};
use crate::shared::Shared;
use crate::watches::Watches;
use requests::Finished;

/// How long changes under way may hold up the end: less than systemd waits (`TimeoutStopSec=`), more than they need.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// The daemon.
#[derive(Debug)]
pub struct Kvpd {
    context: Context,
    engine: Engine,
    shared: Arc<Shared>,
    intrinsics: Intrinsics,
    network: Network,
    /// What of [`Intrinsics::revision`] the network room has seen.
    seen: Option<u64>,
    watches: Watches,
    injector: Injector,
    /// What the host may not write.
    forbidden: Forbidden,
    /// A configuration of an adapter that has no interface yet.
    held: Option<Held<(Request, kvp::Request)>>,
    /// Of the present connection to the bus.
    publisher: Option<Publisher>,
    finished: mpsc::UnboundedReceiver<Finished>,
    finish: mpsc::UnboundedSender<Finished>,
}

/// What this daemon waits for besides the host.
#[derive(Debug)]
pub enum Event {
    /// File work is done.
    #[expect(private_interfaces, reason = "the shell only hands events back to this module")]
    Finished(Box<Finished>),
    /// Another program wrote pool files, or we did, or they could not be read before.
    Touched(Vec<Pool>),
    /// Facts about the guest changed.
    Intrinsic(Vec<intrinsic::Change>),
    /// Other DNS servers are known.
    Servers,
    /// The adapter that a configuration was held for has not come.
    Lapsed,
    /// Something became of what the host wants of an adapter.
    #[expect(private_interfaces, reason = "the shell only hands events back to this module")]
    Injection(Box<injection::Event>),
}

impl Service for Kvpd {
    const IC: Ic = Ic::Kvp;
    const NAME: &'static str = "hv-kvpd";
    const ABOUT: &'static str = "Hyper-V Data Exchange (KVP) service for a Linux guest";
    const BUS_NAME: &'static str = "org.hvutils.Kvp1";
    const OBJECT: &'static str = "/org/hvutils/Kvp1";
    const TABLE: &'static str = "kvp";
    type Args = Args;
    type Settings = Settings;
    type Event = Event;

    fn settings(table: &mut config::Table<'_>, args: &Args, common: &CommonArgs) -> Settings {
        Settings::read(table, args, common)
    }

    async fn start(context: &Context, settings: Settings) -> Result<Kvpd, Failure> {
        let options = settings.pool_options(&context.common, context.state_dir()?);
        let (pools, reports) = PoolSet::open(&options).map_err(|error| failure(&error))?;
        for report in reports {
            tracing::warn!("{report}");
        }
        let intrinsics = Intrinsics::start(settings.intrinsic_options(&context.common));
        let shared = Shared::new(pools, intrinsics.items().to_vec(), settings.limits);
        let watches = Watches::new(shared.pools(), shared.unread())
            .map_err(|error| Failure::internal(format!("pool watches: {error}")))?;
        for pool in Pool::ALL.into_iter().filter(|pool| shared.stale(*pool)) {
            // Could not be read at once: no event will say when it can.
            shared.refresh(pool, || {});
        }
        let (finish, finished) = mpsc::unbounded_channel();
        let engine = settings.engine();
        let shared = Arc::new(shared);
        let injector = Injector::start(&context.common);
        let context = context.clone();
        let network = Network::new(context.common.sysfs_root.clone(), settings.network.selection);
        let (seen, held, publisher) = (None, None, None);
        let mut kvpd = Kvpd {
            context,
            engine,
            shared,
            intrinsics,
            network,
            seen,
            watches,
            injector,
            held,
            publisher,
            finished,
            finish,
            forbidden: Forbidden::new(),
        };
        kvpd.take_facts(Vec::new());
        Ok(kvpd)
    }

    async fn attach(&mut self, connection: &zbus::Connection) -> zbus::Result<()> {
        let (news, received) = mpsc::unbounded_channel();
        self.shared.tell(news);
        let object = Kvp1::new(Arc::clone(&self.shared), self.context.authority);
        connection.object_server().at(Self::OBJECT, object).await?;
        let object = Network1::new(self.shared.adapters(), self.injector.injected(self.context.authority));
        connection.object_server().at(Self::OBJECT, object).await?;
        self.network.follow(connection.clone());
        tokio::spawn(kvp1::announce(connection.clone(), Self::OBJECT, received));
        let (adapters, records) = (self.shared.adapters(), self.injector.records());
        self.publisher = Some(Publisher::start(connection.clone(), Self::OBJECT, adapters, records));
        Ok(())
    }

    fn request(&mut self, request: Request, link: &mut Link) {
        // The host has given up what it asked before.
        self.held = None;
        self.receive(request, link);
    }

    async fn event(&mut self) -> Event {
        tokio::select! {
            biased;
            Some(finished) = self.finished.recv() => Event::Finished(Box::new(finished)),
            event = self.injector.next() => Event::Injection(Box::new(event)),
            pools = self.watches.touched() => Event::Touched(pools),
            changes = self.intrinsics.changed() => Event::Intrinsic(changes),
            () = self.network.changed() => Event::Servers,
            () = lapsed(self.held.as_ref()) => Event::Lapsed,
        }
    }

    fn handle(&mut self, event: Event, link: &mut Link) {
        match event {
            Event::Finished(finished) => self.resume(*finished, link),
            Event::Touched(pools) => pools.into_iter().for_each(|pool| self.shared.refresh(pool, || {})),
            Event::Intrinsic(changes) => {
                self.take_facts(changes);
                self.look_at_held(link);
            }
            Event::Servers => self.look_at_network(),
            Event::Lapsed => {
                if let Some(Held { what: (request, _), .. }) = self.held.take() {
                    self.injector.refuse(&request, &Refused::NoAdapter, link);
                }
            }
            Event::Injection(event) => self.injector.handle(*event, link),
        }
    }

    async fn reload(&mut self, settings: Settings) -> Result<(), Failure> {
        let changes = self.intrinsics.restart(settings.intrinsic_options(&self.context.common));
        self.engine = settings.engine();
        self.network.select(settings.network.selection);
        self.seen = None;
        self.take_facts(changes);
        self.shared.set_limits(settings.limits);
        self.shared.pools().limit(settings.max_items, settings.lock_timeout);
        Ok(())
    }

    async fn stop(&mut self, link: &mut Link) {
        if let Some(Held { what: (request, _), .. }) = self.held.take() {
            link.answer(&request, Status::FAIL, |_| {});
        }
        self.injector.stop(link).await;
        if tokio::time::timeout(END_PATIENCE, self.shared.finish()).await.is_err() {
            tracing::warn!("a change is still waiting for another program's lock: ending without it");
        }
        // Whoever asked for what has just become durable is told so before the channel closes.
        while let Ok(finished) = self.finished.try_recv() {
            self.resume(finished, link);
        }
    }
}

impl Kvpd {
    fn take_facts(&mut self, changes: Vec<intrinsic::Change>) {
        if !changes.is_empty() {
            tracing::debug!(items = changes.len(), "items of the guest changed");
            self.shared.set_auto(self.intrinsics.items(), changes);
        }
        self.report();
        if self.seen != Some(self.intrinsics.revision()) {
            self.look_at_network();
        }
    }

    /// Makes anew what the host is told about its adapters, and shows it on the bus.
    fn look_at_network(&mut self) {
        self.seen = Some(self.intrinsics.revision());
        let nothing = Table::default();
        self.network.update(self.intrinsics.network().unwrap_or(&nothing), self.intrinsics.resolvers());
        self.shared.set_adapters(self.network.rows());
    }

    /// Logs what could not be found out about the guest, each cause once.
    fn report(&mut self) {
        for report in self.intrinsics.take_reports() {
            tracing::warn!("{report}");
        }
    }
}

/// How a store that cannot be opened ends the daemon.
fn failure(error: &PoolError) -> Failure {
    let exit = match error.errno() {
        Some(Errno::ACCESS | Errno::PERM) => Exit::NotPermitted,
        _ => Exit::Internal,
    };
    Failure::new(exit, error.to_string())
}
