//! `/etc/resolv.conf` where nobody makes it: without resolvconf and without resolved's hook, `dns-nameservers` is read by no
//! one, and a machine with fixed addresses has its servers in this file by hand. A DHCP client writes it anew with each lease.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use hv_utils_core::netapply::Injection;

use crate::backend::Roots;
use crate::backend::family::Family;

/// The file, if it is for us to change: a link leads to somebody's.
pub(super) fn file(roots: &Roots, has_resolvconf: bool) -> Option<PathBuf> {
    let path = roots.etc.join("resolv.conf");
    let plain = match fs::symlink_metadata(&path) {
        Ok(found) => found.is_file(),
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    let hooked = has_resolvconf || roots.etc.join("network/if-up.d/resolved").exists();
    (plain && !hooked).then_some(path)
}

/// Its text with the servers of an injection, IPv4 first; all else stays to the byte. The file is the whole machine's: that
/// one adapter shall have no servers takes none away.
pub(super) fn changed(text: &str, injection: &Injection) -> String {
    let before: Vec<_> = text.lines().filter_map(server).collect();
    let of = |family| before.iter().copied().filter(move |server| Family::of_text(server) == Some(family));
    let mut after = Vec::new();
    for family in Family::BOTH {
        match &family.plan(injection).dns {
            Some(servers) if !servers.is_empty() => after.extend(servers.iter().map(ToString::to_string)),
            _ => after.extend(of(family).map(str::to_owned)),
        }
    }
    let says = Family::BOTH.into_iter().any(|family| family.plan(injection).dns.is_some());
    if !says || after == before {
        return text.to_owned();
    }
    let new: String = after.iter().map(|server| format!("nameserver {server}\n")).collect();
    let mut new = Some(new);
    let mut changed = String::new();
    for line in text.split_inclusive('\n') {
        match server(line) {
            // All of them where the first was.
            Some(_) => changed.push_str(&new.take().unwrap_or_default()),
            None => changed.push_str(line),
        }
    }
    if let Some(new) = new {
        if !changed.is_empty() && !changed.ends_with('\n') {
            changed.push('\n');
        }
        changed.push_str(&new);
    }
    changed
}

/// What it has to be: what it was `before`, if there is nothing in it `now` but that and servers that are `ours`. Where
/// somebody has changed it since, our lines go, those from before come, and the rest stays.
pub(super) fn restored(before: &str, now: &str, ours: &[String]) -> String {
    let was: Vec<_> = before.lines().filter_map(server).collect();
    let is: Vec<_> = now.lines().filter_map(server).collect();
    let put = |server: &str| ours.iter().any(|ours| ours == server) && !was.contains(&server);
    let rest = |text: &str| -> Vec<String> {
        text.lines().filter(|line| server(line).is_none()).map(str::to_owned).collect()
    };
    if rest(before) == rest(now) && is.iter().all(|server| put(server) || was.contains(server)) {
        return before.to_owned();
    }
    let missing = was.iter().filter(|server| !is.contains(server));
    let missing: String = missing.map(|server| format!("nameserver {server}\n")).collect();
    if is.is_empty() {
        let end = if now.is_empty() || now.ends_with('\n') { "" } else { "\n" };
        return format!("{now}{end}{missing}");
    }
    if !is.iter().any(|server| put(server)) {
        return now.to_owned();
    }
    let mut missing = Some(missing);
    let mut restored = String::new();
    for line in now.split_inclusive('\n') {
        match server(line) {
            Some(server) if put(server) => restored.push_str(&missing.take().unwrap_or_default()),
            _ => restored.push_str(line),
        }
    }
    restored
}

/// The server of a line, if it has one.
fn server(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    (words.next() == Some("nameserver")).then(|| words.next())?
}

#[cfg(test)]
mod tests;
