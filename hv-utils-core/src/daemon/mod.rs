//! The shell of a daemon: all that the guest services have in common, so that each is only its own rules.
//!
//! A daemon implements [`Service`] and calls [`main`]. The shell reads the command line and the configuration,
//! logs, holds the instance lock, opens the channel to the host ([`crate::channel::Link`]), appears on D-Bus,
//! talks to the service manager, answers signals and ends with the right exit code. What it does not do: decide
//! anything about a message from the host.

pub mod args;
mod calm;
pub mod config;
mod exit;
mod frozen;
mod lock;
pub mod log;

pub mod notify;
mod path_watch;
mod replace;
mod run;
mod serve;
mod settings;
mod setup;
mod signals;
mod small;

pub use args::{CommonArgs, command};
pub use exit::{Exit, Failure, exit_of};
pub use frozen::may_be_frozen;
pub use lock::{InstanceLock, directory};
pub use log::Log;
pub use notify::Notifier;
pub use path_watch::PathWatch;
pub use replace::replace;
pub use run::{check as check_findings, main, report as report_findings, run};
pub use settings::log_settings;
pub use small::{MOST_SMALL_BYTES, read_small};

use crate::bus::Authority;
use crate::channel::{Link, Request};
use crate::wire::Ic;
use std::path::PathBuf;
use std::process::ExitCode;

/// One daemon: what it is called, and its rules.
///
/// The shell calls these methods from one task, one at a time. None of them may block; what takes long is done
/// elsewhere and comes back as an [`Service::Event`].
#[expect(
    async_fn_in_trait,
    reason = "all is driven from one task of a current-thread runtime: nothing needs Send"
)]
pub trait Service: Sized {
    /// The integration component it serves.
    const IC: Ic;
    /// Its name: program, lock file, journal identifier. `hv-kvpd`.
    const NAME: &'static str;
    /// One line for `--help`.
    const ABOUT: &'static str;
    /// Its well-known name. `org.hvutils.Kvp1`.
    const BUS_NAME: &'static str;
    /// Its root object. `/org/hvutils/Kvp1`.
    const OBJECT: &'static str;
    /// Its table in the configuration. `kvp`.
    const TABLE: &'static str;

    /// Command line options beside the common ones; an empty struct if there are none.
    type Args: clap::Args;
    /// Its validated settings.
    type Settings;
    /// What it waits for beside the host.
    type Event;

    /// Does what the command line asks for in place of serving, and says with which code to end; `None`: it asks for a
    /// daemon. Before the configuration is read and the instance lock is taken.
    fn instead(args: &Self::Args, common: &CommonArgs) -> Option<ExitCode> {
        let _ = (args, common);
        None
    }

    /// Reads its tables. What is wrong is reported through `table`, with a default in its place here.
    fn settings(table: &mut config::Table<'_>, args: &Self::Args, common: &CommonArgs) -> Self::Settings;

    /// Gets everything ready for the first request.
    ///
    /// # Errors
    /// The daemon ends with the failure's exit code.
    async fn start(context: &Context, settings: Self::Settings) -> Result<Self, Failure>;

    /// Registers its own D-Bus interfaces, before the name is asked for. Called with every new connection: the
    /// first, and again after a restart of the bus; signals go to the connection of the last call.
    ///
    /// # Errors
    /// An interface could not be registered: the daemon ends with exit code 70.
    async fn attach(&mut self, bus: &zbus::Connection) -> zbus::Result<()> {
        let _ = bus;
        Ok(())
    }

    /// Decides upon a request of the host: answers now, or keeps the request and answers later.
    fn request(&mut self, request: Request, link: &mut Link);

    /// The channel was opened, lost, or negotiated anew, with whatever result; [`Link::status`] says what it is now. Most
    /// services need not know: their answers go nowhere then.
    fn channel(&mut self, link: &mut Link) {
        let _ = link;
    }

    /// Waits for what is not the host. Must be cancel safe. Without it there is nothing to wait for: then
    /// [`Service::Event`] is [`std::convert::Infallible`].
    async fn event(&mut self) -> Self::Event {
        std::future::pending().await
    }

    /// Handles what [`Service::event`] returned.
    fn handle(&mut self, event: Self::Event, link: &mut Link);

    /// Takes new settings (SIGHUP).
    ///
    /// # Errors
    /// The new settings could not be applied; the daemon goes on with the old ones and says why.
    async fn reload(&mut self, settings: Self::Settings) -> Result<(), Failure>;

    /// Leaves everything as it should be: nothing frozen, nothing half written. What is answered here still gets to
    /// the host. Without it there is nothing to leave.
    async fn stop(&mut self, link: &mut Link) {
        let _ = link;
    }
}

/// What a service may need of its shell. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// The common command line.
    pub common: CommonArgs,
    /// Decides who may change things over D-Bus.
    pub authority: Authority,
    /// The line to the service manager.
    pub notify: Notifier,
    /// The log, for who must hold it back for a time.
    pub log: Log,
    name: &'static str,
}

impl Context {
    /// `STATE_DIR/NAME`, created if need be: what must survive a reboot.
    ///
    /// # Errors
    /// The directory cannot be created.
    pub fn state_dir(&self) -> Result<PathBuf, Failure> {
        let path = self.common.state_dir.join(self.name);
        directory(&path)?;
        Ok(path)
    }
}
