//! What a guest's kernel and a real host do to the devices of the double: probing, binding, rescinds, replacements.
//!
//! The state behind [`super::FakeBus`] and its nodes, under one lock.

use super::bus::{Call, Driver};
use super::files::FileWatch;
use super::nodes::KernelEnd;
use super::tree::Tree;
use crate::channel::RingChannel;
use crate::wire::Ic;
use rustix::io::Errno;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// What the bus and its nodes share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) tree: Tree,
    pub(super) channels: mpsc::UnboundedSender<RingChannel>,
    pub(super) kernel_ends: mpsc::UnboundedSender<KernelEnd>,
    pub(super) state: Mutex<State>,
    /// Set when what other programs write to the tree counts.
    pub(super) files: OnceLock<FileWatch>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) devices: Vec<Device>,
    pub(super) faults: VecDeque<(Call, Errno)>,
    pub(super) ring_bytes: u32,
    pub(super) old_kernel: bool,
    pub(super) monitor_id: Option<u8>,
    pub(super) lingering: bool,
    /// What nodes say of their age.
    pub(super) node_age: Duration,
    /// A closed KVP device is replaced, as a real host does.
    pub(super) reoffers: bool,
    /// How long after an unbind by a file the replacement comes.
    pub(super) reoffer_delay: Option<Duration>,
    /// `uio_hv_generic` allocates 47 MiB for every device.
    pub(super) costly: bool,
    /// Drivers that take no device.
    pub(super) refusing: Vec<Driver>,
    /// How many times each service was offered.
    pub(super) offers: HashMap<Ic, u32>,
    pub(super) next_relid: u32,
    pub(super) next_uio: u32,
}

/// A device that the host offers.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) ic: Ic,
    pub(super) relid: u32,
    pub(super) monitored: bool,
    pub(super) driver: Option<Driver>,
    pub(super) uio: Option<u32>,
    /// Who has its node open.
    pub(super) opener: Option<Opener>,
    /// Its channel, left open by an unbind under an open uio node: nobody closes it until the device goes.
    pub(super) left_open: Option<Arc<UnixStream>>,
}

/// What a bus needs to tell the opener of a node that the device is gone.
#[derive(Debug)]
pub(super) enum Opener {
    Uio { gone: Arc<AtomicBool>, interrupts: Arc<OwnedFd>, channel: Arc<UnixStream> },
    Char { kernel_end: Arc<OwnedFd> },
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked has failed anyway; the others go on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a fault that was asked for.
    pub(super) fn fault(&self, call: Call) -> io::Result<()> {
        let mut state = self.state();
        match state.faults.iter().position(|(faulty, _)| *faulty == call) {
            Some(index) => Err(state.faults.remove(index).map_or(Errno::IO, |(_, error)| error).into()),
            None => Ok(()),
        }
    }

    /// A uio node was closed, and its VMBus channel with it.
    pub(super) fn uio_closed(&self, ic: Ic, relid: u32) -> io::Result<()> {
        let mut state = self.state();
        let Some(device) = state.device(ic).filter(|device| device.relid == relid) else { return Ok(()) };
        if device.left_open.is_some() {
            // The driver is gone, and with it whoever would have closed the channel.
            return Ok(());
        }
        device.opener = None;
        if ic == Ic::Kvp && state.reoffers && !state.lingering {
            self.replace(&mut state, ic)
        } else {
            Ok(())
        }
    }

    pub(super) fn offer(&self, state: &mut State, ic: Ic) -> io::Result<()> {
        let relid = state.next_relid;
        state.next_relid += 1;
        self.tree.add_device(ic, relid, state.monitor_id)?;
        // Before it can be found: what is written to it from then on is seen.
        if let Some(watch) = self.files.get() {
            watch.add(&self.tree.device(ic))?;
        }
        self.tree.show_device(ic)?;
        *state.offers.entry(ic).or_default() += 1;
        let monitored = state.monitor_id.is_some();
        state.devices.push(Device {
            ic,
            relid,
            monitored,
            driver: None,
            uio: None,
            opener: None,
            left_open: None,
        });
        if self.tree.autoprobe() { self.probe(state, ic) } else { Ok(()) }
    }

    /// Gives a device without a driver to the one that wants it, if any does.
    pub(super) fn probe(&self, state: &mut State, ic: Ic) -> io::Result<()> {
        let wanted = self.tree.driver_override(ic).or((ic != Ic::FileCopy).then_some(Driver::HvUtils));
        let wanted = wanted.filter(|driver| !state.refusing.contains(driver));
        wanted.map_or(Ok(()), |driver| self.bind(state, ic, driver))
    }

    pub(super) fn rescind(&self, state: &mut State, ic: Ic) -> io::Result<()> {
        self.take_from_driver(state, ic)?;
        state.devices.retain(|device| device.ic != ic);
        self.tree.remove_device(ic)
    }

    pub(super) fn replace(&self, state: &mut State, ic: Ic) -> io::Result<()> {
        self.rescind(state, ic)?;
        self.offer(state, ic)
    }

    pub(super) fn bind(&self, state: &mut State, ic: Ic, driver: Driver) -> io::Result<()> {
        let (index, ring_bytes, costly) = (state.next_uio, state.ring_bytes, state.costly);
        let device = state.device(ic).filter(|device| device.driver.is_none()).ok_or(Errno::NODEV)?;
        if driver == Driver::HvUtils && device.left_open.is_some() {
            // Its probe opens the channel.
            return Err(Errno::INVAL.into());
        }
        if driver == Driver::Uio {
            // Before the link says that the driver has it: whoever waits for that, where a kernel's write to `bind` would
            // have returned, finds all maps, and not the first of them.
            self.tree.add_uio(ic, index, ring_bytes, costly)?;
            device.uio = Some(index);
        }
        device.driver = Some(driver);
        self.tree.set_driver(ic, Some(driver))?;
        match driver {
            Driver::Uio => {
                state.next_uio += 1;
                self.tree.add_uio_node(index)
            }
            Driver::HvUtils => char_name(ic).map_or(Ok(()), |name| self.tree.add_char(name)),
        }
    }

    /// As in Linux 6.12, only `hv_utils` closes the channel: `uio_hv_generic` forgets one that a program has
    /// open, and the program's own close does not reach the driver any more.
    pub(super) fn unbind(&self, state: &mut State, ic: Ic) -> io::Result<()> {
        let device = state.device(ic).ok_or(Errno::NODEV)?;
        let closes = device.driver == Some(Driver::HvUtils);
        let left_open = match &device.opener {
            Some(Opener::Uio { channel, .. }) => Some(channel.clone()),
            _ => None,
        };
        self.take_from_driver(state, ic)?;
        if let Some(device) = state.device(ic).filter(|_| left_open.is_some()) {
            device.left_open = left_open;
        }
        if ic == Ic::Kvp && closes && state.reoffers && !state.lingering {
            return self.replace(state, ic);
        }
        Ok(())
    }

    fn take_from_driver(&self, state: &mut State, ic: Ic) -> io::Result<()> {
        let device = state.device(ic).ok_or(Errno::NODEV)?;
        if let Some(opener) = device.opener.take() {
            opener.tell_gone()?;
        }
        match device.driver.take() {
            Some(Driver::Uio) => {
                let index = device.uio.take().ok_or(Errno::NODEV)?;
                self.tree.remove_uio(ic, index)?;
            }
            Some(Driver::HvUtils) => char_name(ic).map_or(Ok(()), |name| self.tree.remove_char(name))?,
            None => return Ok(()),
        }
        self.tree.set_driver(ic, None)
    }
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            devices: Vec::new(),
            faults: VecDeque::new(),
            ring_bytes: 0x4000,
            old_kernel: false,
            monitor_id: None,
            lingering: false,
            node_age: Duration::MAX,
            reoffers: true,
            reoffer_delay: None,
            costly: false,
            refusing: Vec::new(),
            offers: HashMap::new(),
            next_relid: 1,
            next_uio: 0,
        }
    }

    pub(super) fn device(&mut self, ic: Ic) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.ic == ic)
    }
}

impl Opener {
    fn tell_gone(&self) -> io::Result<()> {
        match self {
            Self::Uio { gone, interrupts, .. } => {
                gone.store(true, Ordering::SeqCst);
                rustix::io::write(interrupts, &1_u64.to_ne_bytes())?;
            }
            Self::Char { kernel_end } => {
                rustix::net::shutdown(kernel_end, rustix::net::Shutdown::Both)?;
            }
        }
        Ok(())
    }
}

/// The char device by which `hv_utils` offers a service, as since Linux 6.10.
pub(super) const fn char_name(ic: Ic) -> Option<&'static str> {
    match ic {
        Ic::Kvp => Some("vmbus/hv_kvp"),
        Ic::Vss => Some("vmbus/hv_vss"),
        Ic::FileCopy => Some("vmbus/hv_fcopy"),
        _ => None,
    }
}
