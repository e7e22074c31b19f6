//! A copy of netplan's files in a root of its own, where netplan's own program edits and checks them. What is in force, and
//! what is read at the next boot, is not touched before the copy is right.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use hv_utils_core::daemon::replace;

use super::get::Definition;
use crate::backend::Roots;
use crate::error::Error;
use crate::saved::Snapshot;
use crate::world::World;

/// How long one call of netplan may take: it is a script in Python.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Before any other file.
const STUBS: &str = "!.yaml";

/// The copy. It goes when it is dropped.
#[derive(Debug)]
pub(super) struct Draft {
    world: Rc<World>,
    program: PathBuf,
    root: PathBuf,
    /// Of a copy with one file alone: names that it speaks of and that other files define.
    stubs: Option<RefCell<Vec<String>>>,
}

impl Draft {
    /// Copies the files as they were when the snapshot was taken.
    pub(super) fn new(world: &Rc<World>, program: PathBuf, snapshot: &Snapshot) -> Result<Self, Error> {
        let draft = Self::now(world, program)?;
        for saved in &snapshot.files {
            let name = name(&saved.path);
            match saved.bytes() {
                Some(bytes) => draft.write(name, &bytes)?,
                None => draft.remove(name),
            }
        }
        Ok(draft)
    }

    /// Copies the files as they are.
    pub(super) fn now(world: &Rc<World>, program: PathBuf) -> Result<Self, Error> {
        let root = place(&world.roots);
        let draft = Self { world: Rc::clone(world), program, root, stubs: None };
        let failed = |error| Error::io("make a copy of netplan's files in", &draft.root, &error);
        let _ = fs::remove_dir_all(&draft.root);
        let roots = &world.roots;
        let vendor = roots.usr.join("lib/netplan");
        // Which of the two names of the last directory netplan asks for depends on its version.
        let from = [
            ("etc/netplan", roots.etc.join("netplan")),
            ("run/netplan", roots.run.join("netplan")),
            ("lib/netplan", vendor.clone()),
            ("usr/lib/netplan", vendor),
        ];
        for (below, from) in from {
            let to = draft.root.join(below);
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&to).map_err(failed)?;
            for path in yaml(&from) {
                let name = path.file_name().unwrap_or_default();
                replace(&to.join(name), &fs::read(&path).map_err(failed)?, 0o600)?;
            }
        }
        Ok(draft)
    }

    /// A copy with one file alone, beside this one.
    pub(super) fn alone(&self, name: &OsStr, bytes: &[u8]) -> Result<Self, Error> {
        let root = self.root.join("alone");
        let (world, program) = (Rc::clone(&self.world), self.program.clone());
        let draft = Self { world, program, root, stubs: Some(RefCell::default()) };
        let _ = fs::remove_dir_all(&draft.root);
        let parent = draft.root.join("etc/netplan");
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&parent);
        made.map_err(|error| Error::io("make a copy of netplan's files in", &draft.root, &error))?;
        draft.write(name, bytes)?;
        Ok(draft)
    }

    /// The machine as it would be with what netplan has made here.
    pub(super) fn roots(&self) -> Roots {
        Roots { run: self.root.join("run"), ..self.world.roots.clone() }
    }

    fn place(&self, name: &OsStr) -> PathBuf {
        self.root.join("etc/netplan").join(name)
    }

    /// A file's bytes; `None` if there is none.
    pub(super) fn read(&self, name: &OsStr) -> Option<Vec<u8>> {
        fs::read(self.place(name)).ok()
    }

    pub(super) fn write(&self, name: &OsStr, bytes: &[u8]) -> Result<(), Error> {
        Ok(replace(&self.place(name), bytes, 0o600)?)
    }

    pub(super) fn remove(&self, name: &OsStr) {
        let _ = fs::remove_file(self.place(name));
    }

    /// What all files together say of a definition.
    pub(super) async fn get(&self, id: &str) -> Result<Definition, Error> {
        let key = key(id);
        let printed = self.run("get", &[key.as_ref()]).await?;
        Ok(Definition::parse(&printed))
    }

    /// Takes things out of one file. `netplan set` forgets what a file says of definitions that a later file has too (seen
    /// with 0.106), so it gets the file alone.
    pub(super) async fn take_out(&self, name: &OsStr, id: &str, gone: &[&str]) -> Result<(), Error> {
        self.put_in(name, id, &format!("{{{}}}", gone.join(", "))).await
    }

    /// Puts things into one file: YAML.
    pub(super) async fn put_in(&self, name: &OsStr, id: &str, value: &str) -> Result<(), Error> {
        let hint = Path::new(name).file_stem().unwrap_or_default();
        let change = format!("{}={value}", key(id));
        let alone = self.alone(name, &self.read(name).unwrap_or_default())?;
        alone.run("set", &["--origin-hint".as_ref(), hint, change.as_ref()]).await?;
        match alone.read(name) {
            Some(bytes) => self.write(name, &bytes),
            None => {
                self.remove(name);
                Ok(())
            }
        }
    }

    /// Has netplan make everything of the files, here.
    pub(super) async fn generate(&self) -> Result<(), Error> {
        self.run("generate", &[]).await.map(drop)
    }

    async fn run(&self, verb: &str, more: &[&OsStr]) -> Result<String, Error> {
        let mut arguments: Vec<&OsStr> = vec![verb.as_ref(), "--root-dir".as_ref(), self.root.as_os_str()];
        arguments.extend(more);
        loop {
            let result = self.world.command(&self.program, &arguments, PATIENCE).await;
            let missing = result.as_ref().err().and_then(|error| undefined(&error.to_string()));
            match missing {
                Some(id) if self.stub(&id)? => {}
                _ => return result,
            }
        }
    }

    /// Defines what another file does, and says whether that is new.
    fn stub(&self, id: &str) -> Result<bool, Error> {
        let Some(mut stubs) = self.stubs.as_ref().map(RefCell::borrow_mut) else { return Ok(false) };
        if stubs.iter().any(|stub| stub == id) {
            return Ok(false);
        }
        stubs.push(id.to_owned());
        let list: Vec<_> = stubs.iter().map(|id| format!("\"{id}\": {{}}")).collect();
        let text = format!("network: {{version: 2, ethernets: {{{}}}}}\n", list.join(", "));
        self.write(STUBS.as_ref(), text.as_bytes()).map(|()| true)
    }
}

/// The name that netplan misses.
fn undefined(message: &str) -> Option<String> {
    let before = message.split("' is not defined").next().filter(|before| before.len() < message.len())?;
    Some(before.rsplit('\'').next()?.to_owned())
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Removes what a process left that was killed.
pub(super) fn clear(roots: &Roots) {
    let _ = fs::remove_dir_all(place(roots));
}

fn place(roots: &Roots) -> PathBuf {
    roots.run.join("hv-netapply-draft")
}

/// The YAML files of a directory, in the order of their names.
pub(super) fn yaml(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = entries.filter(|path| path.extension() == Some(OsStr::new("yaml"))).collect();
    files.sort();
    files
}

/// A file's name without its directory.
pub(super) fn name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}

/// A definition as netplan's words have it: in a name a dot is said by a backslash.
fn key(id: &str) -> String {
    format!("ethernets.{}", id.replace('.', "\\."))
}

#[cfg(test)]
mod tests {
    use super::undefined;

    #[test]
    fn the_name_that_is_missed_is_told() {
        let message =
            "x.yaml:6:29: Error in network definition: v5: interface 'e2' is not defined\n  vlans: {";
        assert_eq!(undefined(message).as_deref(), Some("e2"));
        assert_eq!(undefined("x.yaml: 'e2' is wrong"), None);
    }
}
