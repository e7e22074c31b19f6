//! hv_utils alone: it steps at each SYNC, corrected by the reference counter where the message carries it, and only notes
//! samples. In between the clock runs as the hardware does.

use hv_timesyncd::sample::Purpose;

use crate::world::{At, Contestant, EPOCH, Guest, Message};

#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) with_reference: bool,
}

impl Contestant for Kernel {
    fn name(&self) -> &'static str {
        if self.with_reference { "kernel, 4.0" } else { "kernel, 3.0" }
    }

    fn kernel_got(&mut self, message: &Message, at: &At<'_>, guest: &mut Guest) {
        step_at_sync(self.with_reference, message, at, guest);
    }
}

/// What the driver does, whoever else keeps the clock; by how much it stepped.
pub(crate) fn step_at_sync(
    with_reference: bool,
    message: &Message,
    at: &At<'_>,
    guest: &mut Guest,
) -> Option<f64> {
    if message.purpose != Purpose::Sync {
        return None;
    }
    let host = (message.host - EPOCH) as f64;
    let age =
        if with_reference { at.counter().saturating_sub(message.reference) as f64 * 100.0 } else { 0.0 };
    let by = host + age - guest.show(at.raw);
    guest.step(at.raw, by);
    Some(by)
}
