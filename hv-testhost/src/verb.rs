//! What a Hyper-V administrator can ask of the host, as words: the same grammar for one-shot commands,
//! the console, the control socket and scenario steps.
//!
//! Nothing is done here; [`crate::host`] carries a verb out. Names follow the PowerShell and WMI names that
//! administrators know (`AddKvpItems`, `Get-VMIntegrationService`, `GuestIntrinsicExchangeItems`).

use clap::{Parser, Subcommand, ValueEnum};
use hv_utils_core::wire::Ic;
use hv_utils_core::wire::kvp::Pool;

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
    /// Each offered service: enabled, its state as Get-VMIntegrationService shows it, agreed versions
    GetIntegrationServices,
    /// Negotiate again on the open channel, as after a restore or a live migration
    Renegotiate {
        /// Service by name
        #[arg(value_parser = service, default_value = "kvp")]
        name: Ic,
    },
    /// Untick a service: its device is rescinded
    DisableService {
        /// Service by name
        #[arg(value_parser = service)]
        name: Ic,
    },
    /// Tick a service: its device is offered again
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
    /// End the host: its devices are rescinded
    Quit,
}

/// Registry types of a KVP value, by the names of the registry editor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ValueType {
    /// REG_SZ (1), text
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
        Line::try_parse_from(words).map(|line| line.verb)
    }

    /// The words from which [`Verb::from_words`] makes this verb again.
    pub fn to_words(&self) -> Vec<String> {
        let mut words: Vec<String> = match self {
            Verb::GetKvp { pool, key, .. } => {
                let pool = pool.iter().map(|pool| pool.name().to_owned());
                [own("get-kvp")].into_iter().chain(pool).chain(key.clone()).collect()
            }
            Verb::AddKvp { key, value } => vec![own("add-kvp"), key.clone(), value.clone()],
            Verb::ModifyKvp { key, value } => vec![own("modify-kvp"), key.clone(), value.clone()],
            Verb::RemoveKvp { key } => vec![own("remove-kvp"), key.clone()],
            Verb::SetKvp { pool, key, value, .. } => {
                vec![own("set-kvp"), own(pool.name()), key.clone(), value.clone()]
            }
            Verb::DeleteKvp { pool, key } => vec![own("delete-kvp"), own(pool.name()), key.clone()],
            Verb::GetGuestIntrinsicItems => vec![own("get-guest-intrinsic-items")],
            Verb::GetGuestItems => vec![own("get-guest-items")],
            Verb::GetHostItems => vec![own("get-host-items")],
            Verb::Enumerate { pool, index } => {
                let index = index.map(|index| index.to_string());
                [own("enumerate"), own(pool.name())].into_iter().chain(index).collect()
            }
            Verb::GetIntegrationServices => vec![own("get-integration-services")],
            Verb::Renegotiate { name } => vec![own("renegotiate"), own(name.name())],
            Verb::DisableService { name } => vec![own("disable-service"), own(name.name())],
            Verb::EnableService { name } => vec![own("enable-service"), own(name.name())],
            Verb::Raw { hex, .. } => [own("raw")].into_iter().chain(hex.iter().cloned()).collect(),
            Verb::WaitGuest { name } => {
                [own("wait-guest")].into_iter().chain(name.map(|ic| own(ic.name()))).collect()
            }
            Verb::Quit => vec![own("quit")],
        };
        // Options go before the other words, and `--` between them: a key or value may look like an option.
        let positional = words.len() > 1;
        words.splice(1..1, self.options().into_iter().chain(positional.then(|| own("--"))));
        words
    }

    fn options(&self) -> Vec<String> {
        match self {
            Verb::GetKvp { direct: true, .. } => vec![own("--direct")],
            Verb::SetKvp { kind, .. } => {
                let name = kind.to_possible_value().map_or_else(String::new, |value| own(value.get_name()));
                vec![own("--type"), name]
            }
            Verb::Raw { body, size, service, .. } => {
                let mut options = vec![own("--service"), own(service.name())];
                options.extend(body.then(|| own("--body")));
                options.extend(size.iter().flat_map(|size| [own("--size"), size.to_string()]));
                options
            }
            _ => Vec::new(),
        }
    }

    /// The service whose channel the verb needs; none for those that need no guest.
    pub fn service(&self) -> Option<Ic> {
        match self {
            Verb::GetIntegrationServices
            | Verb::DisableService { .. }
            | Verb::EnableService { .. }
            | Verb::Quit => None,
            Verb::WaitGuest { name } => *name,
            Verb::Renegotiate { name } => Some(*name),
            Verb::Raw { service, .. } => Some(*service),
            _ => Some(Ic::Kvp),
        }
    }
}

fn own(text: &str) -> String {
    text.to_owned()
}

/// Reads a pool's name or number.
fn pool(text: &str) -> Result<Pool, String> {
    text.parse().map_err(|_| {
        "pools are external, guest, auto, auto-external, auto-internal, or their numbers 0 to 4".to_owned()
    })
}

/// Reads the name of a service this host can offer.
pub fn service(text: &str) -> Result<Ic, String> {
    let offered = crate::host::OFFERABLE;
    offered.iter().copied().find(|ic| ic.name() == text).ok_or_else(|| {
        let names: Vec<&str> = offered.iter().map(|ic| ic.name()).collect();
        format!("this host offers {}; the other services come with their daemons", names.join(" and "))
    })
}

#[cfg(test)]
mod tests;
