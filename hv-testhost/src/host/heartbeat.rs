//! Heartbeat: the host counts, the guest answers with the next number, each two seconds.
//!
//! The state of the applications in the answer is kept as the guest wrote it. A heartbeat without an answer is
//! "Lost Communication" to the administrator; the next one is sent all the same.

use std::time::Duration;

use hv_utils_core::wire::heartbeat::{ApplicationState, BODY_BYTES};

use super::check::{u32_at, u64_at};
use super::ic::Ic;
use super::problem::Problem;
use super::service::Service;
use crate::link::PacketLink;
use crate::outcome::{Asked, Failure, Outcome};
use crate::verb::Verb;

/// The service.
#[derive(Debug)]
pub struct Heartbeat {
    period: Duration,
    next: u64,
    answered: u64,
    /// State of the applications in the last answer that has one.
    application: Option<u32>,
}

impl Heartbeat {
    /// A heart that beats each `period`; real hosts beat each two seconds.
    pub fn new(period: Duration) -> Heartbeat {
        Heartbeat { period, next: 1, answered: 0, application: None }
    }
}

impl Service for Heartbeat {
    async fn negotiated<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> Result<(), Failure> {
        self.tick(ic).await
    }

    async fn verb<L: PacketLink>(&mut self, _ic: &mut Ic<L>, _verb: &Verb) -> Result<Outcome, Failure> {
        Err(Failure::Usage("this verb is not for the heartbeat service".into()))
    }

    fn period(&self) -> Option<Duration> {
        Some(self.period)
    }

    async fn tick<L: PacketLink>(&mut self, ic: &mut Ic<L>) -> Result<(), Failure> {
        let sent = self.next;
        self.next = sent.wrapping_add(1);
        let mut body = [0u8; BODY_BYTES];
        body[..8].copy_from_slice(&sent.to_le_bytes());
        let reply = ic.exchange("heartbeat", &body).await?;
        if reply.body.len() < 8 {
            let problem = Problem::BodyShort { what: "heartbeat", needed: 8, present: reply.body.len() };
            ic.violated("heartbeat", problem);
            return Ok(());
        }
        let got = u64_at(&reply.body, 0);
        if got != sent.wrapping_add(1) {
            ic.violated("heartbeat", Problem::Sequence { sent, got });
        }
        self.application = (reply.body.len() >= 12).then(|| u32_at(&reply.body, 8));
        if let Some(state) = self.application
            && ApplicationState::from_number(state).is_none()
        {
            ic.violated("heartbeat", Problem::ApplicationState(state));
        }
        if !reply.status.is_ok() {
            return Err(Failure::Refused {
                what: "beat".to_owned(),
                status: reply.status,
                asked: Asked::Beat,
            });
        }
        self.answered = got;
        Ok(())
    }

    fn sequence(&self) -> u64 {
        self.answered
    }

    fn application(&self) -> Option<u32> {
        self.application
    }
}
