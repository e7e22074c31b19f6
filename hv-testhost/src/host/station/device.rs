//! The device of one service: rescinded and offered, by an administrator or by the host's own habit.
//!
//! None of it needs a guest. What ends or begins on an open channel by it is the station's.

use super::Station;
use crate::failure::Failure;
use crate::host::service::Service;
use crate::link::Port;
use crate::outcome::{Outcome, Report};
use crate::verb::Verb;

impl<P: Port, S: Service> Station<P, S> {
    /// What can be done without a guest; `None` for what cannot.
    pub(super) fn without_guest(&mut self, verb: &Verb) -> Option<Report> {
        let enabled = self.state.borrow().enabled;
        let result = match verb {
            Verb::DisableService { .. } if enabled => {
                self.port.rescind();
                self.state.send_modify(|state| state.enabled = false);
                self.tell("rescinded");
                Ok(Outcome::Done(format!("{} is disabled: its device is rescinded", self.ic)))
            }
            Verb::DisableService { .. } => Ok(Outcome::Done(format!("{} was disabled already", self.ic))),
            Verb::EnableService { .. } if enabled => {
                Ok(Outcome::Done(format!("{} was enabled already", self.ic)))
            }
            Verb::EnableService { .. } => self.enable(),
            _ => return None,
        };
        Some(Report::of(result))
    }

    fn enable(&mut self) -> Result<Outcome, Failure> {
        self.port
            .offer()
            .map_err(|error| Failure::Host(format!("cannot offer {}: {error}", self.ic).into()))?;
        self.state.send_modify(|state| state.enabled = true);
        self.tell("offered");
        Ok(Outcome::Done(format!("{} is enabled: its device is offered", self.ic)))
    }

    /// KVP's own: a closed channel is rescinded and offered as a new device.
    pub(super) fn reoffer(&mut self) {
        if !self.options.reoffer_on_close {
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
