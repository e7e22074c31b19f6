//! Sends what a step says and sees what comes of it.
//!
//! "Nothing comes" is not waited for but proven: a probe with transaction ids of its own is sent after the packet
//! in question, and since a guest answers in order, whatever comes before the probe's answer is the answer in question.

use std::time::Duration;

use hv_utils_core::wire::{PacketHeader, Status};
use tokio::time::{timeout, timeout_at};

use super::{Player, failed};
use crate::host::PROBE_ID;
use crate::link::{LinkError, Packet, PacketLink, Port};
use crate::scenario::expect::{Answer, Expect, ExpectWord};
use crate::scenario::fields::Request;
use crate::scenario::format::Step;
use crate::scenario::judge::{self, Sent, status_of};
use crate::scenario::packets;
use crate::scenario::report::Mismatch;

/// VMBus transaction id of probes: "probe" in ASCII.
const PROBE: u64 = 0x70_726f_6265;
/// Packets that are kept while a probe's answer is awaited; the others are only counted.
const MAX_COLLECTED: usize = 64;

/// What came before a probe's answer.
pub(super) struct Came {
    /// The first packets.
    pub(super) first: Vec<Packet>,
    /// How many there were.
    pub(super) count: usize,
}

/// What the guest does next.
enum Next {
    Packet(Packet),
    Closed,
    Nothing,
    Broken(String),
}

impl Next {
    fn say(&self) -> String {
        match self {
            Next::Packet(packet) => crate::transcript::describe(packet),
            Next::Closed => "the guest closed the channel".to_owned(),
            Next::Nothing => "nothing in time".to_owned(),
            Next::Broken(why) => why.clone(),
        }
    }
}

impl Player<'_> {
    /// Sends a packet as the step says and sees what comes of it.
    pub(super) async fn send(&mut self, step: &Step, mut packet: Packet) -> Result<(), Mismatch> {
        packets::mutate(&mut packet.payload, &step.mutate);
        packets::describe(&mut packet, &step.packet);
        for _ in 0..step.repeat {
            self.push(&packet).await?;
        }
        match &step.expect {
            None => {
                let expected = Answer { status: Some(0), ..Answer::default() };
                self.answers(step, &packet, &expected).await
            }
            Some(Expect::Answer(expected)) => self.answers(step, &packet, expected).await,
            Some(Expect::Word(ExpectWord::Reply)) => self.answers(step, &packet, &Answer::default()).await,
            Some(Expect::Word(ExpectWord::Unread)) => {
                let times = usize::try_from(step.repeat).unwrap_or(usize::MAX);
                self.owed.extend(std::iter::repeat_n(packet, times));
                Ok(())
            }
            Some(Expect::Word(ExpectWord::NoCommonVersion)) => {
                let expected = Answer { agreed: Some("none (counts 0/0)".to_owned()), ..Answer::default() };
                self.answers(step, &packet, &expected).await
            }
            Some(Expect::Word(ExpectWord::RefusalOrNothing)) => self.refusal_or_nothing(step, &packet).await,
            Some(Expect::Word(_)) => self.aftermath(step).await,
        }
    }

    async fn push(&mut self, packet: &Packet) -> Result<(), Mismatch> {
        let deadline = self.deadline;
        match timeout_at(deadline, self.open()?.link().send(packet)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Mismatch::new("a packet can be sent", error.to_string())),
            Err(_) => Err(Mismatch::new("a packet can be sent", "the guest made no room in the ring")),
        }
    }

    async fn answers(&mut self, step: &Step, packet: &Packet, expected: &Answer) -> Result<(), Mismatch> {
        for _ in 0..std::mem::take(&mut self.owed).len() {
            self.next_packet("the answer to an earlier request").await?;
        }
        let sent = Sent { packet, sane: step.is_sane() };
        for _ in 0..expected.replies.unwrap_or(step.repeat) {
            let got = self.next_packet("an answer").await.map_err(|mut mismatch| {
                mismatch.sent = Some(packet.payload.clone());
                mismatch
            })?;
            judge::packet(expected, &sent, &got)?;
        }
        Ok(())
    }

    async fn refusal_or_nothing(&mut self, step: &Step, packet: &Packet) -> Result<(), Mismatch> {
        let came = self.until_probe().await?;
        let times = usize::try_from(step.repeat).unwrap_or(usize::MAX);
        if came.count > times {
            let count = came.count;
            return Err(Mismatch::new(format!("at most {times} answers"), format!("{count} answers")));
        }
        let taken = came.first.iter().find(|got| status_of(got).is_none_or(Status::is_ok));
        taken.map_or(Ok(()), |got| {
            let said =
                status_of(got).map_or_else(|| "a packet without a status".to_owned(), |s| s.to_string());
            Err(Mismatch::new("an error status, or no answer", said).with(packet, got))
        })
    }

    /// What a step that sends no packet of its own, or expects none back, leads to.
    pub(super) async fn aftermath(&mut self, step: &Step) -> Result<(), Mismatch> {
        match &step.expect {
            None => Ok(()),
            Some(Expect::Word(ExpectWord::Close)) => self.closes().await,
            Some(Expect::Word(ExpectWord::Nothing)) => {
                let came = self.until_probe().await?;
                came.first.first().map_or(Ok(()), |got| {
                    let count = came.count;
                    let mut mismatch = Mismatch::new("no packet", format!("{count} packets, this one first"));
                    mismatch.received = Some(got.payload.clone());
                    Err(mismatch)
                })
            }
            Some(Expect::Word(ExpectWord::Any)) => self.until_probe().await.map(|_| ()),
            Some(Expect::Word(ExpectWord::Reply)) => self.next_packet("a packet").await.map(|_| ()),
            Some(Expect::Answer(expected)) => {
                let nothing = Packet { header: PacketHeader::in_band(0), payload: Vec::new() };
                let got = self.next_packet("a packet").await?;
                judge::packet(expected, &Sent { packet: &nothing, sane: false }, &got)
            }
            Some(Expect::Word(word)) => Err(Mismatch::new(
                "an expectation that fits the action",
                format!("{word:?} needs a packet to be sent"),
            )),
        }
    }

    async fn next(&mut self) -> Result<Next, Mismatch> {
        let deadline = self.deadline;
        let got = timeout_at(deadline, self.open()?.link().recv()).await;
        Ok(match got {
            Err(_) => Next::Nothing,
            Ok(Ok(packet)) => Next::Packet(packet),
            Ok(Err(LinkError::Closed)) => Next::Closed,
            Ok(Err(error)) => Next::Broken(error.to_string()),
        })
    }

    pub(super) async fn next_packet(&mut self, expected: &str) -> Result<Packet, Mismatch> {
        match self.next().await? {
            Next::Packet(packet) => Ok(packet),
            other => Err(Mismatch::new(expected, other.say())),
        }
    }

    /// Sends a probe and collects what comes before its answer, without the answers that are owed.
    pub(super) async fn until_probe(&mut self) -> Result<Came, Mismatch> {
        let probe = self.probe()?;
        self.push(&probe).await?;
        let mut owed = std::mem::take(&mut self.owed).len();
        let mut came = Came { first: Vec::new(), count: 0 };
        loop {
            let got = self.next_packet("the answer to a probe, which proves that the guest goes on").await?;
            if got.header.transaction_id == PROBE || got.payload.get(24) == Some(&PROBE_ID) {
                return Ok(came);
            }
            if owed > 0 {
                owed -= 1;
                continue;
            }
            came.count += 1;
            if came.first.len() < MAX_COLLECTED {
                came.first.push(got);
            }
        }
    }

    /// A request that changes nothing, or NEGOTIATE where nothing is agreed.
    fn probe(&mut self) -> Result<Packet, Mismatch> {
        let kvp = self.scenario.ic == hv_utils_core::wire::Ic::Kvp;
        let mut probe = if kvp && self.open()?.agreed().is_some() {
            let past_the_end = Request::enumerate(1, u32::MAX);
            self.request(&past_the_end)?
        } else {
            self.open()?.negotiate_packet()
        };
        probe.header.transaction_id = PROBE;
        if let Some(id) = probe.payload.get_mut(24) {
            *id = PROBE_ID;
        }
        Ok(probe)
    }

    pub(super) async fn closes(&mut self) -> Result<(), Mismatch> {
        loop {
            match self.next().await? {
                Next::Packet(_) => {}
                // A guest that finds its ring damaged may leave the other one as it is.
                Next::Closed => break,
                other => return Err(Mismatch::new("the guest closes the channel", other.say())),
            }
        }
        self.channel = None;
        self.owed.clear();
        if self.scenario.reoffer_on_close {
            self.port.rescind();
            self.port.offer().map_err(|error| failed("an offer", &error))?;
        }
        Ok(())
    }

    pub(super) async fn silence(&mut self, step: &Step, milliseconds: u64) -> Result<(), Mismatch> {
        let silence = Duration::from_millis(milliseconds);
        let heard = timeout(silence, self.open()?.link().recv()).await;
        match (&step.expect, heard) {
            (None | Some(Expect::Word(ExpectWord::Any)), _) | (_, Err(_)) => Ok(()),
            (_, Ok(Ok(packet))) => Err(Mismatch::new("silence", Next::Packet(packet).say())),
            (_, Ok(Err(error))) => Err(Mismatch::new("silence", error.to_string())),
        }
    }
}
