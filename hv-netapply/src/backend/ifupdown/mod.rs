//! ifupdown: the stanzas of the interface, in the files where they are.
//!
//! ifdown has to be told the configuration that is up, and ifup the new one (`programs`). So [`Backend::write`] leaves the old one as one
//! file in `run/network`, from which the interface is taken down; once it is down that file is gone. ifdown is forced, because
//! an ifup that failed leaves addresses behind and no note that it was there.
//!
//! ifquery checks a text before it is put in place: methods and syntax; options it does not know it takes for somebody's
//! hooks. DNS servers reach the machine through resolvconf, or resolved's hook; where neither is installed nobody
//! reads them, and `resolv` does it.
//!
//! A DHCP client that ifup starts stays a child of this program's service: a unit that kills its children when it ends
//! would take the lease away.

mod back;
pub mod edit;
mod programs;
mod resolv;
mod servers;
pub mod text;
pub mod tree;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use hv_utils_core::daemon::{directory, replace};
use hv_utils_core::netapply::Injection;

pub use self::edit::changed;
use self::text::{Part, Stanza};
use self::tree::Tree;
use super::{Backend, Claim, Later, Readiness, Target};
use crate::error::Error;
use crate::saved::{SavedFile, Snapshot, remove};
use crate::world::World;

/// A fact of a snapshot: whether the interface was up.
const UP: &str = "up";

/// ifupdown.
#[derive(Debug)]
pub struct Ifupdown {
    world: Rc<World>,
}

impl Ifupdown {
    /// The one of this world.
    #[must_use]
    pub fn new(world: Rc<World>) -> Self {
        Self { world }
    }

    fn state(&self) -> String {
        fs::read_to_string(self.world.roots.run.join("network/ifstate")).unwrap_or_default()
    }

    /// Up, and not under another name that a mapping gave it.
    fn is_up(&self, target: &Target) -> bool {
        self.state().lines().any(|line| line == format!("{0}={0}", target.interface))
    }

    /// A file for this interface in ifupdown's own directory of what is now.
    fn temporary(&self, target: &Target, what: &str) -> PathBuf {
        self.world.roots.run.join("network").join(format!("hv-utils-{}.{what}", target.interface))
    }

    fn claimed(&self, target: &Target) -> Claim {
        if self.is_up(target) {
            return Claim::Now;
        }
        let tree = tree::walk(&self.world.roots, None, &read);
        let has = stanzas_of(&tree.flat, &target.interface);
        if has && self.program("ifup").is_some() { Claim::AtStart } else { Claim::None }
    }

    fn remember(&self, target: &Target) -> Result<Snapshot, Error> {
        let tree = tree::walk(&self.world.roots, None, &read);
        let mut snapshot = Snapshot::default();
        let mut own = tree
            .files
            .iter()
            .filter(|path| read(path).is_some_and(|text| stanzas_of(&text, &target.interface)));
        own.try_for_each(|path| snapshot.add(path))?;
        if snapshot.files.is_empty() {
            snapshot.add(&self.new_file(target, &tree))?;
        }
        if let Some(resolv) = self.resolv() {
            snapshot.add(&resolv)?;
        }
        if self.is_up(target) {
            snapshot.facts.insert(UP.to_owned(), "yes".to_owned());
        }
        Ok(snapshot)
    }

    fn resolv(&self) -> Option<PathBuf> {
        resolv::file(&self.world.roots, self.program("resolvconf").is_some())
    }

    /// Where stanzas go that have no place yet.
    fn new_file(&self, target: &Target, tree: &Tree) -> PathBuf {
        let ours =
            self.world.roots.etc.join("network/interfaces.d").join(format!("hv-utils-{}", target.interface));
        if tree.would_read(&ours) { ours } else { tree::main_file(&self.world.roots) }
    }

    async fn put(&self, target: &Target, injection: &Injection, snapshot: &Snapshot) -> Result<(), Error> {
        let roots = &self.world.roots;
        let resolv = roots.etc.join("resolv.conf");
        let own: Vec<_> =
            snapshot.files.iter().map(|saved| &saved.path).filter(|path| **path != resolv).collect();
        let was = |path: &Path| match snapshot.files.iter().find(|saved| saved.path == path) {
            Some(saved) => saved.bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            None => read(path),
        };
        let before = tree::walk(roots, None, &was);
        let texts: Vec<_> = own.iter().map(|path| was(path).unwrap_or_default()).collect();
        if let Some(path) =
            own.iter().find(|path| fs::read(path).is_ok_and(|bytes| str::from_utf8(&bytes).is_err()))
        {
            return Err(Error::not_applied(format!("{} is not text: it is left alone", path.display())));
        }
        let after = changed(&texts, &before.flat, &target.interface, injection);
        let new = |path: &Path| match own.iter().position(|own| *own == path) {
            Some(number) => Some(after[number].clone()),
            None => read(path),
        };
        let more = own.first().map(|path| path.as_path());
        self.check(target, &tree::walk(roots, more, &new).flat).await?;
        replace(&self.temporary(target, "old"), before.flat.as_bytes(), 0o600)?;
        let mut texts: Vec<_> = own.into_iter().zip(after).collect();
        if snapshot.files.iter().any(|saved| saved.path == resolv) {
            texts.push((&resolv, resolv::changed(&was(&resolv).unwrap_or_default(), injection)));
        }
        texts.iter().try_for_each(|(path, text)| put_text(path, text))
    }

    async fn put_back(&self, target: &Target, snapshot: &Snapshot, live: bool) -> Result<(), Error> {
        let old = self.temporary(target, "old");
        if live && !old.exists() {
            // What is up, for ifdown; where there is such a file, that is it.
            let flat = tree::walk(&self.world.roots, None, &read).flat;
            old.parent().map_or(Ok(()), directory)?;
            replace(&old, flat.as_bytes(), 0o600)?;
        }
        // The files first: whatever becomes of the rest, they are right at the next boot.
        let files = self.files_back(target, snapshot)?;
        let down = if live { self.down(target).await } else { Ok(()) };
        // A DHCP client may have written once more until it was ended.
        put_back_files(&files)?;
        self.forget(target)?;
        if live && snapshot.facts.contains_key(UP) {
            return self.up_again(target).await;
        }
        down
    }

    /// Puts the files back, and says what they are now. The one with the servers comes first: which of them are ours is told
    /// by the others.
    fn files_back<'a>(&self, target: &Target, snapshot: &'a Snapshot) -> Result<Vec<Back<'a>>, Error> {
        let resolv = self.world.roots.etc.join("resolv.conf");
        let (servers, stanzas): (Vec<_>, Vec<_>) =
            snapshot.files.iter().partition(|saved| saved.path == resolv);
        let texts: Vec<_> = stanzas.iter().filter_map(|saved| read(&saved.path)).collect();
        let (ours, leased) = back::servers(&texts, &target.interface);
        let back = |saved: &'a SavedFile| {
            let before = saved.bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            // What has become something else than text comes back whole.
            let now = fs::read(&saved.path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let text = match &now {
                // A client that was started for us has written it.
                Some(_) if saved.path == resolv && leased => before.clone(),
                Some(now) if saved.path == resolv => {
                    let text = resolv::restored(before.as_deref().unwrap_or_default(), now, &ours);
                    Some(text).filter(|text| before.is_some() || !text.is_empty())
                }
                _ => back::restored(before.as_deref(), now.as_deref(), &target.interface),
            };
            Back { saved, text: text.filter(|text| Some(text) != before.as_ref()) }
        };
        let files: Vec<_> = servers.into_iter().chain(stanzas).map(back).collect();
        put_back_files(&files)?;
        Ok(files)
    }

    fn forget(&self, target: &Target) -> Result<(), Error> {
        remove(&self.temporary(target, "old"))?;
        remove(&self.temporary(target, "new"))
    }
}

/// A file on the way back.
struct Back<'a> {
    saved: &'a SavedFile,
    /// What it has to be; `None`: what it was.
    text: Option<String>,
}

/// Puts all in place, also those after one that cannot be.
fn put_back_files(files: &[Back]) -> Result<(), Error> {
    let put = |file: &Back| match &file.text {
        Some(text) => put_text(&file.saved.path, text),
        None => file.saved.restore(),
    };
    files.iter().map(put).fold(Ok(()), Result::and)
}

fn read(path: &Path) -> Option<String> {
    fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes a file that has changed, with the mode that it had.
fn put_text(path: &Path, text: &str) -> Result<(), Error> {
    if read(path).unwrap_or_default() == text {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        directory(parent)?;
    }
    let mode = fs::metadata(path).map_or(0o644, |metadata| metadata.mode() & 0o777);
    Ok(replace(path, text.as_bytes(), mode)?)
}

/// Whether a text has a stanza of the interface.
fn stanzas_of(text: &str, interface: &str) -> bool {
    let its = |stanza: &Stanza| stanza.words.first().is_some_and(|word| word == interface);
    text::parse(text).iter().any(|part| matches!(part, Part::Iface(stanza) if its(stanza)))
}

impl Backend for Ifupdown {
    fn name(&self) -> &'static str {
        "ifupdown"
    }

    fn claim<'a>(&'a self, target: &'a Target) -> Later<'a, Claim> {
        Box::pin(async { self.claimed(target) })
    }

    fn readiness<'a>(&'a self, _: &'a Target) -> Later<'a, Readiness> {
        Box::pin(async {
            if self.state().trim().is_empty() {
                return Readiness::NotYet("ifupdown has brought nothing up yet".to_owned());
            }
            Readiness::Ready
        })
    }

    fn snapshot<'a>(&'a self, target: &'a Target) -> Later<'a, Result<Snapshot, Error>> {
        Box::pin(async { self.remember(target) })
    }

    fn write<'a>(
        &'a self,
        target: &'a Target,
        injection: &'a Injection,
        snapshot: &'a Snapshot,
    ) -> Later<'a, Result<(), Error>> {
        Box::pin(self.put(target, injection, snapshot))
    }

    fn activate<'a>(&'a self, target: &'a Target) -> Later<'a, Result<(), Error>> {
        Box::pin(self.bring_up(target))
    }

    fn restore<'a>(
        &'a self,
        target: &'a Target,
        snapshot: &'a Snapshot,
        live: bool,
    ) -> Later<'a, Result<(), Error>> {
        Box::pin(self.put_back(target, snapshot, live))
    }

    fn commit<'a>(&'a self, target: &'a Target) -> Later<'a, Result<(), Error>> {
        Box::pin(async { self.forget(target) })
    }
}

#[cfg(test)]
mod tests;
