//! The administrator's programs in `/etc/hv-utils/ip.d`: told what became of an injection, after it has become so.
//!
//! Executable files, in the order of their names; names with a dot at the start or a `~` at the end are left out. Only
//! root's own, which nobody else may write: they run as root. Each gets the record as JSON on standard input and the most
//! needed of it in its environment, no shell, a process group of its own and a time limit. What they do changes nothing any
//! more: a failure is logged.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use hv_utils_core::netapply::{Addressing, Plan, Record};
use tokio::sync::Notify;

use crate::world::World;

/// Below the machine's configuration.
const DIRECTORY: &str = "hv-utils/ip.d";
/// More are not run.
const MOST: usize = 32;

/// Records that hooks are still to be told of, in the order in which they came to be: never two at once, since the last one
/// has to have the last word. In a thread of its own, with a [`tokio::task::LocalSet`].
#[derive(Debug)]
pub struct Hooks {
    world: Rc<World>,
    waiting: Rc<RefCell<VecDeque<Record>>>,
    at_work: Rc<Cell<bool>>,
    done: Rc<Notify>,
}

/// Whatever becomes of the task: nobody waits for it in vain.
struct AtWork(Rc<Cell<bool>>, Rc<Notify>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.set(false);
        self.1.notify_waiters();
    }
}

impl Hooks {
    /// Nothing is to be told yet.
    #[must_use]
    pub fn new(world: Rc<World>) -> Self {
        Self { world, waiting: Rc::default(), at_work: Rc::default(), done: Rc::default() }
    }

    /// Has the hooks told, after those that were to be told before; nobody waits for them.
    pub fn tell(&self, record: Record) {
        self.waiting.borrow_mut().push_back(record);
        if self.at_work.replace(true) {
            return;
        }
        let (world, waiting) = (Rc::clone(&self.world), Rc::clone(&self.waiting));
        let at_work = AtWork(Rc::clone(&self.at_work), Rc::clone(&self.done));
        tokio::task::spawn_local(async move {
            loop {
                let next = waiting.borrow_mut().pop_front();
                let Some(record) = next else { break };
                run(&world, &record).await;
            }
            drop(at_work);
        });
    }

    /// Waits until all have been told.
    pub async fn finish(&self) {
        loop {
            let done = self.done.notified();
            if !self.at_work.get() {
                return;
            }
            done.await;
        }
    }
}

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

#[cfg(test)]
mod tests;
