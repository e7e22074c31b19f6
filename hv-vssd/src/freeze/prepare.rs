//! From an order to a session: the plan, the filesystems opened, the record written. Nothing is frozen here.

use super::record::{self, Record};
use super::session::{Session, Wish};
use super::{After, Order, open, recover, tell};
use crate::plan::{Entry, Roots};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A record is written over only if nothing of it is frozen any more.
pub(super) fn nothing_left(run_dir: &Path, roots: &Roots, boot_id: &str) -> Result<(), String> {
    match recover(run_dir, roots, boot_id, After::Forget)?
        .and_then(|leftover| leftover.stuck.into_iter().next())
    {
        Some(stuck) => Err(format!("something of an earlier freeze is still frozen: {stuck}")),
        None => Ok(()),
    }
}

/// From the plan to filesystems that are opened and a record that says so.
pub(super) fn prepare(
    order: &Order,
    path: &Path,
    roots: &Roots,
    boot_id: &str,
    wish: Arc<Wish>,
) -> Result<Session, String> {
    // Mounts come and go: what is gone when it is opened is not in the next plan.
    let (entries, targets) = open_all(order).or_else(|_| open_all(order))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if wish.is_over() {
        return Err("given up before anything was frozen".into());
    }
    let record = Record::create(path, &entries, order.origin, crate::report::micros(now), boot_id);
    let record = record.map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    if let Some(entry) = entries.iter().find(|entry| open::holds(entry, record.descriptor(), &roots.proc)) {
        super::recover::forget(path);
        let mount = entry.mount.display();
        return Err(format!(
            "{} is on {mount}, which is to be frozen: it has to be on a tmpfs",
            path.display()
        ));
    }
    Ok(Session { record, targets, wish, time: order.time, lenient: order.lenient })
}

fn open_all(order: &Order) -> Result<(Vec<Entry>, Vec<OwnedFd>), String> {
    let plan = (order.planner)()?;
    if let Some(refusal) = plan.refusal() {
        return Err(refusal);
    }
    let entries: Vec<Entry> = plan.targets().cloned().collect();
    if entries.len() > record::MOST {
        return Err(format!("there are {} filesystems, more than {}", entries.len(), record::MOST));
    }
    let open = |entry| open::target(entry).map_err(|reason| tell::unreached(entry, reason));
    let targets = entries.iter().map(open).collect::<Result<_, _>>()?;
    Ok((entries, targets))
}
