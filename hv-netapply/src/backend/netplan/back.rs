//! The way back of netplan's files: what an injection had taken out of a definition is put in again.
//!
//! A file that says nothing new comes back to the byte. One that somebody has changed since (the administrator, an injection
//! of another adapter) keeps that, but for comments, which `netplan set` drops: only the keys that an injection may take out
//! become what they were, and only of this definition. Nothing of this writes; what comes out is in the draft.

use std::ffi::OsStr;

use super::draft::{Draft, name};
use super::get::Definition;
use crate::error::Error;
use crate::saved::SavedFile;

/// What an injection may take out of other files, and of those that are read after ours.
const GONE: [&str; 5] =
    ["addresses: null", "nameservers: {addresses: null}", "routes: null", "gateway4: null", "gateway6: null"];
const GONE_LATER: [&str; 3] = ["dhcp4: null", "dhcp6: null", "accept-ra: null"];

/// What may be taken out of `file`, where ours is `ours`.
fn candidates(file: &OsStr, ours: &OsStr) -> Vec<&'static str> {
    let later = if file > ours { GONE_LATER.as_slice() } else { &[] };
    GONE.iter().chain(later).copied().collect()
}

/// The lines of what `gone` names; none if it is not there.
fn lines(definition: &Definition, gone: &str) -> Vec<String> {
    let key = gone.split(':').next().unwrap_or_default();
    if key != "nameservers" {
        return definition.lines(key);
    }
    let mut servers = definition.nested(key).lines("addresses");
    servers.iter_mut().for_each(|line| line.insert_str(0, "  "));
    if !servers.is_empty() {
        servers.insert(0, "nameservers:".to_owned());
    }
    servers
}

/// Whether the definition says anything of what `gone` names.
pub(super) fn has(definition: &Definition, gone: &str) -> bool {
    !lines(definition, gone).is_empty()
}

/// Brings a file of the draft back to what `saved` has of the definition `id`. The draft has the file as it is now.
pub(super) async fn bring_back(
    draft: &Draft,
    saved: &SavedFile,
    id: &str,
    ours: &OsStr,
) -> Result<(), Error> {
    let file = name(&saved.path);
    let (Some(before), now) = (saved.bytes(), draft.read(file)) else { return Ok(()) };
    let Some(now) = now.filter(|now| *now != before) else { return draft.write(file, &before) };
    let was = draft.alone(file, &before)?.get(id).await?;
    let is = draft.alone(file, &now)?.get(id).await?;
    let mut changed = candidates(file, ours);
    changed.retain(|gone| lines(&was, gone) != lines(&is, gone));
    if changed.is_empty() {
        return Ok(());
    }
    replaced(draft, file, id, &was, &changed).await?;
    let result = draft.read(file);
    // Is it what comes of the old one by the same? Then nobody else has changed anything but comments, which are gone anyway.
    draft.write(file, &before)?;
    replaced(draft, file, id, &was, &changed).await?;
    if draft.read(file) == result {
        return draft.write(file, &before);
    }
    draft.write(file, &result.unwrap_or_default())
}

/// Makes these keys of a file of the draft what they `were`.
async fn replaced(
    draft: &Draft,
    file: &OsStr,
    id: &str,
    were: &Definition,
    keys: &[&str],
) -> Result<(), Error> {
    draft.take_out(file, id, keys).await?;
    let old: Vec<_> = keys.iter().flat_map(|gone| lines(were, gone)).collect();
    if old.is_empty() { Ok(()) } else { draft.put_in(file, id, &old.join("\n")).await }
}
