//! The device of one service: rescinded and offered, by an administrator or by the host's own habit.
//!
//! None of it needs a guest. What ends or begins on an open channel by it is the station's.

use std::io;

use super::Station;
use crate::failure::{Failure, Why};
use crate::host::service::Service;
use crate::link::Port;
use crate::outcome::{Outcome, Report};
use crate::verb::Verb;

impl<P: Port, S: Service> Station<P, S> {
    /// What can be done without a guest; `None` for what cannot.
    pub(super) fn without_guest(&mut self, verb: &Verb) -> Option<Report> {
        let enabled = self.state.borrow().enabled;
        let result = match verb {
            Verb::DisableService { .. } if enabled => self.disable(),
            Verb::DisableService { .. } => Ok(Outcome::Done(format!("{} was disabled already", self.ic))),
            Verb::EnableService { .. } => self.enable(enabled),
            _ => return None,
        };
        Some(Report::of(result))
    }

    fn disable(&mut self) -> Result<Outcome, Failure> {
        if let Some(why) = self.port.kept() {
            let why = Why::from(format!("{} cannot be disabled: {why}", self.ic));
            return Err(Failure::Rule(why.hint("docs/architecture.md describes these packet types")));
        }
        self.port.rescind();
        self.state.send_modify(|state| state.enabled = false);
        self.tell("rescinded");
        Ok(Outcome::Done(format!("{} is disabled: its device is rescinded", self.ic)))
    }

    /// Offers the device in any case: where it outlives hosts, one that was killed may have taken it away.
    fn enable(&mut self, enabled: bool) -> Result<Outcome, Failure> {
        self.port
            .offer()
            .map_err(|error| Failure::Host(format!("cannot offer {}: {error}", self.ic).into()))?;
        if enabled {
            return Ok(Outcome::Done(format!("{} was enabled already", self.ic)));
        }
        self.state.send_modify(|state| state.enabled = true);
        self.tell("offered");
        Ok(Outcome::Done(format!("{} is enabled: its device is offered", self.ic)))
    }

    /// The device turned out to be one that cannot be taken away: the service goes on.
    pub(super) fn keep(&mut self, why: &io::Error) {
        self.state.send_modify(|state| state.enabled = true);
        self.tell(&why.to_string());
    }

    /// KVP's own: a closed channel is rescinded and offered as a new device.
    pub(super) fn reoffer(&mut self) {
        if !self.options.reoffer_on_close || self.port.kept().is_some() {
            return;
        }
        self.port.rescind();
        match self.port.offer() {
            Ok(()) => self.tell("offered again as a new device"),
            Err(error) => {
                self.state.send_modify(|state| state.enabled = false);
                self.tell(&format!("cannot be offered again: {error}"));
            }
        }
    }
}
