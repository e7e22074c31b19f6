//! A hook as a transient unit of systemd's: outside the daemon's sandbox, in a control group of its own that nothing leaves.
//!
//! A unit is of type `oneshot`: its job ends when the hook does, and its result is the hook's. Where the hook may leave
//! something running it remains, and with it what runs, until [`Systemd::stop_all`]. What a daemon before us has left
//! is found by its name. All is bounded in time: where systemd does not answer the hook has failed.
//! Interface: `org.freedesktop.systemd1(5)`; AddRef= and CollectMode= need version 236.

mod stop;
mod unit;

use stop::Guard;
pub use stop::Stopping;

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use zbus::message::Type as MessageType;
use zbus::wire::{OwnedObjectPath, OwnedVariant};
use zbus::{Connection, DynamicType, MatchRule, MessageStream, Type};

use super::Owner;
use super::direct::Left;
use super::job::{GRACE, Job, OK, Outcome, exited, killed, too_long};
use super::output::Output;

const NAME: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const SERVICE: &str = "org.freedesktop.systemd1.Service";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const BUS: &str = "org.freedesktop.DBus";

/// What JobRemoved tells: number, path, unit, result.
type Removed = (u32, OwnedObjectPath, String, String);

/// The result of a hook on whose way the bus went; its unit is stopped as soon as there is one again.
pub const BUS_GONE: &str = "the bus has gone, and what became of it is not known";

/// How long systemd may take where nothing waits for a hook, and how much longer than the hook itself a run may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// systemd, as it runs now.
#[derive(Debug, Clone)]
pub struct Systemd {
    owner: Owner,
    bus: Connection,
    patience: Duration,
    stopping: Stopping,
}

impl Systemd {
    /// For the hooks of `owner`, over `bus`.
    ///
    /// # Errors
    /// Why it cannot be reached: a sentence.
    pub async fn find(owner: Owner, bus: Option<Connection>, stopping: Stopping) -> Result<Self, String> {
        let Some(bus) = bus else { return Err("there is no bus to ask systemd over".to_owned()) };
        let call = bus.call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), "NameHasOwner", &NAME);
        let reply = timeout(PATIENCE, call).await.map_err(|_| "the bus does not answer".to_owned())?;
        match reply.and_then(|reply| reply.body().deserialize::<bool>()) {
            Ok(true) => Ok(Self { owner, bus, patience: PATIENCE, stopping }),
            Ok(false) => Err("systemd is not on the bus".to_owned()),
            Err(error) => Err(format!("the bus cannot be asked for systemd: {error}")),
        }
    }

    #[cfg(test)]
    pub(super) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Runs a hook to its end.
    pub async fn run(&self, job: &Job<'_>) -> (Outcome, Option<Left>) {
        let (output, theirs) = match Output::pipe() {
            Ok(pipe) => pipe,
            Err(error) => return (Outcome::not_started(&error), None),
        };
        let unit = unit::name(self.owner, job.name);
        let mut guard = Guard::new(self, unit.clone());
        let limit = job.time + GRACE + self.patience;
        let result = match timeout(limit, self.start_and_wait(job, &unit, theirs)).await {
            Ok(Ok(result)) => {
                guard.done();
                self.forget(&unit).await;
                result
            }
            Ok(Err(zbus::Error::InputOutput(_))) => BUS_GONE.to_owned(),
            Ok(Err(error)) => return (Outcome::not_started(&error), None),
            Err(_) => {
                let seconds = limit.as_secs_f64();
                Outcome::failed(format!("systemd did not tell within {seconds} s what became of it")).result
            }
        };
        let outcome = Outcome { result, output: output.text() };
        let left = outcome.result == OK && job.stays;
        (outcome, left.then(|| Left::with_systemd(output)))
    }

    /// The ends of a unit's jobs, from now on.
    async fn ends(&self, unit: &str) -> zbus::Result<MessageStream> {
        let rule = MatchRule::builder()
            .msg_type(MessageType::Signal)
            .sender(NAME)
            .path(PATH)
            .interface(MANAGER)
            .member("JobRemoved")
            .arg(2, unit)
            .build()?;
        MessageStream::for_match_rule(rule, &self.bus, None).await
    }

    /// An error means that it was not started.
    async fn start_and_wait(&self, job: &Job<'_>, unit: &str, output: OwnedFd) -> zbus::Result<String> {
        let mut ends = self.ends(unit).await?;
        let properties = unit::properties(self.owner, job, &output)?;
        let others: Vec<(&str, Vec<(&str, zbus::Variant<'_>)>)> = Vec::new();
        let _job: OwnedObjectPath =
            self.manager("StartTransientUnit", &(unit, "fail", properties, others)).await?;
        // Theirs only, so that it ends when they do.
        drop(output);
        let Some(Ok(end)) = ends.next().await else {
            return Err(bus_gone());
        };
        let (_, _, _, result) = end.body().deserialize::<Removed>()?;
        Ok(if result == "done" { OK.to_owned() } else { self.why(job, unit, &result).await })
    }

    /// Why a job has not ended well.
    async fn why(&self, job: &Job<'_>, unit: &str, job_result: &str) -> String {
        let asked = async {
            let path: OwnedObjectPath = self.manager("GetUnit", &unit).await?;
            let result: String = self.get(&path, "Result").await?;
            let code: i32 = self.get(&path, "ExecMainCode").await?;
            let status: i32 = self.get(&path, "ExecMainStatus").await?;
            Ok::<_, zbus::Error>((result, code, status))
        };
        match asked.await {
            Ok((result, _, _)) if result == "timeout" => too_long(job.time),
            Ok((_, unit::CLD_EXITED, unit::EXIT_EXEC)) => {
                Outcome::not_started("systemd cannot execute it").result
            }
            Ok((_, unit::CLD_EXITED, status)) if status != 0 => exited(status),
            Ok((_, unit::CLD_KILLED | unit::CLD_DUMPED, signal)) => killed(signal),
            Ok((result, _, _)) if result != "success" => format!("systemd says: {result}"),
            Ok(_) => format!("systemd has ended its job: {job_result}"),
            Err(error) => format!("systemd has ended its job ({job_result}) and does not say why: {error}"),
        }
    }

    /// We have read all that there is to read of it.
    async fn forget(&self, unit: &str) {
        let _ = timeout(self.patience, self.manager::<_, ()>("UnrefUnit", &unit)).await;
    }

    async fn get<T>(&self, path: &OwnedObjectPath, property: &str) -> zbus::Result<T>
    where
        T: TryFrom<OwnedVariant>,
        T::Error: Into<zbus::Error>,
    {
        let reply =
            self.bus.call_method(Some(NAME), path, Some(PROPERTIES), "Get", &(SERVICE, property)).await?;
        T::try_from(reply.body().deserialize::<OwnedVariant>()?).map_err(Into::into)
    }

    async fn manager<B, R>(&self, method: &str, body: &B) -> zbus::Result<R>
    where
        B: Serialize + DynamicType + Sync,
        R: DeserializeOwned + Type,
    {
        let reply = self.bus.call_method(Some(NAME), PATH, Some(MANAGER), method, body).await?;
        reply.body().deserialize()
    }
}

fn bus_gone() -> zbus::Error {
    zbus::Error::from(io::Error::from(io::ErrorKind::BrokenPipe))
}

#[cfg(test)]
#[path = "../../../tests/support/systemd.rs"]
pub(super) mod double;
#[cfg(test)]
mod tests;
