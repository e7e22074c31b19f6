//! An injection as D-Bus shows it: a dictionary, the same in the property, in the list and in the signals.

use std::collections::HashMap;

use hv_utils_core::netapply::{Addressing, History, Network, Outcome, Plan, Record};
use zbus::Variant;

/// `a{sv}`.
pub(super) type Dict = HashMap<&'static str, Variant<'static>>;

/// One record.
pub(super) fn dict(record: &Record) -> Dict {
    let plans = [&record.injection.ipv4, &record.injection.ipv6];
    let addresses = plans.iter().flat_map(|plan| addresses(plan)).map(ToString::to_string);
    let gateways = plans.iter().flat_map(|plan| &plan.gateways).map(ToString::to_string);
    let dns = plans.iter().filter_map(|plan| plan.dns.as_ref()).flatten().map(ToString::to_string);
    HashMap::from([
        ("time", Variant::from(record.time)),
        ("settled", Variant::from(record.settled)),
        ("adapter", Variant::from(record.injection.adapter.clone())),
        ("interface", Variant::from(record.interface.clone())),
        ("backend", Variant::from(record.backend.clone())),
        ("outcome", Variant::from(record.outcome.as_str())),
        ("pending", Variant::from(record.outcome == Outcome::Pending)),
        ("ipv4", Variant::from(word(&record.injection.ipv4))),
        ("ipv6", Variant::from(word(&record.injection.ipv6))),
        ("addresses", Variant::from(addresses.collect::<Vec<_>>())),
        ("gateways", Variant::from(gateways.collect::<Vec<_>>())),
        ("dns", Variant::from(dns.collect::<Vec<_>>())),
        ("message", Variant::from(record.message.clone())),
    ])
}

/// The last injection that stands; without one, an empty dictionary.
pub(super) fn standing(history: &History) -> Dict {
    history.standing().map(dict).unwrap_or_default()
}

/// Records of `now` that are new or became something else since `before`, the oldest first.
pub(super) fn changed<'a>(before: &History, now: &'a History) -> Vec<&'a Record> {
    let known = |record: &&Record| before.records.iter().any(|other| other == *record);
    now.records.iter().filter(|record| !known(record)).collect()
}

fn addresses(plan: &Plan) -> &[Network] {
    match &plan.addressing {
        Addressing::Static(networks) => networks,
        Addressing::Keep | Addressing::Automatic => &[],
    }
}

fn word(plan: &Plan) -> &'static str {
    match plan.addressing {
        Addressing::Keep => "keep",
        Addressing::Automatic => "automatic",
        Addressing::Static(_) => "static",
    }
}

#[cfg(test)]
mod tests;
