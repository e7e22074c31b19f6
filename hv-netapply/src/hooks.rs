//! The administrator's programs in `/etc/hv-utils/ip.d`: told what became of an injection, after it has become so.
//!
//! Executable files, in the order of their names; names with a dot at the start or a `~` at the end are left out. Only
//! root's own, which nobody else may write: they run as root. Each gets the record as JSON on standard input and the most
//! needed of it in its environment, no shell, a process group of its own and a time limit. What they do changes nothing any
//! more: a failure is logged.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hv_utils_core::netapply::{Addressing, Plan, Record};

use crate::world::World;

/// Below the machine's configuration.
const DIRECTORY: &str = "hv-utils/ip.d";
/// More are not run.
const MOST: usize = 32;

/// Runs all hooks for a record, one after the other.
pub async fn run(world: &World, record: &Record) {
    let Ok(json) = serde_json::to_vec(record) else { return };
    let environment = environment(record);
    for program in programs(&world.roots.etc.join(DIRECTORY)) {
        let hook = world.hook(&program, &environment, &json, world.settings.hook_timeout);
        if let Err(error) = hook.await {
            tracing::warn!("hook {error}");
        }
    }
}

fn environment(record: &Record) -> Vec<(&'static str, String)> {
    let Record { injection, .. } = record;
    let list = |plan: &Plan| match &plan.addressing {
        Addressing::Static(networks) => {
            networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
        Addressing::Automatic => "automatic".to_owned(),
        Addressing::Keep => String::new(),
    };
    let ips = |pick: fn(&Plan) -> Vec<std::net::IpAddr>| {
        let all = pick(&injection.ipv4).into_iter().chain(pick(&injection.ipv6));
        all.map(|ip| ip.to_string()).collect::<Vec<_>>().join(" ")
    };
    vec![
        ("HV_IP_EVENT", record.outcome.as_str().to_owned()),
        ("HV_IP_INTERFACE", record.interface.clone()),
        ("HV_IP_ADAPTER", injection.adapter.clone()),
        ("HV_IP_BACKEND", record.backend.clone()),
        ("HV_IP_IPV4", list(&injection.ipv4)),
        ("HV_IP_IPV6", list(&injection.ipv6)),
        ("HV_IP_GATEWAYS", ips(|plan| plan.gateways.clone())),
        ("HV_IP_DNS", ips(|plan| plan.dns.clone().unwrap_or_default())),
        ("HV_IP_MESSAGE", record.message.clone()),
    ]
}

fn programs(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut programs: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_hook(path)).collect();
    programs.sort();
    if programs.len() > MOST {
        tracing::warn!("{} holds more than {MOST} hooks: only the first are run", directory.display());
        programs.truncate(MOST);
    }
    programs
}

fn is_hook(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or(".");
    if name.starts_with('.') || name.ends_with('~') {
        return false;
    }
    let Ok(metadata) = fs::metadata(path) else { return false };
    if !metadata.is_file() || metadata.mode() & 0o111 == 0 {
        return false;
    }
    let own = rustix::process::geteuid().as_raw();
    let safe = (metadata.uid() == 0 || metadata.uid() == own) && metadata.mode() & 0o022 == 0;
    if !safe {
        tracing::warn!("hook {} is not run: somebody else than root can change it", path.display());
    }
    safe
}
