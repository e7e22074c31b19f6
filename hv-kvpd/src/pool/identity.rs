//! Which machine the pools belong to: SMBIOS UUID and machine-id, remembered in `STATE_DIR/identity`.
//!
//! A disk image that is cloned or captured takes the pools along; what they say was true for another machine. This
//! module only reads, compares and remembers; the pools are cleared by the caller, before the new stamp is written.
//! A part that cannot be read (the UUID is root's) is no reason for anything.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{self, Mode, OFlags};

use super::error::PoolError;
use super::files::{create_dir, sync_dir};
use super::medium::{DiskFile, Medium};
use super::types::PoolOptions;

/// What is known of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Identity {
    /// SMBIOS UUID, lower case.
    uuid: Option<String>,
    /// machine-id(5), 32 hexadecimal digits.
    machine_id: Option<String>,
}

impl Identity {
    /// The identity of this machine.
    pub(crate) fn current(options: &PoolOptions) -> Identity {
        let uuid = first_word(&options.sysfs_root.join("class/dmi/id/product_uuid"));
        let machine_id = first_word(&options.etc_root.join("machine-id"));
        Identity {
            uuid: uuid.filter(|text| is_hex(text, 36) && text.bytes().any(|byte| !b"0f-".contains(&byte))),
            machine_id: machine_id.filter(|text| is_hex(text, 32)),
        }
    }

    /// What was remembered; nothing if there is no stamp, or none that can be understood.
    pub(crate) fn remembered(state_dir: &Path) -> Option<Identity> {
        let mut text = String::new();
        File::open(stamp_path(state_dir)).ok()?.take(4096).read_to_string(&mut text).ok()?;
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.map(|value| value.trim().to_owned())
        };
        let found = Identity { uuid: value("uuid"), machine_id: value("machine-id") };
        (found != Identity::default()).then_some(found)
    }

    /// The first part that is known of both and differs.
    pub(crate) fn difference(&self, other: &Identity) -> Option<&'static str> {
        let differ = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some() && a != b;
        if differ(&self.uuid, &other.uuid) {
            Some("SMBIOS UUID")
        } else if differ(&self.machine_id, &other.machine_id) {
            Some("machine-id")
        } else {
            None
        }
    }

    /// This identity, completed by what only the other knows.
    pub(crate) fn or(self, other: Option<Identity>) -> Identity {
        let other = other.unwrap_or_default();
        Identity { uuid: self.uuid.or(other.uuid), machine_id: self.machine_id.or(other.machine_id) }
    }

    /// Remembers it, atomically and durably.
    ///
    /// # Errors
    /// The old stamp stays.
    pub(crate) fn remember(&self, state_dir: &Path) -> Result<(), PoolError> {
        create_dir(state_dir, Mode::from_raw_mode(0o755))?;
        let line = |name: &str, value: &Option<String>| match value {
            Some(value) => format!("{name}={value}\n"),
            None => String::new(),
        };
        let text = line("uuid", &self.uuid) + &line("machine-id", &self.machine_id);
        let (path, unfinished) = (stamp_path(state_dir), state_dir.join(".identity.new"));
        let failed = |operation| {
            let path = path.clone();
            move |errno| PoolError::io(operation, &path, errno)
        };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::open(&unfinished, flags, Mode::RUSR | Mode::WUSR).map_err(failed("create"))?;
        let file = DiskFile::new(file);
        file.write_full(text.as_bytes(), 0).and_then(|()| file.sync()).map_err(failed("write"))?;
        fs::rename(&unfinished, &path).map_err(failed("replace"))?;
        sync_dir(state_dir)
    }
}

/// Seconds since 1970 at which this boot began; none if procfs does not tell.
pub(crate) fn boot_time(proc_root: &Path) -> Option<i64> {
    let stat = BufReader::new(File::open(proc_root.join("stat")).ok()?.take(16 * 1024 * 1024));
    let line = stat.lines().map_while(Result::ok).find(|line| line.starts_with("btime "))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The kernel's id of this boot; all zero if it cannot be read.
pub(crate) fn boot_id(proc_root: &Path) -> [u8; 16] {
    let text = first_word(&proc_root.join("sys/kernel/random/boot_id")).unwrap_or_default();
    let digits: Vec<u8> =
        text.bytes().filter_map(|byte| char::from(byte).to_digit(16)).map(|d| d as u8).collect();
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    bytes.try_into().unwrap_or_default()
}

/// True for a record that cloud-init has written since this boot began: `CLOUD_INIT|<start of its boot>|…`.
pub(crate) fn is_fresh_telemetry(key: &[u8], boot_time: Option<i64>) -> bool {
    // cloud-init takes the boot time from the uptime, a few seconds before or after the kernel's.
    const TOLERANCE: i64 = 10;
    let Some(boot_time) = boot_time else { return false };
    let mut parts = key.split(|&byte| byte == b'|');
    let prefix = parts.next();
    let incarnation = parts.next().and_then(|part| std::str::from_utf8(part).ok()?.parse::<i64>().ok());
    prefix == Some(b"CLOUD_INIT")
        && parts.next().is_some()
        && incarnation.is_some_and(|at| at >= boot_time - TOLERANCE)
}

fn stamp_path(state_dir: &Path) -> PathBuf {
    state_dir.join("identity")
}

fn first_word(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(256).read_to_string(&mut text).ok()?;
    text.split_ascii_whitespace().next().map(str::to_ascii_lowercase)
}

fn is_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests;
