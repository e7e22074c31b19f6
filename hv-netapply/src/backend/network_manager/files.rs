//! NetworkManager's profiles as files, for the time before it runs: which one an adapter has, and where it may be changed.
//!
//! NetworkManager takes the profile of `/run` before one of `/etc` with the same UUID, and that one before one of `/usr/lib`
//! (seen with 1.42). So what is in `/usr/lib` is copied to `/etc` under the same name; what is in `/run`, where it is made
//! anew at each boot by somebody else, gets a copy of its own with a UUID of its own, which NetworkManager prefers.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hv_utils_core::daemon::{directory, replace};
use hv_utils_core::netapply::Injection;

use super::keyfile::Keyfile;
use super::profile::Profile;
use super::stored;
use crate::backend::Target;
use crate::error::Error;
use crate::world::World;

/// Below each root.
const DIRECTORY: &str = "NetworkManager/system-connections";
/// How long NetworkManager's parser may take.
const PARSER_PATIENCE: Duration = Duration::from_secs(5);
/// Above what another profile has.
const PREFERRED: i32 = 1;

/// Where a profile was found, in NetworkManager's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Run,
    Etc,
    Usr,
}

/// A profile on disk.
#[derive(Debug, Clone)]
struct Stored {
    path: PathBuf,
    level: Level,
    file: Keyfile,
    profile: Profile,
}

/// The directory for what is to stay.
pub(super) fn home(world: &World) -> PathBuf {
    world.roots.etc.join(DIRECTORY)
}

/// The files in `directory` that have the profile `uuid`.
pub(super) fn with_uuid(directory: &Path, uuid: &str) -> Vec<PathBuf> {
    let all = read(directory, Level::Etc).into_iter();
    all.filter(|stored| stored.profile.uuid == uuid).map(|stored| stored.path).collect()
}

/// The same for the directory for what is to stay and the one until the next boot.
pub(super) fn all_with_uuid(world: &World, uuid: &str) -> Vec<PathBuf> {
    let directories = [home(world), world.roots.run.join(DIRECTORY)];
    directories.iter().flat_map(|directory| with_uuid(directory, uuid)).collect()
}

/// The file that an injection is written into.
pub(super) fn destination(world: &World, target: &Target) -> PathBuf {
    place(world, target, &chosen(world, target))
}

/// Writes the injection, durably. Returns the file.
pub(super) async fn write(world: &World, target: &Target, injection: &Injection) -> Result<PathBuf, Error> {
    let chosen = chosen(world, target);
    let path = place(world, target, &chosen);
    let mut file = match chosen {
        Some(stored) => {
            refuse_port(&stored.profile, target)?;
            let mut file = stored.file;
            if stored.level == Level::Run {
                let priority = stored.profile.priority.saturating_add(PREFERRED).to_string();
                file.set("connection", "uuid", &target.adapter);
                file.set("connection", "autoconnect-priority", &priority);
                file.remove(".nmmeta", |_, _| true);
            }
            file
        }
        None => stored::fresh(target, above_shared(world, target)),
    };
    stored::inject(&mut file, target, injection);
    let text = file.text();
    check(world, &text).await?;
    directory(&home(world))?;
    replace(&path, text.as_bytes(), 0o600)?;
    Ok(path)
}

/// A part of a bond or a bridge has no addresses.
pub(super) fn refuse_port(profile: &Profile, target: &Target) -> Result<(), Error> {
    if profile.port_of.is_empty() {
        return Ok(());
    }
    Err(Error::not_supported(format!(
        "NetworkManager has {} as a part of a {}, which has the addresses: configure that one in the guest",
        target.interface, profile.port_of
    )))
}

fn place(world: &World, target: &Target, chosen: &Option<Stored>) -> PathBuf {
    let own = OsStr::new("hv-utils-").to_owned();
    match chosen {
        Some(Stored { path, level: Level::Etc, .. }) => path.clone(),
        Some(Stored { path, level: Level::Usr, .. }) => home(world).join(path.file_name().unwrap_or(&own)),
        _ => home(world).join(format!("hv-utils-{}.nmconnection", target.interface)),
    }
}

/// The profile that NetworkManager will use for the adapter, if it is that adapter's alone.
fn chosen(world: &World, target: &Target) -> Option<Stored> {
    let fitting = fitting(world, target).into_iter().filter(|stored| !stored.profile.shared);
    fitting.max_by_key(|stored| stored.profile.rank())
}

/// What our own profile's priority has to be to be used in place of one for many links.
fn above_shared(world: &World, target: &Target) -> i32 {
    let priorities = fitting(world, target).into_iter().map(|stored| stored.profile.priority);
    priorities.max().map_or(0, |priority| priority.saturating_add(PREFERRED))
}

fn fitting(world: &World, target: &Target) -> Vec<Stored> {
    let roots = &world.roots;
    let levels = [(&roots.run, Level::Run), (&roots.etc, Level::Etc), (&roots.usr.join("lib"), Level::Usr)];
    let used = fs::read_to_string(roots.var_lib.join("NetworkManager/timestamps")).unwrap_or_default();
    let used = Keyfile::parse(&used);
    let mut known: Vec<Stored> = Vec::new();
    for (root, level) in levels {
        for mut stored in read(&root.join(DIRECTORY), level) {
            let uuid = &stored.profile.uuid;
            let is_hidden = !uuid.is_empty() && known.iter().any(|other| other.profile.uuid == *uuid);
            if is_hidden {
                continue;
            }
            let timestamp = used.get("timestamps", uuid).and_then(|seconds| seconds.parse().ok());
            stored.profile.timestamp = timestamp.unwrap_or(0);
            known.push(stored);
        }
    }
    known.retain(|stored| stored.profile.autoconnect && stored.profile.fits(target));
    known
}

/// The profiles of a directory, as far as NetworkManager reads them.
fn read(directory: &Path, level: Level) -> Vec<Stored> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let stored = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        let is_profile = name.ends_with(".nmconnection") || level == Level::Etc;
        if !is_profile || name.starts_with('.') || name.ends_with('~') || name.ends_with(".bak") {
            return None;
        }
        let metadata = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
        // It does not read what others could have read or written.
        if level != Level::Usr && metadata.mode() & 0o077 != 0 {
            return None;
        }
        let file = Keyfile::parse(&fs::read_to_string(&path).ok()?);
        // What it has made itself it does not read again.
        if file.get(".nmmeta", "nm-generated") == Some("true") {
            return None;
        }
        let profile = stored::profile(&file);
        Some(Stored { path, level, file, profile })
    };
    paths.into_iter().filter_map(stored).collect()
}

/// Has NetworkManager's own parser read it, where there is one that works without NetworkManager (1.40 and later).
async fn check(world: &World, text: &str) -> Result<(), Error> {
    let nmcli = world.roots.usr.join("bin/nmcli");
    if !nmcli.exists() {
        return Ok(());
    }
    let arguments = ["--offline", "connection", "modify", "connection.autoconnect", "yes"].map(OsStr::new);
    match world.command_with(&nmcli, &arguments, text.as_bytes(), PARSER_PATIENCE).await {
        Err(error) if !error.to_string().contains("--offline") => Err(error),
        // An older one does not know the option.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
