//! A configuration by the host, as `org.hvutils.Network1` tells it: for JSON as it is, for people in words.

use std::collections::HashMap;

use serde::Serialize;
use zbus::wire::OwnedVariant;

use super::{age, ago};
use crate::output::{Cell, Paint};

/// What the host wanted, and what became of it. What an older hv-kvpd does not tell is empty.
#[derive(Debug, Default, Serialize)]
pub(super) struct Record {
    /// When it was asked for: µs since 1970.
    time: u64,
    /// When its outcome last changed: µs since 1970.
    settled: u64,
    /// VMBus instance.
    adapter: String,
    /// The interface; empty if none has the adapter.
    pub(super) interface: String,
    /// Who has the link.
    backend: String,
    /// `applied`, `pending`, `failed` or `reverted`.
    outcome: String,
    /// In force only once the link's manager runs.
    pending: bool,
    /// `keep`, `automatic` or `static`.
    ipv4: String,
    /// The same.
    ipv6: String,
    /// Of both families, with prefixes.
    addresses: Vec<String>,
    /// Of both families.
    gateways: Vec<String>,
    /// Of both families.
    dns: Vec<String>,
    /// Why.
    message: String,
}

impl From<HashMap<String, OwnedVariant>> for Record {
    fn from(mut dict: HashMap<String, OwnedVariant>) -> Record {
        let number =
            |name: &str| dict.get(name).and_then(|value| value.downcast_ref().ok()).unwrap_or_default();
        let text =
            |name: &str| dict.get(name).and_then(|value| value.downcast_ref().ok()).unwrap_or_default();
        let record = Record {
            time: number("time"),
            settled: number("settled"),
            adapter: text("adapter"),
            interface: text("interface"),
            backend: text("backend"),
            outcome: text("outcome"),
            pending: dict.get("pending").and_then(|value| value.downcast_ref().ok()).unwrap_or_default(),
            ipv4: text("ipv4"),
            ipv6: text("ipv6"),
            message: text("message"),
            ..Record::default()
        };
        let mut list = |name: &str| {
            dict.remove(name).and_then(|value| Vec::<String>::try_from(value).ok()).unwrap_or_default()
        };
        Record { addresses: list("addresses"), gateways: list("gateways"), dns: list("dns"), ..record }
    }
}

impl Record {
    /// Whether both are of the same configuration.
    pub(super) fn is_same(&self, other: &Record) -> bool {
        self.time == other.time && self.adapter == other.adapter
    }

    /// Whether it is in force, or will be.
    pub(super) fn stands(&self) -> bool {
        matches!(self.outcome.as_str(), "applied" | "pending")
    }

    /// A row of the table.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let paint = match self.outcome.as_str() {
            "applied" => Paint::Green,
            "pending" => Paint::Yellow,
            "failed" => Paint::Red,
            _ => Paint::Plain,
        };
        vec![
            Cell::new(&self.when()),
            Cell::new(self.link()),
            Cell::new(&self.backend),
            Cell::new(&self.outcome).paint(paint),
            Cell::new(&self.wanted()),
            Cell::new(&self.message),
        ]
    }

    /// Which one it is, in a line.
    pub(super) fn sentence(&self) -> String {
        let sentence = format!("{} on {} ({})", self.wanted(), self.link(), self.when());
        crate::text::escape(&sentence).into_owned()
    }

    fn when(&self) -> String {
        age(self.time).map_or("-".to_owned(), ago)
    }

    fn link(&self) -> &str {
        if self.interface.is_empty() { &self.adapter } else { &self.interface }
    }

    fn wanted(&self) -> String {
        let mut parts = Vec::new();
        for (family, how, is_v6) in [("IPv4", &self.ipv4, false), ("IPv6", &self.ipv6, true)] {
            let own = self.addresses.iter().filter(|address| address.contains(':') == is_v6);
            match how.as_str() {
                "static" => parts.extend(own.cloned()),
                "automatic" => parts.push(format!("{family} automatic")),
                _ => {}
            }
        }
        for (what, list) in [("gateway", &self.gateways), ("DNS", &self.dns)] {
            if !list.is_empty() {
                parts.push(format!("{what} {}", list.join(" ")));
            }
        }
        parts.join(", ")
    }
}
