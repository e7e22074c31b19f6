//! A disk in memory, which hangs and fails as a test wants it.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};

use hv_utils_core::wire::Status;
use hv_utils_core::wire::fcopy::Start;

use crate::target::Refusal;
use crate::worker::{Coming, Files, Ground};

/// See the module. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    thawed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    hangs: bool,
    /// Somebody waits for a disk that hangs.
    waited_for: bool,
    /// Bytes that fit into one file.
    full_at: Option<u64>,
    files: BTreeMap<String, Vec<u8>>,
    /// Files that are coming.
    coming: usize,
    writes: usize,
    /// The names of files do not become durable.
    names_hang: bool,
    /// Names that are.
    named: usize,
}

impl Memory {
    /// Nothing goes on, as on a frozen filesystem.
    pub(super) fn freeze(&self) {
        self.0.state.lock().unwrap().hangs = true;
    }

    pub(super) fn thaw(&self) {
        self.0.state.lock().unwrap().hangs = false;
        self.0.thawed.notify_all();
    }

    /// Files get their names, and that does not become durable.
    pub(super) fn freeze_names(&self) {
        self.0.state.lock().unwrap().names_hang = true;
    }

    pub(super) fn thaw_names(&self) {
        self.0.state.lock().unwrap().names_hang = false;
        self.0.thawed.notify_all();
    }

    pub(super) fn fill(&self, at: u64) {
        self.0.state.lock().unwrap().full_at = Some(at);
    }

    /// The bytes of a file that is there.
    pub(super) fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.0.state.lock().unwrap().files.get(name).cloned()
    }

    /// Files that are there, and such as are coming.
    pub(super) fn count(&self) -> (usize, usize) {
        let state = self.0.state.lock().unwrap();
        (state.files.len(), state.coming)
    }

    /// How often something was written.
    pub(super) fn writes(&self) -> usize {
        self.0.state.lock().unwrap().writes
    }

    fn with_names<T>(&self, what: impl FnOnce(&mut State) -> T) -> T {
        let state = self.0.state.lock().unwrap();
        what(&mut self.0.thawed.wait_while(state, |state| state.names_hang).unwrap())
    }

    /// Whether somebody waits for the disk to go on.
    pub(super) fn is_waited_for(&self) -> bool {
        self.0.state.lock().unwrap().waited_for
    }

    fn with<T>(&self, what: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.0.state.lock().unwrap();
        state.waited_for = state.hangs;
        what(&mut self.0.thawed.wait_while(state, |state| state.hangs).unwrap())
    }
}

/// A disk that hangs at the end of a test would keep its thread.
struct MemoryFile {
    disk: Memory,
    name: String,
    bytes: Vec<u8>,
}

impl Files for Memory {
    fn begin(&mut self, start: &Start, _: &Ground) -> Result<Box<dyn Coming>, Refusal> {
        self.with(|state| state.coming += 1);
        let bytes = vec![0; usize::try_from(start.size).unwrap()];
        Ok(Box::new(MemoryFile { disk: self.clone(), name: start.name.clone(), bytes }))
    }
}

impl Coming for MemoryFile {
    fn shown(&self) -> &str {
        &self.name
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        let full = self.disk.with(|state| {
            state.writes += 1;
            state.full_at.is_some_and(|at| offset + data.len() as u64 > at)
        });
        if full {
            return Err(Refusal::new(Status::DISK_FULL, "no room"));
        }
        let offset = usize::try_from(offset).unwrap();
        self.bytes[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn complete(self: Box<Self>, wanted: &dyn Fn() -> bool) -> Result<(), Refusal> {
        let file = *self;
        let replaced = file.disk.with(|state| {
            state.coming -= 1;
            if !wanted() {
                return Err(Refusal::unwanted());
            }
            Ok(state.files.insert(file.name.clone(), file.bytes).is_some())
        })?;
        // As a disk that hangs when the name is to become durable.
        file.disk.with_names(|state| {
            state.named += 1;
            if replaced || wanted() {
                return Ok(());
            }
            state.files.remove(&file.name);
            Err(Refusal::unwanted())
        })
    }

    fn cancel(self: Box<Self>) {
        self.disk.with(|state| state.coming -= 1);
    }
}
