//! Files that the host sends: whole and unchanged, in every length of name and script, and nothing left of one that was cut.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use super::guest::bus;
use super::systemd::{daemon, ready};
use crate::machine::{Machine, fail};

/// Where files go.
const ROOT: &str = "/var/lib/hv-utils/incoming";
/// The service switched on.
const ENABLED: &str = "[file-copy]\\nenabled = true\\n";
/// Bytes of the large file.
const LARGE: u64 = 100 << 20;
/// Bytes of the small one: a last piece that is not a whole one.
const SMALL: u64 = (1 << 20) + 4321;
/// A name in several scripts, with a character outside the basic plane.
const NAME: &str = "Grüße an 東京 Ω 😀.txt";

/// A file of so many bytes, each piece of which is another; made once.
#[track_caller]
pub(crate) fn source(machine: &Machine, bytes: u64) -> PathBuf {
    let path = machine.dir().join(format!("source-{bytes}"));
    if !path.exists() {
        let made = File::create(&path).and_then(|file| {
            let mut file = std::io::BufWriter::new(file);
            let mut word = 0x9e37_79b9_7f4a_7c15_u64;
            for _ in 0..bytes.div_ceil(8) {
                // xorshift64
                word ^= word << 13;
                word ^= word >> 7;
                word ^= word << 17;
                file.write_all(&word.to_le_bytes())?;
            }
            file.into_inner().map_err(std::io::IntoInnerError::into_error)?.set_len(bytes)
        });
        made.unwrap_or_else(|error| fail(&format!("cannot make {}: {error}", path.display())));
    }
    path
}

/// SHA-256 of a file of this machine's.
#[track_caller]
pub(crate) fn sum(path: &std::path::Path) -> String {
    let output = Command::new("sha256sum").arg(path).output();
    let output = output.unwrap_or_else(|error| fail(&format!("sha256sum: {error}")));
    String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap_or_default().to_owned()
}

/// Copies a file and looks whether it arrived.
#[track_caller]
fn copy(machine: &Machine, bytes: u64, name: &str, options: &[&str]) {
    let source = source(machine, bytes);
    let target = format!("{ROOT}/{name}");
    let mut words = vec!["copy-vmfile", source.to_str().unwrap_or_default(), &target];
    words.extend(options);
    let object = machine.ask(&words).done();
    println!(
        "               {name}: {bytes} bytes, {:.1} MiB/s",
        object["mib_per_second"].as_f64().unwrap_or_default()
    );
    let there = machine.sh(&format!("sha256sum '{target}'"));
    assert_eq!(there.split(' ').next().unwrap_or_default(), sum(&source), "{target}");
    assert_eq!(machine.sh(&format!("stat -c %s '{target}'")).trim(), bytes.to_string());
    assert_eq!(left(machine, &target), 0, "something else was left in {ROOT}");
    machine.sh(&format!("rm '{target}'"));
}

/// Files in the root, hidden ones included, beside this one.
#[track_caller]
fn left(machine: &Machine, target: &str) -> usize {
    machine.sh(&format!("find {ROOT} -type f ! -path '{target}'")).lines().count()
}

pub(super) fn large_file_arrives(machine: &mut Machine) {
    daemon(machine, "hv-fcopyd", ENABLED);
    copy(machine, LARGE, "large", &[]);
}

pub(super) fn names_flags_and_refusals(machine: &mut Machine) {
    daemon(machine, "hv-fcopyd", ENABLED);
    copy(machine, SMALL, NAME, &[]);
    names_and_refusals(machine);
}

/// What is alike on every transport.
#[track_caller]
fn names_and_refusals(machine: &Machine) {
    let source = source(machine, SMALL);
    let source = source.to_str().unwrap_or_default();
    // A directory that is missing, made only where it is asked for.
    let below = format!("{ROOT}/sub/dir/file");
    super::systemd::refused_with(machine.ask(&["copy-vmfile", source, &below]), "0x80070003");
    machine.ask(&["copy-vmfile", source, &below, "--create-full-path"]).done();
    // A file that is there, replaced only where it is asked for.
    super::systemd::refused_with(machine.ask(&["copy-vmfile", source, &below]), "0x80070050");
    machine.ask(&["copy-vmfile", source, &below, "--force"]).done();
    // Out of the root.
    let answer = machine.ask(&["copy-vmfile", source, "/etc/forged"]).with_code(1);
    assert_eq!(machine.guest("[ -e /etc/forged ]").code, 1, "{answer:?}");
    let answer = machine.ask(&["copy-vmfile", source, &format!("{ROOT}/../forged")]).with_code(1);
    assert_eq!(machine.guest(&format!("[ -e {ROOT}/../forged ]")).code, 1, "{answer:?}");
    // Given up in the middle.
    machine.ask(&["copy-vmfile", source, &format!("{ROOT}/cancelled"), "--cancel-after", "500000"]);
    machine.until(&format!("[ $(find {ROOT} -type f | wc -l) = 1 ]"));
    machine.sh(&format!("rm -r {ROOT}/sub"));
}

pub(super) fn service_taken_away_in_the_middle(machine: &mut Machine) {
    daemon(machine, "hv-fcopyd", ENABLED);
    let source = source(machine, SMALL);
    let target = format!("{ROOT}/cut");
    machine.ask(&["copy-vmfile", source.to_str().unwrap_or_default(), &target, "--cut-after", "500000"]);
    // Some of it is there, under whatever name, and the host has nothing more to say.
    assert_eq!(machine.guest(&format!("[ -e {target} ]")).code, 1, "half a file has the name of a whole one");
    machine.until(
        "[ $(busctl get-property org.hvutils.FileCopy1 /org/hvutils/FileCopy1 org.hvutils.FileCopy1 Active \
                   | awk '{print $4}') -ge 490000 ]",
    );
    machine.ask(&["disable-service", "fcopy"]).done();
    machine.until(&format!("[ $(find {ROOT} -type f | wc -l) = 0 ]"));
    machine.sh("systemctl is-active hv-fcopyd");
    // The new device finds no override: on this kernel nobody has the service.
    machine.ask(&["enable-service", "fcopy"]).done();
    let device = super::guest::FILE_COPY;
    machine.until(&format!("[ -e /sys/bus/vmbus/devices/{device} ]"));
    machine.sh(&super::guest::bind_script(device, "uio_hv_generic"));
    ready(machine, "hv-fcopyd");
    copy(machine, SMALL, "again", &[]);
}

pub(super) fn older_char_device(machine: &mut Machine) {
    bus(machine);
    // The case before may have left it without a driver: this kernel refuses the raw channel.
    machine.guest(&super::guest::bind_script(super::guest::FILE_COPY, "hv_utils"));
    machine.sh(&format!(
        "mkdir -p /etc/hv-utils {ROOT}; printf '{ENABLED}min-free-mib = 16\\n' >/etc/hv-utils/copy.toml; \
         setsid hv-fcopyd --config /etc/hv-utils/copy.toml --channel hv_utils --log-level debug --log-format text \
         >>/run/hv-fcopyd.log 2>&1 </dev/null & echo $! >/run/fcopy.pid"
    ));
    // The kernel negotiates by itself, and refuses what comes before a daemon.
    machine.until("grep -q 'channel ready on hv_utils' /run/hv-fcopyd.log");
    copy(machine, SMALL, NAME, &[]);
    names_and_refusals(machine);
    machine.sh("kill $(cat /run/fcopy.pid)");
}
