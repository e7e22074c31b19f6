//! Options that several verbs share: how a guest is to go down, which time it is told.
//!
//! Plain values and how they are written as words; what they mean on the wire is the services'.

use clap::Args;

use crate::ticks::Ticks;

/// Reason of an orderly, planned shutdown.
const PLANNED: u32 = 0x8000_0000;

/// How a guest is to go down.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ShutdownAsk {
    /// Do not ask the guest's programs
    #[arg(long)]
    pub force: bool,
    /// Text for the guest's users, sent as UTF-16LE (whether real hosts do the same is not verified)
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub message: Option<String>,
    /// Reason code, a Windows SHTDN_REASON
    #[arg(long, value_name = "HEX", value_parser = hexadecimal, default_value = "0x80000000")]
    pub reason: u32,
    /// Seconds that the guest may leave its programs (the field timeout_seconds)
    #[arg(long, value_name = "SECS", default_value_t = 0)]
    pub grace: u32,
}

/// How a guest is to be put to rest.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct SuspendAsk {
    /// Have the guest write its memory to its disk and power off; shutdown messages 3.2
    #[arg(long)]
    pub hibernate: bool,
    /// How.
    #[command(flatten)]
    pub how: ShutdownAsk,
}

impl SuspendAsk {
    pub(super) fn options(&self) -> Vec<String> {
        let hibernate = self.hibernate.then(|| "--hibernate".to_owned());
        hibernate.into_iter().chain(self.how.options()).collect()
    }
}

impl Default for ShutdownAsk {
    fn default() -> ShutdownAsk {
        ShutdownAsk { force: false, message: None, reason: PLANNED, grace: 0 }
    }
}

impl ShutdownAsk {
    pub(super) fn options(&self) -> Vec<String> {
        let mut options = vec![format!("--reason={:#x}", self.reason), format!("--grace={}", self.grace)];
        options.extend(self.force.then(|| "--force".to_owned()));
        options.extend(self.message.iter().map(|text| format!("--message={text}")));
        options
    }
}

/// Which time a guest is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Args)]
pub struct TimeAsk {
    /// Seconds by which the time sent is ahead of this host's; may be negative and have decimals
    #[arg(long, value_name = "SECS", allow_hyphen_values = true, default_value_t = Ticks(0))]
    pub offset: Ticks,
    /// Time to send instead of this host's, in 100 ns ticks since the year 1601
    #[arg(long, value_name = "TICKS", conflicts_with = "offset")]
    pub parent: Option<u64>,
    /// Reference counter of the virtual machine in 100 ns ticks; messages 4.0. Without it: with --sim CLOCK_MONOTONIC_RAW,
    /// else an estimate, the time since this host first heard of the machine
    #[arg(long, value_name = "TICKS")]
    pub reference: Option<u64>,
    /// Flags of the message instead of the verb's: 1 SYNC, 2 SAMPLE, 0 a probe
    #[arg(long, value_name = "N")]
    pub flags: Option<u8>,
    /// Leap indicator, any byte: 0 none, 1 a second more, 2 one less, 3 not synchronised, others mean nothing; messages 4.0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub leap: u8,
    /// Stratum; messages 4.0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub stratum: u8,
}

impl TimeAsk {
    pub(super) fn options(self) -> Vec<String> {
        let mut options = vec![format!("--leap={}", self.leap), format!("--stratum={}", self.stratum)];
        options.push(match self.parent {
            Some(ticks) => format!("--parent={ticks}"),
            None => format!("--offset={}", self.offset),
        });
        options.extend(self.reference.map(|ticks| format!("--reference={ticks}")));
        options.extend(self.flags.map(|flags| format!("--flags={flags}")));
        options
    }
}

fn hexadecimal(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let right = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = right.then(|| u32::from_str_radix(digits, 16).ok()).flatten();
    number.ok_or_else(|| "not a hexadecimal number of 32 bits, like 0x80000000".to_owned())
}
