//! What a backup is about in a guest: file systems of every kind, "/" among them, writers on each, and a load.
//!
//! A write to a frozen file system cannot be ended by any signal, so nothing here waits for one inside the guest without a
//! way out: writers are processes of their own, and what they do is asked over a socket.

use crate::machine::Machine;

/// A kind of file system, where its disk is and where it is mounted.
const DISKS: [(&str, &str); 4] = [("ext4", "ram1"), ("xfs", "ram2"), ("btrfs", "ram3"), ("f2fs", "ram4")];

/// Where the number of the daemon's process is, whichever it is.
const PID: &str = "/run/vss.pid";

/// Mounts a file system of each kind that the kernel has, one of them twice, and returns their names; "/" is one of them.
#[track_caller]
pub(super) fn mount(machine: &Machine) -> Vec<&'static str> {
    let has = |kind: &str| {
        machine.guest(&format!("modprobe -a crc32_generic {kind}; grep -qw {kind} /proc/filesystems")).code
            == 0
    };
    let disks: Vec<_> = DISKS.into_iter().filter(|(kind, _)| has(kind)).collect();
    for (kind, disk) in &disks {
        machine.sh(&format!(
            "grep -q ' /mnt/{kind} ' /proc/mounts || {{ case {kind} in ext4) force=-F ;; *) force=-f ;; esac; \
             mkdir -p /mnt/{kind}; mkfs.{kind} -q $force /dev/{disk} && mount -t {kind} /dev/{disk} /mnt/{kind}; }}"
        ));
    }
    machine.sh(
        "grep -q ' /mnt/twice ' /proc/mounts || { mkdir -p /mnt/twice; mount --bind /mnt/ext4 /mnt/twice; }",
    );
    disks.into_iter().map(|(kind, _)| kind).chain(["/"]).collect()
}

/// Has a writer on each of them, this many milliseconds between two writes.
#[track_caller]
pub(super) fn writers(machine: &Machine, kinds: &[&str], interval: u32) {
    end_writers(machine);
    let file =
        |kind: &&str| if *kind == "/" { "/var/written".to_owned() } else { format!("/mnt/{kind}/written") };
    let files: Vec<String> = kinds.iter().map(file).collect();
    machine.sh(&format!(
        "setsid hv-vm-disks write {interval} {} >/run/writers.log 2>&1 </dev/null & echo $! >/run/writers.pid",
        files.join(" ")
    ));
    machine.until("hv-vm-disks writers");
}

/// Ends them.
#[track_caller]
pub(super) fn end_writers(machine: &Machine) {
    machine.sh(
        "[ ! -e /run/writers.pid ] || kill -KILL $(cat /run/writers.pid) 2>/dev/null; rm -f /run/writers.pid",
    );
    machine.until("! pidof hv-vm-disks >/dev/null");
}

/// Waits until every writer is held up, in the kernel, in a state that no signal ends.
#[track_caller]
pub(super) fn all_held_up(machine: &Machine, kinds: &[&str]) {
    machine.until(&format!(
        "[ $(cat /proc/$(cat /run/writers.pid)/task/*/stat | grep -c ') D ') = {} ]",
        kinds.len()
    ));
}

/// Every writer gets on; how long the longest of their writes was, ms.
#[track_caller]
pub(super) fn all_get_on(machine: &Machine) -> f64 {
    let told = machine.sh("hv-vm-disks writers");
    let longest = told.split_whitespace().nth(1).and_then(|us| us.parse::<f64>().ok());
    longest.unwrap_or_default() / 1e3
}

/// A log that is written without a pause to "/", a processor that has no time, and writers that never rest.
#[track_caller]
pub(super) fn load(machine: &Machine, kinds: &[&str]) {
    machine.sh(
        "setsid syslogd -n -O /var/log/messages >/dev/null 2>&1 </dev/null & echo $! >/run/load.pid; \
         setsid sh -c 'while :; do logger -t storm \"a line, and one more, and no end to it\"; done' >/dev/null 2>&1 </dev/null & \
         echo $! >>/run/load.pid; \
         setsid sh -c 'while :; do :; done' >/dev/null 2>&1 </dev/null & echo $! >>/run/load.pid",
    );
    machine.until("grep -q storm /var/log/messages");
    writers(machine, kinds, 0);
}

/// Ends it.
#[track_caller]
pub(super) fn end_load(machine: &Machine) {
    machine.sh("kill -KILL $(cat /run/load.pid)");
    end_writers(machine);
}

/// Starts a daemon with these words; its output goes to a log on "/". It is not waited for.
#[track_caller]
pub(super) fn start(machine: &Machine, command: &str) {
    machine.sh(&format!(
        "ln -sf /var/log/vss.log /run/vss.log; \
         setsid {command} >>/var/log/vss.log 2>&1 </dev/null & echo $! >{PID}"
    ));
}

/// Waits until it has the channel: the char device, or the raw one.
#[track_caller]
pub(super) fn connected(machine: &Machine) {
    machine.until(&format!("ls -l /proc/$(cat {PID})/fd | grep -qE 'hv_vss|/dev/uio'"));
    machine.ask(&["wait-guest", "vss"]).done();
}

/// Sends it a signal and waits until it has ended; nothing if none runs.
#[track_caller]
pub(super) fn end(machine: &Machine, signal: &str) {
    machine.sh(&format!("[ ! -e {PID} ] || kill -{signal} $(cat {PID}) 2>/dev/null; true"));
    machine.until(&format!("[ ! -e {PID} ] || ! kill -0 $(cat {PID}) 2>/dev/null"));
    machine.sh(&format!("rm -f {PID}"));
}

/// Thaws whatever is frozen, by a program of its own: for a daemon that has not.
#[track_caller]
pub(super) fn rescue(machine: &Machine) {
    machine.sh("hv-vm-disks thaw / /mnt/*");
}
