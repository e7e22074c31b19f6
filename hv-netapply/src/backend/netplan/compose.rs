//! Our own netplan file, of one definition: with what the host wants and what else its lists had.
//!
//! netplan adds the lists of all files together and has no word to begin anew. So a list from which something has to go is
//! taken out of the other files (`netplan set … null`) and written whole in ours; a list to which something is only added
//! stays where it is, and so do its file's comments. Of single values the last file's counts, which is ours.
//!
//! Decisions: `use-dns: false` stands for both families where both use DHCP, because networkd's part of netplan wants them
//! alike. Servers from router advertisements cannot be refused by a word that all versions know. `critical: true` is
//! taken back, for it keeps old addresses beside the new.

use std::fmt::Write as _;
use std::net::IpAddr;

use hv_utils_core::netapply::{Addressing, Injection};

use super::get::{Definition, Item};
use crate::backend::family::{Family, address, is_neighbour, networks};

/// What has to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The text of our file.
    pub text: String,
    /// What has to go from the other files, each as `key: null`.
    pub gone: Vec<&'static str>,
    /// What has to go from files that are read after ours.
    pub gone_later: Vec<&'static str>,
}

/// How our file begins.
pub const HEAD: &str =
    "# By hv-netapply: an adapter as the Hyper-V host wants it. `hvctl network revert` takes it back.\n";

/// What has to be done to definition `id`, which is `merged` with all files and `others` without ours.
#[must_use]
pub fn change(id: &str, merged: &Definition, others: &Definition, wanted: &Injection) -> Change {
    let mut body = Vec::new();
    let mut gone = Vec::new();
    switches(&mut body, merged, others, wanted);
    overrides(&mut body, merged, others, wanted);

    let mut new = Vec::new();
    for family in Family::BOTH {
        new.extend(networks(family.plan(wanted)).iter().map(|network| Item::word(&network.to_string())));
    }
    let stays = |item: &Item| !Family::of_text(&item.head()).is_some_and(|family| family.is_set(wanted));
    let (addresses, replaced) = list(&merged.items("addresses"), &others.items("addresses"), stays, new);
    gone.extend(replaced.then_some("addresses: null"));
    push_list(&mut body, "addresses", &addresses, "");

    let new = Family::BOTH.into_iter().flat_map(|family| family.plan(wanted).dns.iter().flatten());
    let new = new.map(|server| Item::word(&server.to_string())).collect();
    let servers = |definition: &Definition| definition.nested("nameservers").items("addresses");
    let stays =
        |item: &Item| Family::of_text(&item.head()).is_none_or(|family| family.plan(wanted).dns.is_none());
    let (servers, replaced) = list(&servers(merged), &servers(others), stays, new);
    gone.extend(replaced.then_some("nameservers: {addresses: null}"));
    if !servers.is_empty() {
        body.push("nameservers:".to_owned());
        push_list(&mut body, "addresses", &servers, "  ");
    }

    let new = Family::BOTH.into_iter().flat_map(|family| routes(family, merged, wanted)).collect();
    let stays = |item: &Item| route_stays(item, wanted);
    let (routes, replaced) = list(&merged.items("routes"), &others.items("routes"), stays, new);
    gone.extend(replaced.then_some("routes: null"));
    push_list(&mut body, "routes", &routes, "");

    for (family, key, null) in
        [(Family::V4, "gateway4", "gateway4: null"), (Family::V6, "gateway6", "gateway6: null")]
    {
        if family.is_set(wanted) && others.value(key).is_some() {
            gone.push(null);
        }
    }
    let mut gone_later = Vec::new();
    if Family::V4.is_set(wanted) {
        gone_later.push("dhcp4: null");
    }
    if Family::V6.is_set(wanted) {
        gone_later.extend(["dhcp6: null", "accept-ra: null"]);
    }
    Change { text: text(id, &body), gone, gone_later }
}

fn text(id: &str, body: &[String]) -> String {
    let mut text = format!("{HEAD}network:\n  version: 2\n  ethernets:\n");
    let empty = if body.is_empty() { " {}" } else { "" };
    let _ = writeln!(text, "    {id}:{empty}");
    for line in body {
        let _ = writeln!(text, "      {line}");
    }
    text
}

/// Single values: those that are set, and those that only our own file has said so far.
fn switches(body: &mut Vec<String>, merged: &Definition, others: &Definition, wanted: &Injection) {
    let keys = [("dhcp4", Family::V4), ("dhcp6", Family::V6), ("accept-ra", Family::V6)];
    for (key, family) in keys {
        let value = match family.plan(wanted).addressing {
            Addressing::Automatic => Some("true"),
            Addressing::Static(_) => Some("false"),
            Addressing::Keep => merged.value(key).filter(|value| others.value(key) != Some(value)),
        };
        body.extend(value.map(|value| format!("{key}: {value}")));
    }
    let any = Family::BOTH.into_iter().any(|family| family.is_set(wanted));
    if any && (merged.value("critical") == Some("true") || others.value("critical") == Some("true")) {
        body.push("critical: false".to_owned());
    }
}

fn overrides(body: &mut Vec<String>, merged: &Definition, others: &Definition, wanted: &Injection) {
    const KEYS: [(&str, &str); 2] = [("dhcp4", "dhcp4-overrides"), ("dhcp6", "dhcp6-overrides")];
    let mut uses = [true; 2];
    let mut automatic = [false; 2];
    for (family, (dhcp, key)) in Family::BOTH.into_iter().zip(KEYS) {
        let plan = family.plan(wanted);
        automatic[family.index()] = match plan.addressing {
            Addressing::Automatic => true,
            Addressing::Static(_) => false,
            Addressing::Keep => merged.value(dhcp) == Some("true"),
        };
        let refused = |definition: &Definition| definition.nested(key).value("use-dns") == Some("false");
        let ours = plan.is_silent() && refused(merged) && !refused(others);
        let fixed = matches!(plan.addressing, Addressing::Static(_));
        uses[family.index()] = !(ours || (plan.dns.is_some() && !fixed));
    }
    if automatic == [true; 2] && uses != [true; 2] {
        uses = [false; 2];
    }
    for ((_, key), uses) in KEYS.into_iter().zip(uses) {
        if !uses {
            body.extend([format!("{key}:"), "  use-dns: false".to_owned()]);
        }
    }
}

/// Our part of a list, and whether the others' part has to go: `stays` of what there was, and what is new.
fn list(
    merged: &[Item],
    others: &[Item],
    stays: impl Fn(&Item) -> bool,
    new: Vec<Item>,
) -> (Vec<Item>, bool) {
    let replaced = !others.iter().all(&stays);
    let kept = merged.iter().filter(|item| stays(item) && (replaced || !others.contains(item)));
    (kept.cloned().chain(new).collect(), replaced)
}

fn push_list(body: &mut Vec<String>, key: &str, items: &[Item], indent: &str) {
    if !items.is_empty() {
        body.push(format!("{indent}{key}:"));
        body.extend(items.iter().flat_map(|item| &item.0).map(|line| format!("{indent}{line}")));
    }
}

fn routes(family: Family, merged: &Definition, wanted: &Injection) -> Vec<Item> {
    let plan = family.plan(wanted);
    if !family.is_set(wanted) {
        return Vec::new();
    }
    let was = merged.items("routes");
    let was = was.iter().filter(|route| is_default(route) && route_family(route) == Some(family));
    let overrides = if family == Family::V4 { "dhcp4-overrides" } else { "dhcp6-overrides" };
    let number = |text: &str| text.parse::<u32>().ok();
    let first = was.filter_map(|route| route.field("metric")).find_map(|metric| number(&metric));
    let first = first.or_else(|| number(merged.nested(overrides).value("route-metric")?));
    let to = if family == Family::V4 { "0.0.0.0/0" } else { "::/0" };
    let route = |(gateway, place): (&IpAddr, u32)| {
        let mut lines = vec![format!("- to: \"{to}\""), format!("  via: \"{gateway}\"")];
        if first.is_some() || place > 0 {
            let metric = first.unwrap_or(family.default_metric()).saturating_add(place);
            lines.push(format!("  metric: {metric}"));
        }
        if !is_neighbour(*gateway, networks(plan)) {
            lines.push("  on-link: true".to_owned());
        }
        Item(lines)
    };
    plan.gateways.iter().zip(0..).map(route).collect()
}

/// As for a file of networkd: default routes of a set family go, and routes that can no longer be.
fn route_stays(route: &Item, wanted: &Injection) -> bool {
    let Some(family) = route_family(route).filter(|family| family.is_set(wanted)) else { return true };
    if is_default(route) {
        return false;
    }
    let plan = family.plan(wanted);
    if !matches!(plan.addressing, Addressing::Static(_)) {
        return true;
    }
    let field = |key: &str| route.field(key).as_deref().and_then(address);
    let is_ours = |ip: IpAddr| networks(plan).iter().any(|network| network.ip == ip);
    let on_link = route.field("on-link").as_deref() == Some("true");
    let reached = |ip: IpAddr| on_link || is_neighbour(ip, networks(plan));
    field("from").is_none_or(is_ours) && field("via").is_none_or(reached)
}

fn route_family(route: &Item) -> Option<Family> {
    ["via", "to", "from"]
        .into_iter()
        .filter_map(|key| route.field(key))
        .find_map(|text| Family::of_text(&text))
}

fn is_default(route: &Item) -> bool {
    let to = route.field("to").unwrap_or_default();
    let main = route.field("table").is_none_or(|table| table == "254");
    let unicast = route.field("type").is_none_or(|kind| kind == "unicast");
    ["default", "0.0.0.0/0", "::/0"].contains(&to.as_str()) && main && unicast
}

#[cfg(test)]
mod tests;
