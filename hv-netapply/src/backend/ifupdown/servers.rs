//! `dns-nameservers`: resolvconf's option, of which servers of both families may stand in any stanza of the interface.
//!
//! Servers that a DHCP client hears of come besides: ifupdown has no word against that.

use hv_utils_core::netapply::Injection;

use super::edit::word;
use super::text::{Part, Stanza};
use crate::backend::family::Family;

const KEYS: [&str; 2] = ["dns-nameservers", "dns-nameserver"];

/// Gives the interface the servers of an injection, in the first stanza of their family, or else in the interface's first.
pub(super) fn edit(files: &mut [Vec<Part>], more: &mut Vec<Stanza>, interface: &str, injection: &Injection) {
    for family in Family::BOTH {
        let Some(servers) = &family.plan(injection).dns else { continue };
        let parts = files.iter_mut().flatten().filter_map(|part| match part {
            Part::Iface(stanza) => Some(stanza),
            Part::Other(_) => None,
        });
        let its = |stanza: &&mut Stanza| stanza.words.first().is_some_and(|word| word == interface);
        let mut stanzas: Vec<_> = parts.chain(more.iter_mut()).filter(its).collect();
        let first = stanzas.iter().position(|stanza| stanza.is_of(interface, word(family))).unwrap_or(0);
        let wanted: Vec<_> = servers.iter().map(ToString::to_string).collect();
        for (number, stanza) in stanzas.iter_mut().enumerate() {
            set(stanza, family, if number == first { &wanted } else { &[] });
        }
        if stanzas.is_empty() && !wanted.is_empty() {
            let mut stanza = Stanza::new(interface, word(family), "manual");
            set(&mut stanza, family, &wanted);
            more.push(stanza);
        }
    }
}

/// Takes the servers of a family out of a stanza.
pub(super) fn remove(stanza: &mut Stanza, family: Family) {
    set(stanza, family, &[]);
}

/// Makes the servers of a family exactly these. The line is the same if it says that already.
fn set(stanza: &mut Stanza, family: Family, wanted: &[String]) {
    let is_ours = |key: &str| KEYS.contains(&key);
    let lines = stanza.lines.iter().filter(|line| is_ours(&line.key));
    let before: Vec<_> = lines.flat_map(|line| line.value.split_whitespace()).map(str::to_owned).collect();
    let others = before.iter().filter(|server| Family::of_text(server) != Some(family)).cloned();
    // IPv4 first, so that the order does not depend on who is set last.
    let others: Vec<_> = others.collect();
    let after = match family {
        Family::V4 => [wanted, &others].concat(),
        Family::V6 => [&others, wanted].concat(),
    };
    if after == before {
        return;
    }
    let new = (!after.is_empty()).then(|| stanza.option(KEYS[0], &after.join(" ")));
    let place = stanza.lines.iter().position(|line| is_ours(&line.key)).unwrap_or(stanza.lines.len());
    stanza.lines.retain(|line| !is_ours(&line.key));
    stanza.lines.splice(place..place, new);
}
