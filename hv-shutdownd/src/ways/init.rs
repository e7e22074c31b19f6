//! The command of an init other than systemd: sysvinit, busybox, OpenRC, runit and others.
//!
//! They all have a `poweroff` and a `reboot` that, without arguments, are the way in order; OpenRC's own init alone is asked by
//! a program of another name. What is run is a fixed path that only root can change, without a shell, with nothing of ours in
//! its environment, in a process group of its own, and within a time.

use std::path::Path;
use std::time::Duration;

use hv_utils_core::hooks::{File, Job, Left, Means, OK};
use hv_utils_core::wire::shutdown::Action;

use super::{Options, Order};

/// How long the command may take: it only tells init.
const TIME: Duration = Duration::from_secs(10);
/// Where they are, below the root.
const DIRECTORIES: [&str; 2] = ["sbin", "usr/sbin"];

/// Runs it. An error is why it is not done.
pub(super) async fn run(options: &Options, order: &Order) -> Result<Option<Left>, String> {
    // Who is process 1 may be hidden from us.
    let init = std::fs::read_to_string(options.proc_root.join("1/comm")).unwrap_or_default();
    let mut why = "there is no command of an init".to_owned();
    for (name, arguments) in commands(init.trim_end(), order.action) {
        for directory in DIRECTORIES.map(|directory| options.root.join(directory)) {
            if !directory.join(name).exists() {
                continue;
            }
            match one(&directory, name, arguments).await {
                Ok(left) => return Ok(left),
                Err(reason) => why = reason,
            }
        }
    }
    Err(why)
}

/// What may be run, best first.
fn commands(init: &str, action: Action) -> Vec<(&'static str, &'static [&'static str])> {
    let mut commands: Vec<(&str, &[&str])> = Vec::new();
    let (own, general): (&[&str], _) = match action {
        Action::PowerOff => (&["--poweroff", "now"], "poweroff"),
        Action::Restart => (&["--reboot", "now"], "reboot"),
        Action::Hibernate => return commands,
    };
    if init == "openrc-init" {
        commands.push(("openrc-shutdown", own));
    }
    commands.push((general, &[]));
    commands
}

async fn one(directory: &Path, name: &str, arguments: &[&str]) -> Result<Option<Left>, String> {
    let path = directory.join(name);
    let words = |why: &str| format!("{}: {why}", path.display());
    File::named(name).program(directory).map_err(|why| words(&why))?;
    // What it leaves running may be what does it.
    let stays = true;
    // Run by its own name, and not by what that leads to: it tells a program that has many names, also a script, which is meant.
    let job = Job { program: &path, path: &path, name, arguments, environment: &[], time: TIME, stays };
    let (outcome, left) = Means::Direct.run(&job).await;
    if outcome.result == OK { Ok(left) } else { Err(words(&outcome.result)) }
}
