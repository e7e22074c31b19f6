//! `hvctl host`: what the host says about itself and this virtual machine, in words.
//!
//! The host writes these items into pool auto-external by itself, after hv-kvpd has met it. Known keys come first,
//! in a fixed order and with friendly words; any other key the host sends is shown as it is.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::args::Cli;
use crate::error::{Code, Error, Failure};
use crate::output::{Cell, Item, Output};
use crate::proxies::Kvp;
use hv_utils_core::wire::kvp::Pool;

/// What a key's value is, for a friendlier form.
#[derive(Debug, Clone, Copy)]
enum Form {
    Text,
    YesNo,
    Architecture,
    Edition,
}

/// Known keys: what a Hyper-V host sends.
const KNOWN: [(&str, &str, Form); 16] = [
    ("VirtualMachineName", "Virtual machine", Form::Text),
    ("VirtualMachineId", "Virtual machine ID", Form::Text),
    ("VirtualMachineDynamicMemoryBalancingEnabled", "Dynamic memory", Form::YesNo),
    ("PhysicalHostName", "Physical host", Form::Text),
    ("PhysicalHostNameFullyQualified", "Physical host, full name", Form::Text),
    ("HostName", "Host (cluster) name", Form::Text),
    ("HostingSystemEditionId", "Host edition", Form::Edition),
    ("HostingSystemOsMajor", "Host system, major version", Form::Text),
    ("HostingSystemOsMinor", "Host system, minor version", Form::Text),
    ("HostingSystemSpMajor", "Host service pack, major", Form::Text),
    ("HostingSystemSpMinor", "Host service pack, minor", Form::Text),
    ("HostingSystemNestedLevel", "Hypervisors beneath the host", Form::Text),
    ("HostingSystemProcessorArchitecture", "Host processor", Form::Architecture),
    ("HostingSystemProcessorIdleStateMax", "Host processor idle states", Form::Text),
    ("HostingSystemProcessorThrottleMax", "Host processor throttle, most %", Form::Text),
    ("HostingSystemProcessorThrottleMin", "Host processor throttle, least %", Form::Text),
];

/// `hvctl host`.
pub(crate) async fn run(cli: &Cli, output: &Output) -> Result<(), Failure> {
    let mut items = Kvp::connect(&cli.bus).await?.list(Pool::AutoExternal).await?;
    if items.is_empty() {
        let message = "the host has told nothing about itself: pool auto-external is empty";
        let hint = "hvctl status shows whether hv-kvpd has met the host; the host sends this soon after. \
                    On the host: Enable-VMIntegrationService -VMName NAME -Name 'Key-Value Pair Exchange'";
        return Err(Error::new(Code::NotFound, "NoSuchKey", message).hint(hint).into());
    }
    let place = |key: &str| KNOWN.iter().position(|(known, ..)| *known == key).unwrap_or(KNOWN.len());
    items.sort_by_key(|item| place(&item.key));
    if output.json {
        return output.object("host", &Answer::new(&items));
    }
    let rows: Vec<Vec<Cell>> = items
        .iter()
        .map(|item| match KNOWN.get(place(&item.key)) {
            Some((_, words, form)) => vec![Cell::new(words), Cell::value(&form.show(&item.value))],
            None => vec![Cell::value(&item.key), Cell::value(&item.value)],
        })
        .collect();
    output.table(&["WHAT", "VALUE"], &rows)
}

/// The items, and the same as a map for `jq .host.VirtualMachineName`.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    host: BTreeMap<&'a str, &'a str>,
    items: &'a [Item],
}

impl<'a> Answer<'a> {
    fn new(items: &'a [Item]) -> Answer<'a> {
        Answer { host: items.iter().map(|item| (item.key.as_str(), item.value.as_str())).collect(), items }
    }
}

impl Form {
    /// The value in words, or as it is if it is none of those known.
    fn show(self, value: &str) -> String {
        let words = match (self, value) {
            (Form::YesNo, "0") => "no",
            (Form::YesNo, "1") => "yes",
            // PROCESSOR_ARCHITECTURE_… of GetNativeSystemInfo.
            (Form::Architecture, "0") => "x86",
            (Form::Architecture, "9") => "x86-64",
            (Form::Architecture, "12") => "ARM64",
            // PRODUCT_… of GetProductInfo.
            (Form::Edition, "4") => "Windows Enterprise",
            (Form::Edition, "7") => "Windows Server Standard",
            (Form::Edition, "8") => "Windows Server Datacenter",
            (Form::Edition, "12") => "Windows Server Datacenter, core",
            (Form::Edition, "13") => "Windows Server Standard, core",
            (Form::Edition, "42") => "Hyper-V Server",
            (Form::Edition, "48") => "Windows Professional",
            (Form::Edition, "406") => "Azure Stack HCI",
            (Form::Edition, "407") => "Windows Server Datacenter: Azure Edition",
            (_, other) => return other.to_owned(),
        };
        format!("{words} ({value})")
    }
}
