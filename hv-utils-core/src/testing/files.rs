//! The tree as a kernel's sysfs: what another process writes to its control files takes effect.
//!
//! Files on a disk do nothing by themselves and refuse nothing, so a thread watches them by inotify and acts a moment
//! after the write. A kernel acts within it: a program that is to work on both waits for what it wants to see. A write
//! to `bind`, `unbind` or `drivers_probe` has to append, as `echo >>` does, or a quick second one hides the first.

use super::bus::Driver;
use super::kernel::Shared;
use crate::wire::Ic;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A control write that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its number, from 1.
    pub number: u32,
    /// The file below `bus/vmbus`, for example `drivers/hv_utils/unbind`.
    pub file: String,
    /// What was written, without the newline.
    pub text: String,
}

/// When an observer is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The write was made and has no effect yet.
    Before,
    /// It has had its effect.
    After,
}

pub(super) type Observer = Box<dyn FnMut(&Written, Moment) + Send>;

/// What is written by [`FileWatch::caught_up`]; no kernel has it.
const QUESTION: &str = "caught-up";

/// A test that hangs has failed.
const HANG: Duration = Duration::from_secs(60);

/// The watched directories.
#[derive(Debug)]
pub(super) struct FileWatch {
    inotify: Arc<OwnedFd>,
    directories: Mutex<HashMap<i32, PathBuf>>,
    /// The number of the last question whether all is done, held until it is answered, and of the last answer.
    asked: Mutex<u64>,
    reached: Mutex<u64>,
    reaches: Condvar,
}

impl FileWatch {
    fn new() -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        Ok(Self {
            inotify: Arc::new(inotify),
            directories: Mutex::default(),
            asked: Mutex::default(),
            reached: Mutex::default(),
            reaches: Condvar::new(),
        })
    }

    /// Watches a directory, for as long as it is there.
    pub(super) fn add(&self, directory: &Path) -> io::Result<()> {
        // Held from before the watch: a write that is seen at once would else be one to a directory that nobody knows.
        let mut directories = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        let watch = inotify::add_watch(&*self.inotify, directory, WatchFlags::CLOSE_WRITE)?;
        directories.insert(watch, directory.to_owned());
        Ok(())
    }

    /// Waits until all that was written up to now has had its effect: events come in the order of the writes, and the
    /// last of them is one to a file of its own.
    pub(super) fn caught_up(&self, bus: &Path) -> io::Result<()> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        *asked += 1;
        fs::write(bus.join(QUESTION), asked.to_string())?;
        let reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.reaches.wait_timeout_while(reached, HANG, |reached| *reached < *asked);
        match waited {
            Ok((_, waited)) if !waited.timed_out() => Ok(()),
            _ => {
                Err(io::Error::other("the tree does not obey any more: its observer hangs, or has panicked"))
            }
        }
    }

    fn reach(&self, question: u64) {
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = question;
        self.reaches.notify_all();
    }

    fn directory(&self, watch: i32) -> Option<PathBuf> {
        self.directories.lock().unwrap_or_else(PoisonError::into_inner).get(&watch).cloned()
    }
}

/// Starts the thread; it ends when what is returned is dropped.
pub(super) fn obey(shared: &Arc<Shared>, observer: Observer) -> io::Result<UnixStream> {
    let watch = FileWatch::new()?;
    let bus = shared.tree.bus();
    watch.add(&bus)?;
    for driver in [Driver::HvUtils, Driver::Uio] {
        watch.add(&bus.join("drivers").join(driver.name()))?;
    }
    let (ours, theirs) = UnixStream::pair()?;
    let inotify = watch.inotify.clone();
    {
        let state = shared.state();
        for device in &state.devices {
            watch.add(&shared.tree.device(device.ic))?;
        }
        shared.files.set(watch).map_err(|_| Errno::BUSY)?;
    }
    let mut kernel = Kernel { shared: shared.clone(), observer, read: HashMap::new(), number: 0 };
    std::thread::spawn(move || kernel.run(&inotify, &theirs));
    Ok(ours)
}

struct Kernel {
    shared: Arc<Shared>,
    observer: Observer,
    /// How far each file of commands has been read.
    read: HashMap<PathBuf, usize>,
    number: u32,
}

impl Kernel {
    fn run(&mut self, inotify: &OwnedFd, end: &UnixStream) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        loop {
            let mut waiting = [PollFd::new(inotify, PollFlags::IN), PollFd::new(end, PollFlags::IN)];
            if poll(&mut waiting, None).is_err() || !waiting[1].revents().is_empty() {
                return;
            }
            let mut events = Vec::new();
            let mut reader = inotify::Reader::new(inotify, &mut buffer);
            while let Ok(event) = reader.next() {
                let name = event.file_name().map(|name| name.to_string_lossy().into_owned());
                events.push((event.wd(), name.unwrap_or_default()));
            }
            for (watch, name) in events {
                let directory = self.shared.files.get().and_then(|files| files.directory(watch));
                if let Some(directory) = directory {
                    self.written(&directory, &name);
                }
            }
        }
    }

    fn written(&mut self, directory: &Path, name: &str) {
        let path = directory.join(name);
        match name {
            "drivers_autoprobe" | "driver_override" => {
                let text = fs::read_to_string(&path).unwrap_or_default();
                self.act(&path, text.trim(), |_, _| Ok(()));
            }
            "bind" | "unbind" | "drivers_probe" => {
                let text = fs::read_to_string(&path).unwrap_or_default();
                let seen = self.read.insert(path.clone(), text.len()).unwrap_or(0);
                for line in text.get(seen..).unwrap_or_default().lines() {
                    let driver = directory.file_name().and_then(|name| driver_named(name.to_str()?));
                    self.act(&path, line, |shared, ic| match (name, driver) {
                        ("bind", Some(driver)) => shared.bind_as_told(ic, driver),
                        ("unbind", Some(driver)) => shared.unbind_as_told(ic, driver),
                        _ => shared.probe(&mut shared.state(), ic),
                    });
                }
            }
            QUESTION => {
                let question = fs::read_to_string(&path).unwrap_or_default().parse();
                if let (Some(files), Ok(question)) = (self.shared.files.get(), question) {
                    files.reach(question);
                }
            }
            _ => {}
        }
    }

    fn act(&mut self, path: &Path, text: &str, effect: impl FnOnce(&Arc<Shared>, Ic) -> io::Result<()>) {
        self.number += 1;
        let file = path.strip_prefix(self.shared.tree.bus()).unwrap_or(path).to_string_lossy().into_owned();
        let written = Written { number: self.number, file, text: text.to_owned() };
        (self.observer)(&written, Moment::Before);
        let ic = Ic::ALL.into_iter().find(|ic| ic.instance().to_string() == text);
        if let Some(ic) = ic {
            // A kernel would fail the write. Whoever wrote sees that nothing came of it.
            let _ = effect(&self.shared, ic);
        }
        (self.observer)(&written, Moment::After);
    }
}

impl Shared {
    /// A driver takes what it was told to only if it matches.
    fn bind_as_told(&self, ic: Ic, driver: Driver) -> io::Result<()> {
        // What is asked for its override is the device that is bound, and no other in its place.
        let mut state = self.state();
        let wanted = self.tree.driver_override(ic);
        let matches = match driver {
            Driver::Uio => wanted == Some(Driver::Uio),
            Driver::HvUtils => wanted != Some(Driver::Uio) && ic != Ic::FileCopy,
        };
        if !matches || state.refusing.contains(&driver) {
            return Err(Errno::NODEV.into());
        }
        self.bind(&mut state, ic, driver)
    }

    fn unbind_as_told(self: &Arc<Self>, ic: Ic, driver: Driver) -> io::Result<()> {
        let mut state = self.state();
        if state.device(ic).is_none_or(|device| device.driver != Some(driver)) {
            return Err(Errno::NODEV.into());
        }
        let Some(delay) =
            state.reoffer_delay.filter(|_| state.reoffers && ic == Ic::Kvp && driver == Driver::HvUtils)
        else {
            return self.unbind(&mut state, ic);
        };
        state.reoffers = false;
        let unbound = self.unbind(&mut state, ic);
        state.reoffers = true;
        let shared = self.clone();
        std::thread::spawn(move || {
            std::thread::sleep(delay);
            // The test's directory may be gone by now.
            let _ = shared.replace(&mut shared.state(), ic);
        });
        unbound
    }
}

fn driver_named(name: &str) -> Option<Driver> {
    [Driver::HvUtils, Driver::Uio].into_iter().find(|driver| driver.name() == name)
}

#[cfg(test)]
mod tests;
