//! The way back of ifupdown's files: by stanza. A file that nobody else has changed comes back to the byte; in any other
//! only what is the interface's becomes what it was.
//!
//! Pure. `None` stands for a file that is not there.

use super::text::{self, Part, Stanza};

/// How a part begins that is ours: stanzas that had no place in any file.
pub(super) fn head(interface: &str) -> String {
    format!("# By hv-netapply: {interface} as the Hyper-V host wants it.\n")
}

/// What a file has to be: what it was `before`, with what others have changed in it until `now`.
pub(super) fn restored(before: Option<&str>, now: Option<&str>, interface: &str) -> Option<String> {
    let whole = || before.map(str::to_owned);
    let Some(now) = now else { return whole() };
    let keeps_head = before.is_some_and(|before| before.contains(&head(interface)));
    let (rest, places) = without(now, interface, keeps_head);
    let (rest_before, _) = without(before.unwrap_or_default(), interface, true);
    if text::write(&rest).trim_end() == text::write(&rest_before).trim_end() {
        return whole();
    }
    let stanzas = text::parse(before.unwrap_or_default()).into_iter().filter(|part| is_its(part, interface));
    // Each where the first of its family is now, or else where the first of all is.
    let place = |part: &Part| {
        let own = places.iter().find(|(family, _)| *family == family_of(part));
        own.or(places.first()).map_or(rest.len(), |(_, place)| *place)
    };
    let mut stanzas: Vec<_> = stanzas.map(|part| (place(&part), part)).collect();
    stanzas.sort_by_key(|(place, _)| *place);
    let mut parts = rest;
    for (place, part) in stanzas.into_iter().rev() {
        parts.insert(place, part);
    }
    Some(text::write(&parts))
}

fn family_of(part: &Part) -> String {
    match part {
        Part::Iface(stanza) => stanza.words.get(1).cloned().unwrap_or_default(),
        Part::Other(_) => String::new(),
    }
}

/// The servers that the interface's stanzas name, and whether one asks for a lease.
pub(super) fn servers(texts: &[String], interface: &str) -> (Vec<String>, bool) {
    let parts = texts.iter().flat_map(|text| text::parse(text));
    let stanzas: Vec<Stanza> = parts
        .filter_map(|part| match part {
            Part::Iface(stanza) if is_of(&stanza, interface) => Some(stanza),
            _ => None,
        })
        .collect();
    let lines = stanzas.iter().flat_map(|stanza| &stanza.lines);
    let lines = lines.filter(|line| line.key.starts_with("dns-nameserver"));
    let servers = lines.flat_map(|line| line.value.split_whitespace()).map(str::to_owned).collect();
    (servers, stanzas.iter().any(|stanza| stanza.method() == "dhcp"))
}

fn is_of(stanza: &Stanza, interface: &str) -> bool {
    stanza.words.first().is_some_and(|word| word == interface)
}

fn is_its(part: &Part, interface: &str) -> bool {
    matches!(part, Part::Iface(stanza) if is_of(stanza, interface))
}

/// A file without the interface's stanzas, and where those were, with their families.
fn without(text: &str, interface: &str, keeps_head: bool) -> (Vec<Part>, Vec<(String, usize)>) {
    let (mut rest, mut places) = (Vec::new(), Vec::new());
    for part in text::parse(text) {
        match part {
            part if is_its(&part, interface) => places.push((family_of(&part), rest.len())),
            Part::Other(text) if !keeps_head => rest.push(Part::Other(without_head(text, interface))),
            part => rest.push(part),
        }
    }
    (rest, places)
}

/// Without the words before our stanzas, and the blank line before these.
fn without_head(text: String, interface: &str) -> String {
    let Some((before, after)) = text.split_once(&head(interface)) else { return text };
    let after = after.strip_prefix(&format!("auto {interface}\n")).unwrap_or(after);
    let blank = before.ends_with("\n\n") || before == "\n";
    format!("{}{after}", if blank { &before[..before.len() - 1] } else { before })
}

#[cfg(test)]
mod tests;
