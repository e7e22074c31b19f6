//! Plays a scenario: does what each step says and holds what comes against what it expects.
//!
//! Here are the scenario's own state and its steps; what is sent and received is in [`exchange`], versions are in
//! [`negotiation`], damage and floods in [`rings`]. The first step that fails ends the scenario.

mod exchange;
mod negotiation;
mod rings;

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::Duration;

use hv_utils_core::wire::{self, IcHeader, PacketHeader, Version, encode};
use tokio::time::{Instant, timeout_at};

use super::expect::{Answer, Expect, ExpectWord};
use super::fields::{Accept, Offers, Request};
use super::format::{Action, Scenario, Step};
use super::judge;
use super::messages;
use super::packets;
use super::report::{Mismatch, ScenarioReport, StepReport, Verdict};
use crate::host::fcopy::FileCopy;
use crate::host::heartbeat::Heartbeat;
use crate::host::kvp::Kvp;
use crate::host::kvp::items::HostItems;
use crate::host::shutdown::Shutdown;
use crate::host::timesync::TimeSync;
use crate::host::vss::Vss;
use crate::host::{Ic, IcOptions, Service, TransactionIds};
use crate::link::{Packet, PacketLink, Port, Rings};
use crate::record::{Recorded, Records};
use crate::sim::{HelloFaults, SimLink, SimPort};
use crate::verb::{CopyAsk, Verb};

type Channel = Ic<Recorded<SimLink>>;

/// Plays a scenario in `dir`, to whatever guest comes.
///
/// # Errors
/// The socket cannot be made. Everything else is in the report.
pub async fn play(scenario: &Scenario, dir: &Path, records: Records) -> io::Result<ScenarioReport> {
    let mut options = IcOptions::real_host(scenario.ic);
    options.ids = if scenario.rising_ids { TransactionIds::Rising } else { TransactionIds::Zero };
    let mut player = Player {
        scenario,
        port: SimPort::new(dir, scenario.ic, scenario.ring_bytes)?,
        channel: None,
        guest_came: false,
        kvp: Kvp::new(scenario.host_items.then(HostItems::default)),
        owed: VecDeque::new(),
        options,
        records,
        deadline: Instant::now(),
    };
    let mut steps = Vec::new();
    if scenario.negotiate {
        let start = Instant::now();
        player.begin(None);
        let met = player.meet().await;
        steps.push(step_report("a guest connects and negotiates", met, start));
    }
    for step in &scenario.steps {
        if steps.last().is_some_and(|last: &StepReport| last.verdict != Verdict::Passed) {
            let verdict = Verdict::Skipped;
            steps.push(StepReport { name: step.name.clone(), verdict, took: Duration::ZERO });
            continue;
        }
        let start = Instant::now();
        player.begin(step.within_ms);
        let came = player.step(step).await;
        steps.push(step_report(&step.name, came, start));
    }
    Ok(ScenarioReport { name: scenario.name.clone(), guest_came: player.guest_came, steps })
}

fn step_report(name: &str, came: Result<(), Mismatch>, start: Instant) -> StepReport {
    let verdict = came.map_or_else(|mismatch| Verdict::Failed(Box::new(mismatch)), |()| Verdict::Passed);
    StepReport { name: name.to_owned(), verdict, took: start.elapsed() }
}

struct Player<'a> {
    scenario: &'a Scenario,
    port: SimPort,
    channel: Option<Channel>,
    /// Whether a guest ever connected.
    guest_came: bool,
    kvp: Kvp,
    /// Packets whose answers were left unread.
    owed: VecDeque<Packet>,
    options: IcOptions,
    records: Records,
    /// When the present step is out of time.
    deadline: Instant,
}

impl Player<'_> {
    fn begin(&mut self, within_ms: Option<u64>) {
        let limit = Duration::from_millis(within_ms.unwrap_or(self.scenario.timeout_ms));
        self.deadline = Instant::now() + limit;
        self.options.timeout = limit;
        if let Some(channel) = &mut self.channel {
            channel.set_timeout(limit);
        }
    }

    async fn meet(&mut self) -> Result<(), Mismatch> {
        self.accept(&Accept::default()).await?;
        self.agree(&Offers::default(), &Answer::default()).await
    }

    async fn step(&mut self, step: &Step) -> Result<(), Mismatch> {
        // Checked when the scenario was loaded.
        let action = step.action().map_err(|error| Mismatch::new("a step that can be played", error))?;
        match action {
            Action::Nothing => {}
            Action::Accept(accept) => self.accept(&accept).await?,
            Action::Negotiate(offers) => return self.negotiate(step, &offers).await,
            Action::Request(request) => {
                let packet = self.request(&request)?;
                return self.send(step, packet).await;
            }
            Action::Message(message) => {
                let directory = self.directory();
                let packet = self.packet(|_| message.body(&directory))?;
                return self.send(step, packet).await;
            }
            Action::Raw(payload) => {
                return self.send(step, Packet { header: PacketHeader::in_band(0), payload }).await;
            }
            Action::Verb(verb) => return self.verb(step, &verb).await,
            Action::Ring(damage) => self.damage(&damage)?,
            Action::Fill(fill) => self.fill(&fill).await?,
            Action::Drain => self.drain().await?,
            Action::Rescind => {
                self.channel = None;
                self.owed.clear();
                self.port.rescind();
            }
            Action::Offer => self.port.offer().map_err(|error| failed("an offer", &error))?,
            Action::Signal => {
                let rings = self.open()?.link().rings();
                let signalled = rings.map_or(Ok(()), Rings::signal);
                signalled.map_err(|error| failed("an interrupt", &error))?;
            }
            Action::Silence(milliseconds) => return self.silence(step, milliseconds).await,
        }
        self.aftermath(step).await
    }

    fn open(&mut self) -> Result<&mut Channel, Mismatch> {
        self.channel.as_mut().ok_or_else(|| {
            Mismatch::new("an open channel", "there is none: a step with accept = {} waits for the guest")
        })
    }

    async fn accept(&mut self, accept: &Accept) -> Result<(), Mismatch> {
        self.channel = None;
        self.owed.clear();
        let faults = accept.faults()?;
        let greeted = timeout_at(self.deadline, self.port.greeted(&faults)).await;
        let link = match greeted {
            Err(_) => return Err(Mismatch::new("a guest that connects", self.nobody())),
            Ok(Err(error)) => return Err(failed("a connection", &error)),
            Ok(Ok(link)) => link,
        };
        self.guest_came = true;
        let recorded = Recorded::new(link, self.scenario.ic, self.records.clone());
        self.channel = Some(Ic::new(recorded, self.scenario.ic, self.options.clone()));
        Ok(())
    }

    /// The directory of the sockets, as a guest on this machine has to know it.
    fn directory(&self) -> String {
        let directory = self.port.path().parent().map(std::path::absolute);
        directory.and_then(Result::ok).unwrap_or_default().display().to_string()
    }

    fn nobody(&self) -> String {
        let path = self.port.path().display();
        format!("nobody came in time: start the guest's daemon with --channel sim:{path}")
    }

    /// A KVP request.
    fn request(&mut self, request: &Request) -> Result<Packet, Mismatch> {
        self.packet(|version| packets::body(request, version))
    }

    /// A request of the agreed versions, or of the newest on offer where nothing is agreed.
    fn packet(&mut self, body: impl FnOnce(Version) -> Result<Vec<u8>, String>) -> Result<Packet, Mismatch> {
        let newest = self.options.offer.message.last().copied().unwrap_or(Version::new(3, 0));
        let ic = self.scenario.ic;
        let channel = self.open()?;
        let version = channel.agreed().map_or(newest, |agreed| agreed.message);
        let body = body(version).map_err(|error| Mismatch::new("a request", error))?;
        if channel.agreed().is_some() {
            return channel
                .request_packet(&body)
                .map_err(|error| Mismatch::new("a request", error.to_string()));
        }
        let header = IcHeader::request(Version::new(3, 0), ic.message_type(), newest);
        let mut payload = Vec::new();
        encode(&header, &body, &mut payload);
        Ok(Packet { header: PacketHeader::in_band(0), payload })
    }

    async fn verb(&mut self, step: &Step, verb: &Verb) -> Result<(), Mismatch> {
        self.open()?;
        let placed = placed(verb, &self.directory());
        let verb = placed.as_ref().unwrap_or(verb);
        let Some(channel) = &mut self.channel else { return Ok(()) };
        let result = match self.scenario.ic {
            // A scenario's heart beats by its steps alone.
            wire::Ic::Heartbeat => Heartbeat::new(Duration::MAX).verb(channel, verb).await,
            wire::Ic::Shutdown => Shutdown.verb(channel, verb).await,
            wire::Ic::TimeSync => TimeSync::new(None).verb(channel, verb).await,
            wire::Ic::Vss => Vss::default().verb(channel, verb).await,
            wire::Ic::FileCopy => FileCopy::default().verb(channel, verb).await,
            wire::Ic::Kvp => self.kvp.verb(channel, verb).await,
        };
        let violations = channel.take_violations();
        match &step.expect {
            None => judge::outcome(&Answer::default(), &result, &violations),
            Some(Expect::Answer(expected)) => judge::outcome(expected, &result, &violations),
            Some(Expect::Word(ExpectWord::Any)) => Ok(()),
            Some(Expect::Word(word)) => {
                Err(Mismatch::new("an expectation that fits a verb", format!("{word:?} is none")))
            }
        }
    }
}

/// A copy that goes into the directory of the sockets, with its real path.
fn placed(verb: &Verb, directory: &str) -> Option<Verb> {
    let Verb::CopyVmfile(ask) = verb else { return None };
    let destination = messages::placed(&ask.destination, directory);
    Some(Verb::CopyVmfile(CopyAsk { destination, ..ask.clone() }))
}

impl Accept {
    fn faults(&self) -> Result<HelloFaults, Mismatch> {
        let wrong =
            |what: &str| Mismatch::new("a hello that can be made", format!("{what} has another length"));
        let bytes = |text: &String| <[u8; 8]>::try_from(text.as_bytes()).map_err(|_| wrong("magic"));
        let reserved = self.reserved.as_ref();
        let reserved =
            reserved.map(|hex| <[u8; 32]>::try_from(hex.0.as_slice()).map_err(|_| wrong("reserved")));
        Ok(HelloFaults {
            magic: self.magic.as_ref().map(bytes).transpose()?,
            link_version: self.link_version,
            ring_bytes: self.ring_bytes,
            class: self.class,
            reserved: reserved.transpose()?,
            descriptors: self.descriptors,
            truncate: self.truncate,
            memory_bytes: self.memory_bytes,
            masked: self.masked,
        })
    }
}

fn failed(what: &str, error: &io::Error) -> Mismatch {
    Mismatch::new(what, format!("this machine refused it: {error}"))
}
