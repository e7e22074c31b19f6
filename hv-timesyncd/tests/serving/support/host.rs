//! The host's end of the channel: negotiation, times, answers.

use hv_utils_core::channel::RingChannel;
use hv_utils_core::wire::negotiate::{Offer, parse_reply};
use hv_utils_core::wire::timesync::{self, SAMPLE, SYNC, TimeMessage};
use hv_utils_core::wire::{Ic, IcHeader, Message, PacketHeader, Status, Version, encode};
use rustix::time::{ClockId, clock_gettime};
use tokio::time::timeout;

use super::PATIENCE;

const FRAMEWORK: Version = Version::new(3, 0);

/// A time that the host says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time(pub(crate) TimeMessage);

impl Time {
    /// The host's clock now, which is this machine's and `ahead` ns; it was taken `age` ns ago.
    fn of(flags: u8, ahead: i64, age: i64) -> Time {
        let (real, raw) = now();
        Time(TimeMessage {
            parent_time: timesync::parent_time(real + ahead - age),
            reference: Some(u64::try_from((raw - age) / 100).unwrap()),
            flags,
            leap: 0,
            stratum: 0,
        })
    }

    /// SYNC.
    pub(crate) fn sync(ahead: i64) -> Time {
        Time::of(SYNC, ahead, 0)
    }

    /// SAMPLE.
    pub(crate) fn sample(ahead: i64) -> Time {
        Time::of(SAMPLE, ahead, 0)
    }

    /// A sample that was `age` ns on the way.
    pub(crate) fn delayed(ahead: i64, age: i64) -> Time {
        Time::of(SAMPLE, ahead, age)
    }

    /// With another time.
    pub(crate) fn at(mut self, parent_time: u64) -> Time {
        self.0.parent_time = parent_time;
        self
    }

    /// With another counter.
    pub(crate) fn counted(mut self, reference: u64) -> Time {
        self.0.reference = Some(reference);
        self
    }

    /// With another leap indicator.
    pub(crate) fn leaping(mut self, leap: u8) -> Time {
        self.0.leap = leap;
        self
    }
}

/// This machine's real and raw time at the same moment, as well as a busy machine allows.
fn now() -> (i64, i64) {
    let look = || {
        let before = nanos(ClockId::MonotonicRaw);
        let real = nanos(ClockId::Realtime);
        let after = nanos(ClockId::MonotonicRaw);
        (after - before, real, before + (after - before) / 2)
    };
    let (_, real, raw) = (0..8).map(|_| look()).min().unwrap();
    (real, raw)
}

/// A clock of this machine, ns.
pub(crate) fn nanos(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// A host on an open channel.
#[derive(Debug)]
pub(crate) struct Host {
    channel: RingChannel,
    version: Version,
    last: u64,
    payload: Vec<u8>,
}

impl Host {
    /// Negotiates at once.
    pub(crate) async fn on(channel: RingChannel, version: Version) -> Host {
        let mut host = Host { channel, version, last: 0, payload: Vec::new() };
        let mut packet = Vec::new();
        Offer { framework: vec![FRAMEWORK], message: vec![version] }.encode(&mut packet);
        host.send(&packet).await;
        let agreed = parse_reply(Message::parse(&host.payload).unwrap().body).unwrap().unwrap();
        assert_eq!(agreed.message, version);
        host
    }

    /// Says a time; the answer's status.
    pub(crate) async fn say(&mut self, time: Time) -> Status {
        self.say_bytes(&timesync::encode(&time.0, self.version)).await
    }

    /// Says something; the answer's status. The answer's body is what was said.
    pub(crate) async fn say_bytes(&mut self, body: &[u8]) -> Status {
        let header = IcHeader::request(FRAMEWORK, Ic::TimeSync.message_type(), self.version);
        let mut packet = Vec::new();
        encode(&header, body, &mut packet);
        self.send(&packet).await;
        let answer = Message::parse(&self.payload).unwrap();
        assert_eq!(answer.body, body);
        answer.header.status
    }

    async fn send(&mut self, packet: &[u8]) {
        self.last += 1;
        self.channel.send(PacketHeader::in_band(self.last), packet).await.unwrap();
        let answered = timeout(PATIENCE, self.channel.recv(&mut self.payload)).await;
        assert_eq!(answered.expect("an answer").unwrap().transaction_id, self.last);
    }
}
