//! Negotiation as a step: with a real host's versions or others, agreed or not.

use super::Player;
use crate::host::{IcError, IcOptions, Service};
use crate::scenario::expect::{Answer, Expect, ExpectWord};
use crate::scenario::fields::Offers;
use crate::scenario::format::Step;
use crate::scenario::judge;
use crate::scenario::report::Mismatch;

impl Player<'_> {
    pub(super) async fn negotiate(&mut self, step: &Step, offers: &Offers) -> Result<(), Mismatch> {
        let plain = !step.is_changed() && step.repeat == 1;
        match &step.expect {
            None if plain => self.agree(offers, &Answer::default()).await,
            Some(Expect::Answer(answer)) if plain => self.agree(offers, answer).await,
            Some(Expect::Word(ExpectWord::NoCommonVersion)) if plain => self.disagree(offers).await,
            _ => {
                self.offer(offers)?;
                let packet = self.open()?.negotiate_packet();
                self.send(step, packet).await
            }
        }
    }

    fn offer(&mut self, offers: &Offers) -> Result<(), Mismatch> {
        let mut offer = IcOptions::real_host(self.scenario.ic).offer;
        offer.framework = offers.framework.clone().unwrap_or(offer.framework);
        offer.message = offers.messages.clone().unwrap_or(offer.message);
        let late = u32::try_from(self.owed.len()).unwrap_or(u32::MAX);
        self.owed.clear();
        let channel = self.open()?;
        channel.set_offer(offer);
        channel.owe(late);
        Ok(())
    }

    pub(super) async fn agree(&mut self, offers: &Offers, expected: &Answer) -> Result<(), Mismatch> {
        self.offer(offers)?;
        let channel = self.open()?;
        let agreed = channel.negotiate().await;
        let violations = channel.take_violations();
        let agreed = agreed.map_err(|error| Mismatch::new("agreed versions", error.to_string()))?;
        let said = format!("{}/{}", agreed.framework, agreed.message);
        if let Some(versions) = expected.agreed.as_ref().filter(|versions| **versions != said) {
            return Err(Mismatch::new(format!("versions {versions}"), format!("versions {said}")));
        }
        judge::broken(expected, &violations)?;
        let Some(channel) = &mut self.channel else { return Ok(()) };
        let told = self.kvp.negotiated(channel).await;
        told.map_err(|failure| Mismatch::new("the host items are taken", failure.to_string()))
    }

    async fn disagree(&mut self, offers: &Offers) -> Result<(), Mismatch> {
        self.offer(offers)?;
        match self.open()?.negotiate().await {
            Err(IcError::NoCommonVersion) => Ok(()),
            Err(error) => Err(Mismatch::new("no common version", error.to_string())),
            Ok(agreed) => {
                let said = format!("versions {}/{}", agreed.framework, agreed.message);
                Err(Mismatch::new("no common version", said))
            }
        }
    }
}
