//! How a link comes to a channel: when to try, what to open, and what to do after a loss.
//!
//! A device that is waited for is announced and not polled. Timers exist only after something failed, for attributes that
//! come late, and while the kernel's driver is at its device still. What fails again and again is tried ever less often and logged once.

use super::backoff;
use super::char_side::CharSide;
use super::raw::RawSide;
use super::resolve::{self, Absence, SETTLED, Target};
use super::{Link, Phase};
use crate::channel::hv_utils::{CharDevice, Protocol};
use crate::channel::presence::Presence;
use crate::channel::sim::{Handshake, HelloError};
use crate::channel::sysfs::VmbusDevice;
use crate::channel::{ChannelChoice, ChannelError, ChannelState, RingChannel, Transport, uio};
use crate::wire::{Ic, Session};
use std::io;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How often, and at which distance, a device is looked at whose attributes come late.
pub(super) const LOOKS: u8 = 5;
const LOOK_DISTANCE: Duration = Duration::from_millis(100);
/// A channel that lasted longer than any delay was a good one: its loss begins a new row of delays.
const GOOD: Duration = backoff::HOST_LIMIT;
/// How long a device may stay in sysfs after its channel was lost, before it is taken for one that remains.
const LINGER: Duration = Duration::from_secs(1);

/// A new node is root's for a moment, until udev has given it its group; where udev's own messages are not heard
/// (another network namespace), only trying tells. A delay longer than this means: it will stay forbidden.
const PERMISSIONS_SETTLE: Duration = Duration::from_secs(2);

/// When to try next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    Now,
    /// Then, whatever happens meanwhile.
    At(Instant),
    /// When a device comes or goes.
    Event,
    /// When a device comes or goes, but then at the latest.
    EventOr(Instant),
}

/// A uio device whose channel was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    device: (Option<u32>, u32),
    until: Instant,
}

impl Link {
    /// Waits for the moment to try. Cancel safe.
    pub(super) async fn wait_for_turn(&mut self) {
        let announced = match (self.wake, &mut self.presence) {
            (Wake::Now, _) => None,
            (Wake::At(at), _) | (Wake::EventOr(at), None) => {
                sleep_until(at).await;
                None
            }
            (Wake::Event, None) => std::future::pending().await,
            (Wake::Event, Some(presence)) => Some(presence.changed().await),
            (Wake::EventOr(at), Some(presence)) => tokio::select! {
                result = presence.changed() => Some(result),
                () = sleep_until(at) => None,
            },
        };
        match announced {
            Some(Ok(())) => {
                self.looks = LOOKS;
                self.device_backoff.reset();
                // It could be another one by now.
                self.settled = None;
            }
            // The subscription is made anew by the next attempt.
            Some(Err(_)) => self.presence = None,
            None => {}
        }
    }

    /// One attempt; afterwards there is a channel, or `wake` says when to try again.
    pub(super) fn open(&mut self) {
        match &self.options.choice {
            ChannelChoice::Sim(path) => {
                let started = Handshake::start(path, self.options.ic.class());
                self.start_handshake(started);
            }
            ChannelChoice::Auto | ChannelChoice::Uio | ChannelChoice::HvUtils => self.open_device(),
        }
    }

    fn start_handshake(&mut self, started: Result<Handshake, HelloError>) {
        match started {
            Ok(handshake) => self.phase = Phase::Hello(Box::new(handshake)),
            Err(error) => self.hello_failed(&error),
        }
    }

    pub(super) fn finish_handshake(&mut self, received: Result<(), HelloError>) {
        let Phase::Hello(handshake) = std::mem::replace(&mut self.phase, Phase::Down) else { return };
        match received.and_then(|()| handshake.finish()) {
            Ok(channel) => {
                self.host_backoff.reset();
                self.books.log.over("no test host");
                self.books.log.over("test host refused");
                self.opened_raw(channel, Transport::Sim);
            }
            Err(error) => self.hello_failed(&error),
        }
    }

    fn hello_failed(&mut self, error: &HelloError) {
        if matches!(error, HelloError::Io(_) | HelloError::EndedEarly) {
            self.books.moved_to(None, ChannelState::Closed);
            self.books.inform("no test host", error);
        } else {
            self.books.moved_to(None, ChannelState::Failed);
            self.books.warn("test host refused", error);
        }
        self.wake = Wake::At(Instant::now() + self.host_backoff.delay());
    }

    fn open_device(&mut self) {
        // Before sysfs is read, so that what happens in between is not missed.
        if let Err(error) = self.subscribe() {
            return self.device_failed(&error, "watch for devices");
        }
        let target = match resolve::facts(&self.options, &*self.nodes) {
            Ok(facts) => resolve::resolve(&self.options.choice, self.options.ic, facts),
            Err(error) => return self.device_failed(&error, "read sysfs"),
        };
        if !matches!(target, Target::Uio(_) | Target::Late) {
            // What was left is gone; one that comes back with the same numbers is another one.
            self.left = None;
        }
        if !matches!(target, Target::Fresh(_)) {
            self.settled = None;
        }
        match target {
            Target::Uio(device) => self.open_uio(&device),
            Target::CharDevice(protocol) => self.open_char(protocol),
            Target::Fresh(protocol) => {
                // Our own clock, since the node's age goes by one that may be set.
                let settled = *self.settled.get_or_insert_with(|| Instant::now() + SETTLED);
                if Instant::now() < settled {
                    return self.rest(ChannelState::Closed, Wake::EventOr(settled));
                }
                self.open_char(protocol);
            }
            Target::Opening => {
                // A host that never lets it be opened is seen by this alone.
                self.books.inform("channel not open yet", &"waiting until the kernel's driver has opened it");
                // The end of the probe is announced where uevents are heard.
                self.rest(ChannelState::Closed, Wake::EventOr(Instant::now() + SETTLED));
            }
            Target::Kernel => {
                self.phase = Phase::Kernel;
                self.wake = Wake::Event;
                self.books.inform("served by the kernel", &"hv_utils keeps this service to itself");
                self.books.moved_to(Some(Transport::HvUtils), ChannelState::Kernel);
            }
            Target::Late => self.look_again(),
            Target::Absent(absence) => {
                self.rest(ChannelState::Closed, Wake::Event);
                match absence {
                    // Somebody has to do something about it.
                    Absence::BoundTo(_) => self.books.warn(absence.kind(), &absence),
                    _ => self.books.inform(absence.kind(), &absence),
                }
            }
        }
    }

    fn subscribe(&mut self) -> io::Result<()> {
        if self.presence.is_none() {
            self.presence = Some(Presence::subscribe(&self.options.dev_root)?);
        }
        Ok(())
    }

    fn look_again(&mut self) {
        let wake = if self.looks > 0 {
            self.looks -= 1;
            Wake::EventOr(Instant::now() + LOOK_DISTANCE)
        } else {
            self.books.warn("device incomplete", &"its node or its attributes do not appear; waiting");
            Wake::Event
        };
        self.rest(ChannelState::Closed, wake);
    }

    fn open_uio(&mut self, device: &VmbusDevice) {
        let identity = (device.relid, device.uio.as_ref().map_or(0, |uio| uio.index));
        if let Some(left) = self.left.filter(|left| left.device == identity && Instant::now() < left.until) {
            // The host is about to take it away; opening it now would be lost at once.
            return self.rest(ChannelState::Closed, Wake::EventOr(left.until));
        }
        match uio::open(device, &self.options.sysfs_root, &self.options.dev_root, &*self.nodes) {
            Ok(channel) => {
                self.left = Some(Left { device: identity, until: Instant::now() });
                self.opened_raw(channel, Transport::Uio);
            }
            Err(error) => self.open_failed(error),
        }
    }

    fn open_char(&mut self, protocol: &'static Protocol) {
        match CharDevice::open(protocol, &self.options.dev_root, &*self.nodes) {
            Ok(device) => {
                self.phase = Phase::Char(Box::new(CharSide::new(device)));
                self.opened(Transport::HvUtils);
            }
            Err(error) => self.open_failed(error),
        }
    }

    fn opened_raw(&mut self, channel: RingChannel, transport: Transport) {
        let session = Session::new(self.options.ic, self.options.max_version);
        self.phase = Phase::Raw(Box::new(RawSide::new(channel, session)));
        self.opened(transport);
    }

    fn opened(&mut self, transport: Transport) {
        // Nobody reads it while a channel is open, and each event would wake us.
        self.presence = None;
        self.looks = LOOKS;
        self.device_backoff.reset();
        self.opened = Instant::now();
        self.books.moved_to(Some(transport), ChannelState::Negotiating);
        tracing::debug!(ic = self.options.ic.name(), %transport, "channel open");
    }

    fn open_failed(&mut self, error: ChannelError) {
        match error {
            // It went away while it was being opened.
            ChannelError::Closed => self.look_again(),
            ChannelError::Io { what, source } => self.device_failed(&source, what),
            other => {
                self.books.warn("channel does not open", &other);
                self.retry_device();
            }
        }
    }

    fn device_failed(&mut self, error: &io::Error, what: &'static str) {
        if let Some(before) = self.books.log.admit(what) {
            tracing::warn!(
                ic = self.options.ic.name(),
                unlogged_before = (before > 0).then_some(before),
                "cannot {what}: {error}"
            );
        }
        let forbidden = error.kind() == io::ErrorKind::PermissionDenied;
        let delay = self.retry_device();
        if forbidden && delay > PERMISSIONS_SETTLE && self.presence.is_some() {
            self.wake = Wake::Event;
        }
    }

    /// Tries again when the device changes, or after the delay that is returned.
    fn retry_device(&mut self) -> Duration {
        let delay = self.device_backoff.delay();
        self.rest(ChannelState::Failed, Wake::EventOr(Instant::now() + delay));
        delay
    }

    fn rest(&mut self, state: ChannelState, wake: Wake) {
        self.phase = Phase::Down;
        self.wake = wake;
        self.books.moved_to(None, state);
    }

    /// Closes the channel and leaves its device alone for so long.
    pub(super) fn leave_for(&mut self, time: Duration) {
        if let Some(left) = self.left.as_mut() {
            left.until = Instant::now() + time;
        }
        // The next look finds the device and waits, with a subscription that an open channel does without.
        self.rest(ChannelState::Closed, Wake::Now);
    }

    /// The channel was lost: what to show, and when to try again.
    pub(super) fn plan_after_loss(&mut self, error: &ChannelError) {
        let now = Instant::now();
        if now.duration_since(self.opened) >= GOOD {
            self.trouble_backoff.reset();
            self.reconnect_backoff.reset();
        }
        let closed = matches!(error, ChannelError::Closed);
        if closed {
            tracing::debug!(ic = self.options.ic.name(), "channel closed by the host");
        } else {
            self.books.warn("channel given up", error);
        }
        // On a real host each close of the KVP channel, ours too, has its device replaced.
        if let Some(left) = self.left.as_mut().filter(|_| closed || self.options.ic == Ic::Kvp) {
            left.until = now + LINGER;
        }
        let delay = match self.options.choice {
            ChannelChoice::Sim(_) if closed => self.reconnect_delay(),
            _ => self.trouble_backoff.delay(),
        };
        let passing = matches!(error, ChannelError::Closed | ChannelError::Late);
        self.rest(if passing { ChannelState::Closed } else { ChannelState::Failed }, Wake::At(now + delay));
    }

    /// A host that was served is tried at once; one that only ever connects and closes is not tried for ever so.
    fn reconnect_delay(&mut self) -> Duration {
        if self.books.status.message.is_some() {
            self.reconnect_backoff.reset();
        }
        self.reconnect_backoff.delay()
    }
}
