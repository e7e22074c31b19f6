//! The fully qualified name of this machine, from what is on this machine.
//!
//! The C daemon asks the resolver, which may take the DNS's time-outs, and sends the resolver's error text if it
//! fails. Here, in this order, the first that there is:
//!
//! 1. the kernel's host name, if it has a dot;
//! 2. `hosts`: in a line that has the host name among its names, the first name that continues it after a dot;
//! 3. `hostname`, if it continues the kernel's host name after a dot (the kernel has then been given the short form);
//! 4. `resolv.conf`: the last `domain`, which resolv.conf(5) calls the name of the local domain. `search` does not
//!    count: it says where to look for others' names, and routinely lists domains that this machine is not in;
//! 5. the bare host name, as a Windows guest outside of a domain sends it.
//!
//! "localhost" is no machine's own name and is never qualified.

use std::path::{Path, PathBuf};

use super::files;

/// Bytes of a domain name (RFC 1035 §2.3.4), without the last dot.
const MAX_NAME: usize = 253;

/// The files whose change may change the name.
pub(super) fn files(etc_root: &Path) -> impl Iterator<Item = PathBuf> {
    ["hosts", "hostname", "resolv.conf"].into_iter().map(|name| etc_root.join(name))
}

/// The name in full of the machine that the kernel calls `host`.
pub(super) fn qualify(host: &str, etc_root: &Path) -> String {
    if host.is_empty() || host.contains('.') || host.eq_ignore_ascii_case("localhost") {
        return host.to_owned();
    }
    files::find_line(&etc_root.join("hosts"), |line| in_hosts(line, host))
        .or_else(|| files::find_line(&etc_root.join("hostname"), |line| continued(line.trim(), host)))
        .or_else(|| {
            domain(&etc_root.join("resolv.conf")).and_then(|domain| name(&format!("{host}.{domain}")))
        })
        .unwrap_or_else(|| host.to_owned())
}

/// What one line of hosts(5) says: an address, then names, then perhaps a comment.
fn in_hosts(line: &str, host: &str) -> Option<String> {
    let line = line.split('#').next().unwrap_or_default();
    let names = || line.split_ascii_whitespace().skip(1);
    if !names().any(|name| name.eq_ignore_ascii_case(host)) {
        return None;
    }
    names().find_map(|name| continued(name, host))
}

/// `full` without a last dot, if it is `host`, a dot and more.
fn continued(full: &str, host: &str) -> Option<String> {
    let full = name(full)?;
    let rest = full.get(host.len()..).filter(|_| full[..host.len()].eq_ignore_ascii_case(host))?;
    rest.starts_with('.').then_some(full)
}

/// A dotted name that can be one, without a last dot.
fn name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let labels = name.split('.').all(|label| !label.is_empty() && !label.contains(char::is_control));
    (labels && name.len() <= MAX_NAME).then(|| name.to_owned())
}

/// The last `domain` of resolv.conf(5).
fn domain(path: &Path) -> Option<String> {
    let mut domain = None;
    files::find_line::<()>(path, |line| {
        let mut words = line.split_ascii_whitespace();
        if words.next() == Some("domain") && line.starts_with('d') {
            domain = words.next().map(str::to_owned).or(domain.take());
        }
        None
    });
    domain
}

#[cfg(test)]
mod tests;
