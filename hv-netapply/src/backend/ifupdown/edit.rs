//! An injection as changes to the stanzas of one interface.
//!
//! Decisions:
//!
//! - One stanza for each address, the gateway in the first. Further gateways are `up ip route add default …` in the first
//!   too, with rising metrics: interfaces(5) has one `gateway` for a stanza, and a second one would not know its rank.
//! - What else a stanza has (mtu, hooks, bridge_ports, comments) stays; if there are fewer stanzas than before, what the
//!   others had goes into the first, unless it has that option already.
//! - Static IPv6 does not listen to routers (`accept_ra 0`), and waits for duplicate address detection once and not for
//!   every address (`dad-attempts 0` in all but the first).
//! - Automatic: a stanza that is automatic already stays as it is. IPv6 becomes `auto`, by router advertisements alone: `dhcp`
//!   waits for ever where there is no server, and ifupdown has no method that does as routers say.

use hv_utils_core::netapply::{Addressing, Injection, Plan};

use super::text::{self, Line, Part, Stanza};
use super::{back, servers};
use crate::backend::family::{Family, networks};

/// The files' texts with an injection. `flat` is all that ifupdown reads; new stanzas go to the end of the first file.
#[must_use]
pub fn changed(texts: &[String], flat: &str, interface: &str, injection: &Injection) -> Vec<String> {
    let mut files: Vec<_> = texts.iter().map(|text| text::parse(text)).collect();
    let mut homeless = edit(&mut files, interface, injection).into_iter().peekable();
    if let (Some(first), true) = (files.first_mut(), homeless.peek().is_some()) {
        let started = text::logical_lines(flat).iter().any(|line| {
            let starts = line.key == "auto" || line.key.starts_with("allow-");
            starts && line.value.split_whitespace().any(|word| word == interface)
        });
        let blank = if first.is_empty() { "" } else { "\n" };
        let auto = if started { String::new() } else { format!("auto {interface}\n") };
        let head = format!("{blank}{}{auto}", back::head(interface));
        first.push(Part::Other(head));
        first.extend(homeless.map(Part::Iface));
    }
    files.iter().map(|file| text::write(file)).collect()
}

/// Changes the stanzas of `interface` in all files; `files` are their parts, in the order in which ifupdown reads them. What
/// has no place in any of them is returned: stanzas for a new file.
#[must_use]
pub fn edit(files: &mut [Vec<Part>], interface: &str, injection: &Injection) -> Vec<Stanza> {
    let mut homeless = Vec::new();
    for family in Family::BOTH {
        let plan = family.plan(injection);
        if plan.addressing == Addressing::Keep {
            continue;
        }
        let old = take(files, interface, word(family));
        let new = stanzas(interface, family, plan, old.stanzas);
        let place = old.place.or_else(|| after_last(files, interface));
        match place {
            Some((file, at)) => {
                files[file].splice(at..at, new.into_iter().map(Part::Iface));
            }
            None => homeless.extend(new),
        }
    }
    servers::edit(files, &mut homeless, interface, injection);
    homeless
}

/// ifupdown's word for a family.
#[must_use]
pub const fn word(family: Family) -> &'static str {
    match family {
        Family::V4 => "inet",
        Family::V6 => "inet6",
    }
}

struct Taken {
    stanzas: Vec<Stanza>,
    /// Where the first was: file and part.
    place: Option<(usize, usize)>,
}

/// Takes the stanzas of a family out.
fn take(files: &mut [Vec<Part>], interface: &str, family: &str) -> Taken {
    let mut taken = Taken { stanzas: Vec::new(), place: None };
    for (number, file) in files.iter_mut().enumerate() {
        let mut stays = Vec::new();
        for part in file.drain(..) {
            match part {
                Part::Iface(stanza) if stanza.is_of(interface, family) => {
                    taken.place.get_or_insert((number, stays.len()));
                    taken.stanzas.push(stanza);
                }
                part => stays.push(part),
            }
        }
        *file = stays;
    }
    taken
}

/// Behind the interface's last stanza.
fn after_last(files: &[Vec<Part>], interface: &str) -> Option<(usize, usize)> {
    let is_its = |part: &Part| match part {
        Part::Iface(stanza) => stanza.words.first().is_some_and(|word| word == interface),
        Part::Other(_) => false,
    };
    let found = |(file, parts): (usize, &Vec<Part>)| Some((file, parts.iter().rposition(is_its)? + 1));
    files.iter().enumerate().rev().find_map(found)
}

/// The new stanzas of a family.
fn stanzas(interface: &str, family: Family, plan: &Plan, old: Vec<Stanza>) -> Vec<Stanza> {
    let addresses = networks(plan);
    let method = if addresses.is_empty() { automatic(family, &old) } else { "static" };
    let changes = old.first().is_some_and(|first| first.method() != method);
    let mut old = old.into_iter().map(|stanza| stripped(stanza, family));
    let mut new: Vec<Stanza> = Vec::new();
    for number in 0..addresses.len().max(1) {
        let mut stanza = old.next().unwrap_or_else(|| Stanza::new(interface, word(family), method));
        stanza.set_method(method);
        if let Some(address) = addresses.get(number) {
            let mut lines = vec![stanza.option("address", &address.to_string())];
            lines.extend(if number == 0 {
                first_lines(&stanza, interface, family, plan)
            } else {
                later_lines(&stanza, family)
            });
            stanza.lines.splice(0..0, lines);
        }
        new.push(stanza);
    }
    for line in old.flat_map(|stanza| stanza.lines) {
        adopt(&mut new[0], line);
    }
    if changes && plan.addressing == Addressing::Automatic && plan.dns.is_none() {
        // They were part of what was static; now those count that come by themselves.
        new.iter_mut().for_each(|stanza| servers::remove(stanza, family));
    }
    new
}

/// The automatic method: the one that is there, if it is one.
fn automatic(family: Family, old: &[Stanza]) -> &'static str {
    let is = |method: &str| old.first().is_some_and(|first| first.method() == method);
    match family {
        Family::V4 => "dhcp",
        Family::V6 if is("dhcp") => "dhcp",
        Family::V6 => "auto",
    }
}

/// Without what the injection decides.
fn stripped(mut stanza: Stanza, family: Family) -> Stanza {
    const DECIDED: [&str; 6] = ["address", "netmask", "broadcast", "network", "pointopoint", "gateway"];
    const DECIDED_OF_V6: [&str; 4] = ["accept_ra", "autoconf", "dad-attempts", "preferred-lifetime"];
    let was_automatic = stanza.method() != "static";
    stanza.lines.retain(|line| {
        let of_v6 = family == Family::V6 && !was_automatic && DECIDED_OF_V6.contains(&line.key.as_str());
        !DECIDED.contains(&line.key.as_str()) && !of_v6 && !is_default_route(line, family)
    });
    stanza
}

fn first_lines(stanza: &Stanza, interface: &str, family: Family, plan: &Plan) -> Vec<Line> {
    let metric = stanza.value("metric").and_then(|metric| metric.parse().ok());
    let metric: u32 = metric.unwrap_or(family.default_metric());
    let mut lines = Vec::new();
    for (gateway, place) in plan.gateways.iter().zip(0..) {
        let gateway = gateway.to_string();
        if place == 0 {
            lines.push(stanza.option("gateway", &gateway));
            continue;
        }
        let ip = if family == Family::V6 { "ip -6" } else { "ip" };
        let metric = metric.saturating_add(place);
        let command = format!("{ip} route add default via {gateway} dev {interface} metric {metric} onlink");
        lines.push(stanza.option("up", &command));
    }
    if family == Family::V6 {
        lines.push(stanza.option("accept_ra", "0"));
    }
    lines
}

fn later_lines(stanza: &Stanza, family: Family) -> Vec<Line> {
    let v6 = family == Family::V6;
    v6.then(|| stanza.option("dad-attempts", "0")).into_iter().collect()
}

/// Gives a stanza a line of one that goes. An option counts once, a command every time.
fn adopt(stanza: &mut Stanza, line: Line) {
    let commands = ["up", "down", "pre-up", "post-up", "pre-down", "post-down"];
    let is_command = commands.contains(&line.key.as_str());
    let known = |there: &Line| there.key == line.key && (!is_command || there.value == line.value);
    if !line.key.is_empty() && !stanza.lines.iter().any(known) {
        stanza.lines.push(line);
    }
}

/// Whether a line is a hook that does nothing but set or remove a default route of the family.
fn is_default_route(line: &Line, family: Family) -> bool {
    if !["up", "post-up", "pre-up", "down", "post-down", "pre-down"].contains(&line.key.as_str()) {
        return false;
    }
    let command = line.value.strip_suffix("|| true").unwrap_or(&line.value);
    if command.contains([';', '&', '|', '`', '(', '<', '>']) {
        return false;
    }
    let words: Vec<_> = command.split_whitespace().collect();
    let program = words.first().map(|word| word.rsplit('/').next().unwrap_or(word));
    let has = |word: &str| words.contains(&word);
    let routes = program == Some("route") || (program == Some("ip") && (has("route") || has("r")));
    let via = words.iter().skip_while(|word| !["via", "gw"].contains(word)).nth(1);
    let v6 = ["-6", "inet6", "-inet6", "--inet6"].into_iter().any(has)
        || via.and_then(|via| Family::of_text(via)) == Some(Family::V6);
    routes && has("default") && !has("table") && v6 == (family == Family::V6)
}

#[cfg(test)]
mod tests;
