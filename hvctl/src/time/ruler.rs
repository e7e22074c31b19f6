//! Who keeps the clock, in a sentence, and what to do where that may not be what is wanted. Pure.

use crate::output::Paint;

/// What the judgement is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) mode: &'a str,
    pub(super) ruler: &'a str,
    pub(super) clients: &'a [String],
    pub(super) fed: &'a [String],
    /// Whether there has been a sample.
    pub(super) has_sample: bool,
}

impl Case<'_> {
    /// The sentence.
    pub(super) fn sentence(&self) -> String {
        match self.ruler {
            "hv-timesyncd" => "kept by hv-timesyncd, by the host's time".to_owned(),
            "kernel" => "kept by the kernel's own driver, or by an unknown program".to_owned(),
            "none" | "" => "kept by nobody".to_owned(),
            client if self.fed.is_empty() => format!("kept by {client}, without the host's time"),
            client => format!("kept by {client}; the host's time is handed on"),
        }
    }

    /// Its colour.
    pub(super) fn paint(&self) -> Paint {
        match self.ruler {
            "none" | "" => Paint::Yellow,
            _ if self.is_contested() => Paint::Yellow,
            _ => Paint::Green,
        }
    }

    /// Two steer one clock.
    fn is_contested(&self) -> bool {
        self.ruler == "hv-timesyncd" && !self.clients.is_empty()
    }

    /// What to do, if anything.
    pub(super) fn hint(&self) -> Option<String> {
        let clients = self.clients.join(", ");
        match self.ruler {
            _ if self.is_contested() => {
                Some(format!("{clients} steers the same clock: stop it, or set [timesync] mode = \"auto\""))
            }
            "hv-timesyncd" => None,
            "kernel" => Some(HINT_FOR_KERNEL.to_owned()),
            "none" | "" => Some(self.hint_for_nobody().to_owned()),
            _ if !self.fed.is_empty() => None,
            _ if self.mode == "observe" => Some(HINT_FOR_OBSERVE.to_owned()),
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
            _ if self.has_sample => "the host's messages have stopped: hvctl status shows the channel",
            _ => "no time has come from the host: hvctl status shows whether there is a channel",
        }
    }
}

const HINT_FOR_OBSERVE: &str =
    "in mode observe the host's time is not handed on; [timesync] mode = \"auto\" or \"refclock\" does";
const HINT_FOR_KERNEL: &str = "hv-timesyncd leaves the clock alone; where no program keeps it, hvctl driver use uio \
                               timesync gives hv-timesyncd the host's messages";

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
