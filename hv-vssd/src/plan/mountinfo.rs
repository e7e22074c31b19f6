//! One line of `mountinfo`, taken apart (proc_pid_mountinfo(5), `fs/proc_namespace.c`).
//!
//! What is written there is other people's: names of directories, of devices, of types. Paths stay the bytes that they are;
//! a line that is none is passed over, because one mount that cannot be read must not keep the others from a backup.

use super::Device;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// One mount. The order is by number first, and otherwise only there to be the same whatever order the lines come in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mount {
    /// The kernel's number of it.
    pub(super) id: u64,
    /// The number of the mount that it is mounted on.
    pub(super) parent: u64,
    /// The superblock's numbers.
    pub(super) device: Device,
    /// What of the filesystem is mounted, seen from its own root: `/` if all of it.
    pub(super) root: PathBuf,
    /// Where.
    pub(super) point: PathBuf,
    /// The type, with a FUSE filesystem's own after a dot.
    pub(super) kind: String,
    /// What was mounted.
    pub(super) source: PathBuf,
    /// The superblock's options, still escaped: `rw` or `ro` first.
    pub(super) options: Vec<u8>,
}

impl Mount {
    /// Whether nobody can write to the superblock; that one mount of it is read-only says nothing about others.
    pub(super) fn is_read_only(&self) -> bool {
        self.options.split(|byte| *byte == b',').next() == Some(b"ro")
    }

    /// The value of an option of the superblock.
    pub(super) fn option(&self, name: &str) -> Option<PathBuf> {
        let mut options = self.options.split(|byte| *byte == b',');
        let value = options.find_map(|option| option.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
        Some(path(value))
    }
}

/// All mounts, by number, each once: the file may change while it is read, and then names one twice.
pub(super) fn parse(text: &[u8]) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = text.split(|byte| *byte == b'\n').filter_map(line).collect();
    mounts.sort();
    mounts.dedup_by_key(|mount| mount.id);
    mounts
}

fn line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = number(fields.next()?)?;
    let parent = number(fields.next()?)?;
    let device = device(fields.next()?)?;
    let root = path(fields.next()?);
    let point = Some(path(fields.next()?)).filter(|point| point.is_absolute())?;
    fields.next()?; // the mount's own options
    fields.find(|field| *field == b"-")?; // after any number of optional fields
    let kind = fields.next().filter(|kind| !kind.is_empty())?;
    let source = fields.next()?;
    Some(Mount {
        id,
        parent,
        device,
        root,
        point,
        kind: String::from_utf8_lossy(&decoded(kind)).into_owned(),
        source: path(source),
        options: fields.next()?.to_vec(),
    })
}

/// A number as the kernel writes it: nothing but digits.
fn number<N: std::str::FromStr>(field: &[u8]) -> Option<N> {
    let digits = field.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(field).ok().filter(|_| digits)?.parse().ok()
}

/// `major:minor`, as here and in sysfs.
pub(super) fn device(field: &[u8]) -> Option<Device> {
    let colon = field.iter().position(|byte| *byte == b':')?;
    Some(Device { major: number(&field[..colon])?, minor: number(&field[colon + 1..])? })
}

fn path(field: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(decoded(field)))
}

/// Without the kernel's escapes: a backslash and three octal digits, for what would end a field or a line. A backslash
/// followed by anything else is itself.
fn decoded(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'\\').then(|| octal(after)).flatten();
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[3..] } else { after };
    }
    bytes
}

fn octal(digits: &[u8]) -> Option<u8> {
    let digits = digits.get(..3)?.iter().map(|digit| digit.checked_sub(b'0').filter(|value| *value < 8));
    digits.into_iter().try_fold(0_u8, |value, digit| value.checked_mul(8)?.checked_add(digit?))
}
