//! What a Hyper-V administrator can ask of the host, as words: the same grammar for one-shot commands,
//! the console, the control socket and scenario steps.
//!
//! Nothing is done here; [`crate::host`] carries a verb out. Names follow the PowerShell and WMI names that
//! administrators know (`AddKvpItems`, `Get-VMIntegrationService`, `GuestIntrinsicExchangeItems`).

mod ask;
mod backup;
mod copy;
mod ip;
mod needs;
mod spelling;
mod words;

pub use ask::{ShutdownAsk, SuspendAsk, TimeAsk};
use backup::operation;
pub use backup::{CheckpointAsk, SnapshotAsk};
use clap::error::ErrorKind;
use clap::{Command, CommandFactory, Parser, Subcommand, ValueEnum};
pub use copy::CopyAsk;
use hv_utils_core::wire::Ic;
use hv_utils_core::wire::kvp::Pool;
use hv_utils_core::wire::vss::Operation;

use crate::host::status::display_name;
pub(crate) use ip::family;
pub use ip::{GetIpAsk, SetIpAsk, protocol_if_type};
pub(crate) use spelling::spelled;

const PLAIN_SUSPEND: &str = "a plain suspend needs no guest, the host stops the machine by itself: with --hibernate \
                             the guest is asked to hibernate";

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Verb {
    /// Items of one pool, or of the four that hosts exchange; with KEY only that one (found by enumerating, as a real host does)
    GetKvp {
        /// Pool by name or number: external 0, guest 1, auto 2, auto-external 3, auto-internal 4
        #[arg(value_parser = pool)]
        pool: Option<Pool>,
        /// Key of the one item wanted
        #[arg(allow_hyphen_values = true)]
        key: Option<String>,
        /// Ask by the GET operation (number 0), which real hosts hardly use
        #[arg(long, requires = "key")]
        direct: bool,
    },
    /// Give the guest a new item in pool 0 (WMI AddKvpItems: refused when the key is there)
    AddKvp {
        /// Key, at most 255 UTF-16 units
        #[arg(allow_hyphen_values = true)]
        key: String,
        /// Value, at most 1023 UTF-16 units
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Change an item of pool 0 (WMI ModifyKvpItems: refused when the key is not there)
    ModifyKvp {
        /// Key of the item
        #[arg(allow_hyphen_values = true)]
        key: String,
        /// The new value
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Take an item out of pool 0 (WMI RemoveKvpItems: refused when the key is not there)
    RemoveKvp {
        /// Key of the item
        #[arg(allow_hyphen_values = true)]
        key: String,
    },
    /// Send SET to any pool, without asking first whether the key is there
    SetKvp {
        /// Pool by name or number
        #[arg(value_parser = pool)]
        pool: Pool,
        /// Key of the item
        #[arg(allow_hyphen_values = true)]
        key: String,
        /// The value; decimal, or hexadecimal with 0x, for the integer types
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// Registry type to send the value as
        #[arg(long = "type", value_enum, default_value_t = ValueType::Sz)]
        kind: ValueType,
    },
    /// Send DELETE to any pool, without asking first whether the key is there
    DeleteKvp {
        /// Pool by name or number
        #[arg(value_parser = pool)]
        pool: Pool,
        /// Key of the item
        #[arg(allow_hyphen_values = true)]
        key: String,
    },
    /// What the guest says about itself: pool 2 (WMI GuestIntrinsicExchangeItems)
    GetGuestIntrinsicItems,
    /// What the guest's programs publish: pool 1 (WMI GuestExchangeItems)
    GetGuestItems,
    /// What the host gave the guest: pool 0 (WMI HostExchangeItems), as the guest holds it
    GetHostItems,
    /// Send ENUMERATE: one item by its index, or from index 0 until the guest says there are no more
    Enumerate {
        /// Pool by name or number
        #[arg(value_parser = pool)]
        pool: Pool,
        /// Index of one item, counted from 0
        index: Option<u32>,
    },
    /// The configuration of a network adapter (WMI Msvm_GuestNetworkAdapterConfiguration)
    GetIp(GetIpAsk),
    /// Have a network adapter configured (WMI SetGuestNetworkAdapterConfiguration); 30 seconds for the answer unless
    /// --timeout says otherwise
    SetIp(SetIpAsk),
    /// Ask the guest to power off (Stop-VM)
    StopVm(ShutdownAsk),
    /// Ask the guest to restart (Restart-VM); shutdown messages 3.1
    RestartVm(ShutdownAsk),
    /// Ask the guest to hibernate, with --hibernate; shutdown messages 3.2
    SuspendVm(SuspendAsk),
    /// The same as suspend-vm --hibernate
    HibernateVm(ShutdownAsk),
    /// Tell the guest to set its clock: send the time as SYNC
    SyncTime(TimeAsk),
    /// Send the time as a SAMPLE, of which the guest takes note
    SampleTime(TimeAsk),
    /// Ask whether the guest can be backed up while it runs, and show the flags of its answer
    VssCheck,
    /// Freeze the guest's filesystems; vss-thaw is then to follow
    VssFreeze,
    /// Thaw the guest's filesystems
    VssThaw,
    /// Send one operation of the backup service with a body of its size: create, delete, hot-backup, get-dm-info,
    /// bu-complete, freeze, thaw, auto-recover, query-cluster, or a number
    VssOperation {
        /// By name or number
        #[arg(value_parser = operation)]
        operation: Operation,
    },
    /// Check, freeze, copy disks, wait, thaw, as for a production checkpoint; says what became of each step, and how long the
    /// guest was frozen (Checkpoint-VM)
    CheckpointVm(CheckpointAsk),
    /// Send a file to the guest (Copy-VMFile)
    CopyVmfile(CopyAsk),
    /// The virtual machine: its name, whether it runs, its heartbeat (Get-VM)
    GetVm,
    /// Each offered service: enabled, its state as Get-VMIntegrationService shows it, agreed versions
    #[command(alias = "get-vmintegrationservice")]
    GetIntegrationServices,
    /// Negotiate again on the open channel, as after a restore or a live migration
    Renegotiate {
        /// Service by name
        #[arg(value_parser = service, default_value = "kvp")]
        name: Ic,
    },
    /// Untick a service: its device is rescinded (Disable-VMIntegrationService)
    #[command(alias = "disable-vmintegrationservice")]
    DisableService {
        /// Service by name
        #[arg(value_parser = service)]
        name: Ic,
    },
    /// Tick a service: its device is offered again (Enable-VMIntegrationService)
    #[command(alias = "enable-vmintegrationservice")]
    EnableService {
        /// Service by name
        #[arg(value_parser = service)]
        name: Ic,
    },
    /// Send these bytes and show the guest's answer
    Raw {
        /// The packet's payload from the pipe header on; with --body what follows the IC header
        #[arg(required = true, allow_hyphen_values = true)]
        hex: Vec<String>,
        /// HEX is the body only: pipe header and IC header (agreed versions) are put before it
        #[arg(long)]
        body: bool,
        /// Fill the body with zeros up to so many bytes (2580 for most KVP messages, 7428 for IP ones)
        #[arg(long, value_name = "BYTES", requires = "body", value_parser = clap::value_parser!(u16))]
        size: Option<u16>,
        /// Service whose channel is used
        #[arg(long, value_name = "NAME", value_parser = service, default_value = "kvp")]
        service: Ic,
    },
    /// Wait until the guest has connected and negotiated
    WaitGuest {
        /// Service by name
        #[arg(value_parser = service)]
        name: Option<Ic>,
    },
    /// End the host: its devices are rescinded, those of a virtual machine stay with it
    Quit,
}

/// Registry types of a KVP value, by the names of the registry editor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ValueType {
    /// REG_SZ (1), text
    #[default]
    Sz,
    /// REG_EXPAND_SZ (2), text
    ExpandSz,
    /// REG_DWORD (4), 32 bits
    Dword,
    /// REG_QWORD (11), 64 bits: the number Hyper-V uses
    Qword,
    /// REG_U64 (8), 64 bits: the number of Linux' header
    U64,
}

const LINE_HELP: &str = "A console also takes `exit`, which leaves it as the end of input does.";

/// A line of the console, of the control socket or of a scenario: a verb without a program name before it.
#[derive(Debug, Parser)]
#[command(multicall = true, disable_version_flag = true, arg_required_else_help = false,
          subcommand_value_name = "VERB", subcommand_help_heading = "Verbs", after_help = LINE_HELP)]
struct Line {
    #[command(subcommand)]
    verb: Verb,
}

impl Verb {
    /// Reads a verb from its words. The error is clap's: text for a person, also for `help`.
    pub fn from_words<I, T>(words: I) -> Result<Verb, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<std::ffi::OsString> + Clone,
    {
        let words = words.into_iter().map(Into::into);
        let line = Line::try_parse_from(spelled(Line::command(), 0, words)?)?;
        line.verb.checked(Line::command())
    }

    /// The verb, if its options go together; `command` is what it was read by.
    ///
    /// # Errors
    /// They do not.
    pub(crate) fn checked(self, mut command: Command) -> Result<Verb, clap::Error> {
        match &self {
            Verb::SuspendVm(ask) if !ask.hibernate => {
                command.build();
                let suspend = command.find_subcommand_mut("suspend-vm");
                let error =
                    |command: &mut Command| command.error(ErrorKind::MissingRequiredArgument, PLAIN_SUSPEND);
                Err(suspend.map_or_else(|| error(&mut Line::command()), error))
            }
            _ => Ok(self),
        }
    }
}

/// Reads a pool's name or number.
fn pool(text: &str) -> Result<Pool, String> {
    text.parse().map_err(|_| {
        "pools are external, guest, auto, auto-external, auto-internal, or their numbers 0 to 4".to_owned()
    })
}

/// Reads the name of a service this host can offer: its own, or the one that PowerShell shows.
pub fn service(text: &str) -> Result<Ic, String> {
    let offered = crate::host::OFFERABLE;
    let named = |ic: &Ic| ic.name() == text || display_name(*ic).eq_ignore_ascii_case(text);
    offered.iter().copied().find(named).ok_or_else(|| {
        let names: Vec<&str> = offered.iter().map(|ic| ic.name()).collect();
        let (last, others) = names.split_last().unwrap_or((&"", &[]));
        format!("this host offers {} and {last}", others.join(", "))
    })
}

#[cfg(test)]
mod tests;
