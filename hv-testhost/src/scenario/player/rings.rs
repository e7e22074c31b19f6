//! What a step does to the rings themselves: damages their words, fills them, reads them empty again.

use std::time::Duration;

use tokio::time::timeout;

use super::{Player, failed};
use crate::link::{PacketLink, Word};
use crate::scenario::expect::Answer;
use crate::scenario::fields::{Fill, RingDamage};
use crate::scenario::judge::{self, Sent};
use crate::scenario::report::Mismatch;

impl Player<'_> {
    pub(super) fn damage(&mut self, damage: &RingDamage) -> Result<(), Mismatch> {
        let size = self.scenario.ring_bytes - 4096;
        let rings = self.open()?.link().rings();
        let rings = rings.ok_or_else(|| Mismatch::new("rings to damage", "this link has none"))?;
        if let Some(bytes) = &damage.at_write_index {
            let at = rings.peek(damage.name, Word::WriteIndex);
            rings.scribble(damage.name, usize::try_from(at).unwrap_or(0), &bytes.0);
            let next = at.saturating_add(damage.advance.unwrap_or(0)) % size.max(1);
            rings.poke(damage.name, Word::WriteIndex, next);
        }
        let words = [
            (Word::WriteIndex, damage.write_index),
            (Word::ReadIndex, damage.read_index),
            (Word::InterruptMask, damage.interrupt_mask),
            (Word::PendingSendSize, damage.pending_send_size),
        ];
        for (word, value) in words.into_iter().filter_map(|(word, value)| Some((word, value?))) {
            rings.poke(damage.name, word, value);
        }
        if damage.signal {
            rings.signal().map_err(|error| failed("an interrupt", &error))?;
        }
        Ok(())
    }

    /// Sends without reading until the guest takes nothing any more, because its own ring is full.
    pub(super) async fn fill(&mut self, fill: &Fill) -> Result<(), Mismatch> {
        for _ in 0..fill.at_most {
            let packet = self.request(&fill.request)?;
            let link = self.open()?.link();
            let sent = match link.try_send(&packet) {
                Ok(true) => Ok(Ok(())),
                Ok(false) => timeout(Duration::from_millis(fill.settle_ms), link.send(&packet)).await,
                Err(error) => Ok(Err(error)),
            };
            match sent {
                Ok(Ok(())) => self.owed.push_back(packet),
                Ok(Err(error)) => return Err(Mismatch::new("a packet can be sent", error.to_string())),
                Err(_) => return Ok(()),
            }
        }
        let said = format!("it took all {} requests", fill.at_most);
        Err(Mismatch::new("a guest that stops taking requests while nobody reads its answers", said))
    }

    /// Reads the answers to everything that was sent unread: all of them, in order, and no more.
    pub(super) async fn drain(&mut self) -> Result<(), Mismatch> {
        while let Some(packet) = self.owed.pop_front() {
            let got = self.next_packet("the answer to a request that was left unread").await?;
            judge::packet(&Answer::default(), &Sent { packet: &packet, sane: true }, &got)?;
        }
        match self.until_probe().await?.first.first() {
            Some(extra) => {
                Err(Mismatch::new("one answer to each request", crate::transcript::describe(extra)))
            }
            None => Ok(()),
        }
    }
}
