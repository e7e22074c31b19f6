//! NetworkManager's profiles as files, for the time before it runs: which one an adapter has, and where it may be changed.
//!
//! NetworkManager takes the profile of `/run` before one of `/etc` with the same UUID, and that one before one of `/usr/lib`
//! (seen with 1.42). So what is in `/usr/lib` is copied to `/etc` under the same name; what somebody else makes anew in `/run`
//! at each boot gets a copy with a UUID of its own, which NetworkManager prefers; and what NetworkManager itself has made
//! there, and would read again if it has only been stopped, moves to `/etc`, as if it had been saved.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hv_utils_core::daemon::{directory, replace};
use hv_utils_core::netapply::Injection;

use super::ifcfg;
use super::keyfile::Keyfile;
use super::profile::Profile;
use super::stored;
use crate::backend::Target;
use crate::error::Error;
use crate::saved::remove;
use crate::world::World;

/// Below each root.
const DIRECTORY: &str = "NetworkManager/system-connections";
/// What NetworkManager notes in its own files.
const GENERATED: &str = ".nmmeta";
/// How long NetworkManager's parser may take.
const PARSER_PATIENCE: Duration = Duration::from_secs(5);
/// Above what another profile has.
const PREFERRED: i32 = 1;
/// The highest there is: nm-settings(5).
const MOST_PRIORITY: i32 = 999;

/// Where a profile was found, in NetworkManager's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// By NetworkManager itself.
    Made,
    /// By somebody else.
    Run,
    Etc,
    Usr,
}

/// Where an injection is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The file.
    pub(super) path: PathBuf,
    /// The one that goes for it.
    pub(super) instead_of: Option<PathBuf>,
}

/// A profile on disk.
#[derive(Debug, Clone)]
struct Stored {
    path: PathBuf,
    level: Level,
    file: Keyfile,
    profile: Profile,
    /// NetworkManager had it active when it was stopped, and will again.
    current: bool,
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

/// A file of [`home`], and the one that may have been in its place: what NetworkManager has to look at.
pub(super) fn with_shadow(world: &World, path: &Path) -> Vec<String> {
    let shadow = world.roots.run.join(DIRECTORY).join(path.file_name().unwrap_or_default());
    let paths = [path, &shadow];
    paths.map(|path| path.to_string_lossy().into_owned()).into()
}

/// Where an injection is written.
pub(super) fn place(world: &World, target: &Target) -> Place {
    place_of(world, target, chosen(world, target).as_ref())
}

/// Writes the injection, durably, unless `allowed` does not have what that would change.
pub(super) async fn write(
    world: &World,
    target: &Target,
    injection: &Injection,
    allowed: impl Fn(&Path) -> bool,
) -> Result<(), Error> {
    let chosen = chosen(world, target);
    let place = place_of(world, target, chosen.as_ref());
    if !allowed(&place.path) || !place.instead_of.as_deref().is_none_or(allowed) {
        return Err(Error::not_applied(format!(
            "the profiles of {} have changed meanwhile",
            target.interface
        )));
    }
    let mut file = match chosen {
        Some(stored) => {
            refuse_port(&stored.profile, target)?;
            let mut file = stored.file;
            if stored.level == Level::Run {
                let priority = stored.profile.priority.saturating_add(PREFERRED).to_string();
                file.set("connection", "uuid", &target.adapter);
                file.set("connection", "autoconnect-priority", &priority);
            }
            file.remove_section(GENERATED);
            file
        }
        None => stored::fresh(target, above_shared(world, target)),
    };
    let note = prefer_to_ifcfg(&mut file, world, target)?;
    stored::inject(&mut file, target, injection);
    let text = file.text();
    let text = if text.contains(&note) { text } else { note + &text };
    check(world, &text).await?;
    directory(&home(world))?;
    replace(&place.path, text.as_bytes(), 0o600)?;
    place.instead_of.map_or(Ok(()), |path| remove(&path))
}

/// Has the profile used in place of the one that NetworkManager makes of an `ifcfg` file, which stays as it is, and returns
/// what is to be said of it in the profile.
fn prefer_to_ifcfg(file: &mut Keyfile, world: &World, target: &Target) -> Result<String, Error> {
    let Some(ifcfg) = ifcfg::preferred(&world.roots, target) else { return Ok(String::new()) };
    refuse_port(&ifcfg.profile, target)?;
    let path = ifcfg.path.display();
    if stored::profile(file).priority <= ifcfg.profile.priority {
        let priority = ifcfg.profile.priority.saturating_add(PREFERRED).min(MOST_PRIORITY);
        file.set("connection", "autoconnect-priority", &priority.to_string());
        tracing::info!("{}: a profile that NetworkManager prefers to {path}, which stays", target.interface);
    }
    Ok(format!("# By hv-netapply: preferred to {path} by autoconnect-priority.\n"))
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

fn place_of(world: &World, target: &Target, chosen: Option<&Stored>) -> Place {
    let home = home(world);
    let name = chosen.and_then(|stored| stored.path.file_name()).unwrap_or_default();
    let (path, instead_of) = match chosen.map(|stored| stored.level) {
        Some(Level::Etc | Level::Usr) => (home.join(name), None),
        Some(Level::Made) => (home.join(name), chosen.map(|stored| stored.path.clone())),
        Some(Level::Run) | None => (home.join(format!("hv-utils-{}.nmconnection", target.interface)), None),
    };
    Place { path, instead_of }
}

/// The profile that NetworkManager will use for the adapter, if it is that adapter's alone.
fn chosen(world: &World, target: &Target) -> Option<Stored> {
    let fitting = fitting(world, target).into_iter().filter(|stored| !stored.profile.shared);
    fitting.max_by_key(|stored| (stored.current, stored.profile.rank()))
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
    let device = roots.run.join("NetworkManager/devices").join(target.index.to_string());
    let device = Keyfile::parse(&fs::read_to_string(device).unwrap_or_default());
    let current = device.get("device", "connection-uuid").unwrap_or_default();
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
            stored.current = !current.is_empty() && stored.profile.uuid == current;
            known.push(stored);
        }
    }
    let is_used = |stored: &Stored| stored.profile.autoconnect || stored.current;
    known.retain(|stored| is_used(stored) && stored.profile.fits(target));
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
        let is_made = level == Level::Run && file.get(GENERATED, "nm-generated") == Some("true");
        // What it merely sees on a link it does not take up again.
        if file.get(GENERATED, "external") == Some("true") {
            return None;
        }
        let level = if is_made { Level::Made } else { level };
        let profile = stored::profile(&file);
        Some(Stored { path, level, file, profile, current: false })
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
