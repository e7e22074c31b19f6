//! Who keeps the clock, in a sentence, and what to do where that may not be what is wanted. Pure.
//!
//! Where the host's messages go decides what can be advised: while the kernel's driver has them, programs take the host's
//! time from its PTP clock, and hv-timesyncd hears only what it looks up there itself.

use std::time::Duration;

use super::refused;
use crate::age::ago;
use crate::output::Paint;

/// Hosts send every few seconds: without a message for so long they do not.
const PATIENCE: Duration = Duration::from_secs(120);
/// The same where hv-timesyncd looks at a clock, every `ptp-poll-secs` (300 at most), three times in vain.
const PATIENCE_WITH_PTP: Duration = Duration::from_secs(900);
/// How hv-timesyncd begins the reason of an action that failed.
const CANNOT: &str = "cannot set the clock";

/// Who has the host's messages, by hv-timesyncd's `org.hvutils.Service1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Channel {
    /// hv-timesyncd, on raw VMBus.
    Ours,
    /// The kernel's driver.
    Kernel,
    /// Nobody: the host does not offer them, or they cannot be had.
    Nobody,
    /// It was not told.
    #[default]
    Unknown,
}

impl Channel {
    /// From `ChannelState` and `Transport`.
    pub(super) fn of(state: &str, transport: &str) -> Channel {
        match (state, transport) {
            ("kernel", _) | (_, "hv_utils") => Channel::Kernel,
            ("closed" | "failed", _) => Channel::Nobody,
            ("ready" | "negotiating", _) => Channel::Ours,
            _ => Channel::Unknown,
        }
    }
}

/// What the judgement is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) mode: &'a str,
    pub(super) ruler: &'a str,
    pub(super) clients: &'a [String],
    pub(super) fed: &'a [String],
    pub(super) channel: Channel,
    /// How long ago a time came from the host, or something was done by it; `None`: none has.
    pub(super) heard: Option<Duration>,
    /// What became of the last time, and how long ago one was used; `None`: none was, as far as is known.
    pub(super) verdict: &'a str,
    pub(super) used: Option<Duration>,
    /// One was, whenever.
    pub(super) ever_used: bool,
    /// Host minus guest, ns.
    pub(super) offset: i64,
    /// Why the last was done, or was not.
    pub(super) reason: &'a str,
}

impl Case<'_> {
    /// The sentence.
    pub(super) fn sentence(&self) -> String {
        match self.ruler {
            "hv-timesyncd" if self.is_powerless() => {
                "hv-timesyncd is to keep it, and cannot set it".to_owned()
            }
            "hv-timesyncd" if self.refusal().is_some() => match self.used {
                Some(used) => format!("kept by hv-timesyncd, by the host's time of {}", ago(used)),
                None if self.ever_used => {
                    "kept by hv-timesyncd, and the host's last time is not used".to_owned()
                }
                None => "hv-timesyncd is to keep it, and the host's times are not used".to_owned(),
            },
            "hv-timesyncd" => match self.silence() {
                Some(silence) => format!("kept by hv-timesyncd, by the host's time of {silence}"),
                None => "kept by hv-timesyncd, by the host's time".to_owned(),
            },
            "kernel" => match self.channel {
                Channel::Ours => "kept by an unknown program",
                _ => "kept by the kernel's own driver, or by an unknown program",
            }
            .to_owned(),
            "none" | "" => "kept by nobody".to_owned(),
            "chrony" if self.channel == Channel::Kernel => {
                "kept by chrony; the kernel's driver has the host's time for it".to_owned()
            }
            client if self.fed.is_empty() || self.silence().or(self.refusal()).is_some() => {
                format!("kept by {client}, without the host's time")
            }
            client => format!("kept by {client}; the host's time is handed on"),
        }
    }

    /// Its colour.
    pub(super) fn paint(&self) -> Paint {
        match self.ruler {
            "none" | "" => Paint::Yellow,
            _ if self.is_contested() || self.is_powerless() => Paint::Yellow,
            _ if self.silence().or(self.refusal()).or(self.far()).is_some() => Paint::Yellow,
            _ => Paint::Green,
        }
    }

    /// Two steer one clock.
    fn is_contested(&self) -> bool {
        self.ruler == "hv-timesyncd" && !self.clients.is_empty()
    }

    /// The kernel does not let hv-timesyncd set the clock.
    fn is_powerless(&self) -> bool {
        self.reason.starts_with(CANNOT)
    }

    /// What to do about a host whose times are not used.
    fn refusal(&self) -> Option<String> {
        refused::hint(self.verdict, self.used).map(str::to_owned)
    }

    /// What to do about a difference that may not be stepped away.
    fn far(&self) -> Option<String> {
        refused::hint_for_steps(self.reason, self.offset, self.ruler == "hv-timesyncd")
    }

    /// How long ago the host was heard, where it should have been since.
    fn silence(&self) -> Option<String> {
        let awaited = match self.ruler {
            "hv-timesyncd" => true,
            "none" | "kernel" | "" => false,
            _ => {
                self.channel != Channel::Kernel && (self.channel != Channel::Unknown || !self.fed.is_empty())
            }
        };
        let patience = match self.channel {
            Channel::Ours | Channel::Nobody => PATIENCE,
            Channel::Kernel | Channel::Unknown => PATIENCE_WITH_PTP,
        };
        self.heard.filter(|heard| awaited && *heard > patience).map(ago)
    }

    /// What to do, if anything.
    pub(super) fn hint(&self) -> Option<String> {
        if self.is_powerless() {
            return Some(format!("{}: {HINT_FOR_POWERLESS}", self.reason));
        }
        if let Some(hint) = self.refusal() {
            return Some(hint);
        }
        let silence = self
            .silence()
            .map(|silence| format!("the last time from the host came {silence}: {HINT_FOR_SILENCE}"));
        match self.ruler {
            _ if self.is_contested() => {
                let clients = self.clients.join(", ");
                Some(format!("{clients} steers the same clock: stop it, or set [timesync] mode = \"auto\""))
            }
            "none" | "" => Some(self.hint_for_nobody().to_owned()),
            "kernel" => Some(self.far().unwrap_or_else(|| self.hint_for_kernel().to_owned())),
            _ if silence.is_some() => silence,
            _ if self.far().is_some() => self.far(),
            "hv-timesyncd" => None,
            _ if !self.fed.is_empty() => None,
            client if self.channel == Channel::Kernel => Some(hint_with_kernel(client)),
            _ if self.mode == "observe" => Some(HINT_FOR_OBSERVE.to_owned()),
            client if self.channel == Channel::Nobody && self.heard.is_none() => {
                Some(format!("{client} is left alone; {HINT_FOR_NO_CHANNEL}"))
            }
            client => Some(hint_for(client)),
        }
    }

    fn hint_for_nobody(&self) -> &'static str {
        match self.mode {
            "observe" => "in mode observe nothing is done to the clock; [timesync] mode = \"auto\" keeps it",
            "refclock" => {
                "in mode refclock an NTP client has to keep the clock, and none runs: start chrony, or set \
                 [timesync] mode = \"auto\""
            }
            _ if self.heard.is_some() => "the host's messages have stopped: hvctl status shows the channel",
            _ => HINT_FOR_NO_CHANNEL,
        }
    }

    fn hint_for_kernel(&self) -> &'static str {
        match (self.channel, self.mode) {
            (Channel::Kernel, "refclock" | "observe") => HINT_FOR_KERNEL_BY_MODE,
            (Channel::Kernel, _) => HINT_FOR_KERNEL,
            _ => HINT_FOR_UNKNOWN,
        }
    }
}

const HINT_FOR_OBSERVE: &str =
    "in mode observe the host's time is not handed on; [timesync] mode = \"auto\" or \"refclock\" does";
const HINT_FOR_KERNEL: &str = "the kernel steps the clock when the host says so, and hv-timesyncd leaves it alone; where no other program keeps it: \
     [timesync] mode = \"discipline\", or, without a PTP clock (/dev/ptp_hyperv), hvctl driver use uio timesync";
const HINT_FOR_KERNEL_BY_MODE: &str = "the kernel steps the clock when the host says so, and hv-timesyncd leaves it alone, as [timesync] mode says; \
     mode = \"auto\" keeps it where nobody else does";
const HINT_FOR_UNKNOWN: &str = "hv-timesyncd leaves the clock alone, as somebody unknown steers it or has left it marked as synchronised; where no \
     program keeps it: [timesync] mode = \"discipline\", or wait, as hv-timesyncd takes a clock that nobody touches for an hour";
const HINT_FOR_POWERLESS: &str =
    "CAP_SYS_TIME may be missing, by a drop-in of hv-timesyncd.service or in a container";
const HINT_FOR_SILENCE: &str =
    "hvctl status shows the channel; on the host, look at the service Time Synchronization";
const HINT_FOR_NO_CHANNEL: &str =
    "no time has come from the host: hvctl status shows whether there is a channel";

/// A client keeps the clock, and the kernel's driver has the host's messages.
fn hint_with_kernel(client: &str) -> String {
    match client {
        "chrony" => "chrony takes it from /dev/ptp_hyperv by itself, if it is told to: systemctl start \
                     hv-timesync-chrony@ptp_hyperv does that where chrony reads /run/chrony-dhcp; chronyc sources shows it"
            .to_owned(),
        "ntpd" | "ntpd-rs" => format!(
            "{client} is left alone; the host's time can be given to it where hv-timesyncd has the messages: hvctl driver \
             use uio timesync"
        ),
        _ => hint_for(client),
    }
}

/// A client keeps the clock, and the host's time does not reach it.
fn hint_for(client: &str) -> String {
    let feed = match client {
        "chrony" => {
            "to give it the host's time: refclock SOCK PATH in its configuration, PATH as [timesync] chrony-socket"
        }
        "ntpd-rs" => {
            "to give it the host's time: a source of mode \"sock\" in its configuration, path as [timesync] \
             chrony-socket"
        }
        "ntpd" => {
            "to give it the host's time: [timesync] shm-unit, and a refclock of the same unit in its configuration"
        }
        _ => "it cannot take the host's time; to have that kept instead, stop it",
    };
    format!("{client} is left alone; {feed}")
}

#[cfg(test)]
mod tests;
