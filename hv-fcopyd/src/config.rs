//! `[file-copy]`: from what was written to what is meant.
//!
//! Reading and merging files, and reporting everything that is wrong in them, is the core's, and so is
//! `max-message-version`. What is wrong here has its default; the shell does not start with it. Names of users and groups
//! are looked up in this machine's own files, once: a daemon that waited for a directory service would not start
//! without a network.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use hv_utils_core::daemon::CommonArgs;
use hv_utils_core::daemon::config::Table;

use crate::file;
use crate::target::{Creation, Owner};

/// Arguments beyond those that every daemon has.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {}

/// Everything that can be decided about this daemon, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether anything is taken at all (`enabled`).
    pub enabled: bool,
    /// The directories that files may go to (`roots`).
    pub roots: Vec<PathBuf>,
    /// The one among them that is this daemon's own, and made if it is not there: nobody has named others.
    pub own_root: Option<PathBuf>,
    /// The largest file, bytes (`max-file-mib`).
    pub max_file: u64,
    /// Bytes per second on average (`max-rate-kib-per-sec`); `None`: as fast as they come.
    pub max_rate: Option<NonZeroU64>,
    /// What a file is to be like (`mode`, `owner`, `min-free-mib`).
    pub file: file::Rules,
    /// What directories that are made are to be like (`directory-mode`, `owner`).
    pub directory: Creation,
}

const MIB: u64 = 1 << 20;
const KIB: u64 = 1 << 10;
const MAX_FILE_MIB: u64 = 16_384;
const MIN_FREE_MIB: u64 = 256;
const MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;
/// More roots are more likely a mistake than a need, and each is looked at for each file.
const MOST_ROOTS: usize = 64;

impl Settings {
    /// Reads `[file-copy]`; what is wrong is reported through the table.
    pub fn read(table: &mut Table<'_>, common: &CommonArgs) -> Settings {
        let (roots, own_root) = roots(table, &common.state_dir);
        let owner = owner(table, &common.etc_root);
        let mut mode = |key| table.parsed(key, "permission bits in octal, such as \"0644\"", permissions);
        let (file_mode, directory_mode) =
            (mode("mode").unwrap_or(MODE), mode("directory-mode").unwrap_or(DIRECTORY_MODE));
        let min_free = table.integer("min-free-mib", 0..=1_048_576).unwrap_or(MIN_FREE_MIB);
        let rate = table.integer("max-rate-kib-per-sec", 0..=1_048_576_000).unwrap_or(0);
        Settings {
            enabled: table.boolean("enabled").unwrap_or(false),
            roots,
            own_root,
            max_file: table.integer("max-file-mib", 1..=1_048_576).unwrap_or(MAX_FILE_MIB) * MIB,
            max_rate: NonZeroU64::new(rate * KIB),
            file: file::Rules { mode: file_mode, owner, min_free: min_free * MIB },
            directory: Creation { mode: directory_mode, owner },
        }
    }
}

/// The roots, and which of them is our own.
fn roots(table: &mut Table<'_>, state_dir: &Path) -> (Vec<PathBuf>, Option<PathBuf>) {
    let must = "a path that begins with / and has no . or .. in it";
    let own = state_dir.join("incoming");
    let Some(roots) = table.list("roots", must, root) else { return (vec![own.clone()], Some(own)) };
    if roots.is_empty() {
        table.reject("roots", "is empty, so that no file could be taken: to take none, set enabled = false");
    }
    if roots.len() > MOST_ROOTS {
        table.reject("roots", format!("has {} directories: {MOST_ROOTS} at most", roots.len()));
    }
    if roots.iter().any(|root| root == Path::new("/")) {
        table.warn("roots", "has / in it: the host may then replace any file of this machine");
    }
    (roots, None)
}

fn root(text: &str) -> Option<PathBuf> {
    let plain = text.split('/').all(|part| part != "." && part != "..");
    (text.starts_with('/') && plain && !text.contains('\0')).then(|| PathBuf::from(text))
}

/// `0644`; three or four octal digits, because a number in the file would be taken for a decimal one.
fn permissions(text: &str) -> Option<u32> {
    let digits = (3..=4).contains(&text.len()) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let bits = u32::from_str_radix(text, 8).ok().filter(|_| digits)?;
    (bits <= 0o777).then_some(bits)
}

fn owner(table: &mut Table<'_>, etc: &Path) -> Owner {
    let must = "\"USER\" or \"USER:GROUP\", each a name of this machine's or a number";
    let Some(text) = table.string("owner") else { return Owner::default() };
    let (user, group) =
        text.split_once(':').map_or((text.as_str(), None), |(user, group)| (user, Some(group)));
    match find_owner(user, group, etc) {
        Ok(owner) => owner,
        Err(Unknown::Form) => {
            table.reject("owner", format!("must be {must}, not {text:?}"));
            Owner::default()
        }
        Err(Unknown::Name(file, name)) => {
            table.reject(
                "owner",
                format!("there is no {name:?} in {}: a number does as well", etc.join(file).display()),
            );
            Owner::default()
        }
    }
}

enum Unknown<'a> {
    /// It is neither a name nor a number.
    Form,
    /// This file does not have that name.
    Name(&'static str, &'a str),
}

/// Without a group it is the user's own, as at a login.
fn find_owner<'a>(user: &'a str, group: Option<&'a str>, etc: &Path) -> Result<Owner, Unknown<'a>> {
    let asked = group.map(number).transpose()?;
    let (user, own_group) = match number(user)? {
        Some(user) => (user, own_group(etc, user)),
        None => named(etc, "passwd", user).ok_or(Unknown::Name("passwd", user))?,
    };
    let group = match (group, asked.flatten()) {
        (None, _) => own_group,
        (_, Some(number)) => Some(number),
        (Some(group), None) => Some(named(etc, "group", group).ok_or(Unknown::Name("group", group))?.0),
    };
    Ok(Owner { user: Some(user), group })
}

/// `None`: a name.
fn number(text: &str) -> Result<Option<u32>, Unknown<'static>> {
    if text.is_empty() || text.contains(['/', ':', '\n', '\0', ' ']) {
        return Err(Unknown::Form);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    // The last number is that of nobody: chown(2) takes it for "as it is".
    text.parse().ok().filter(|number| *number != u32::MAX).map(Some).ok_or(Unknown::Form)
}

/// Number, and for a user that of its group, of a line of `passwd` or `group`.
fn named(etc: &Path, file: &str, name: &str) -> Option<(u32, Option<u32>)> {
    let text = std::fs::read_to_string(etc.join(file)).ok()?;
    let mut lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let fields = lines.find(|fields| fields.first() == Some(&name))?;
    Some((fields.get(2)?.parse().ok()?, fields.get(3).and_then(|group| group.parse().ok())))
}

/// The group of the user with this number.
fn own_group(etc: &Path, user: u32) -> Option<u32> {
    let text = std::fs::read_to_string(etc.join("passwd")).ok()?;
    let mut lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let fields = lines.find(|fields| fields.get(2).and_then(|number| number.parse().ok()) == Some(user))?;
    fields.get(3)?.parse().ok()
}

#[cfg(test)]
mod tests;
