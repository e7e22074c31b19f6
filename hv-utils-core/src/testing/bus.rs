//! The double's bus: offers, drivers, probing, rescinds and replacements.
//!
//! One device per integration component. What a user of the bus does is a method here, what a daemon does to a device
//! comes through its nodes ([`super::nodes`]). Errors are those of the files underneath.

use super::nodes::{FakeNodes, KernelEnd};
use super::tree::Tree;
use crate::channel::nodes::Nodes;
use crate::channel::{ChannelChoice, Link, LinkError, LinkOptions, RingChannel};
use crate::wire::Ic;
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// The two drivers that take integration components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// The kernel's own.
    HvUtils,
    /// Raw VMBus.
    Uio,
}

impl Driver {
    /// Its name in sysfs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HvUtils => "hv_utils",
            Self::Uio => "uio_hv_generic",
        }
    }
}

/// A system call that can be made to fail once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Opening any node.
    Open,
    /// Mapping a uio node.
    Map,
    /// Reading a char device.
    Read,
    /// Writing to a char device.
    Write,
}

/// A guest's VMBus with its two drivers, in a directory of the test's.
#[derive(Debug)]
pub struct FakeBus {
    shared: Arc<Shared>,
    channels: mpsc::UnboundedReceiver<RingChannel>,
    kernel_ends: mpsc::UnboundedReceiver<KernelEnd>,
}

/// What the bus and its nodes share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) tree: Tree,
    pub(super) channels: mpsc::UnboundedSender<RingChannel>,
    pub(super) kernel_ends: mpsc::UnboundedSender<KernelEnd>,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) devices: Vec<Device>,
    pub(super) faults: VecDeque<(Call, Errno)>,
    pub(super) ring_bytes: u32,
    pub(super) old_kernel: bool,
    monitor_id: Option<u8>,
    lingering: bool,
    next_relid: u32,
    next_uio: u32,
}

/// A device that the host offers.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) ic: Ic,
    pub(super) relid: u32,
    pub(super) monitored: bool,
    driver: Option<Driver>,
    pub(super) uio: Option<u32>,
    /// Who has its node open.
    pub(super) opener: Option<Opener>,
}

/// What a bus needs to tell the opener of a node that the device is gone.
#[derive(Debug)]
pub(super) enum Opener {
    Uio { gone: Arc<AtomicBool>, interrupts: Arc<OwnedFd> },
    Char { kernel_end: Arc<OwnedFd> },
}

impl FakeBus {
    /// An empty bus below `root`, with both drivers loaded and no dynamic ids. Needs a tokio runtime once channels
    /// are opened.
    ///
    /// # Errors
    /// The tree cannot be written; the same goes for all that follows.
    pub fn new(root: &Path) -> io::Result<Self> {
        let (channel_sender, channels) = mpsc::unbounded_channel();
        let (kernel_sender, kernel_ends) = mpsc::unbounded_channel();
        let state = State {
            devices: Vec::new(),
            faults: VecDeque::new(),
            ring_bytes: 0x4000,
            old_kernel: false,
            monitor_id: None,
            lingering: false,
            next_relid: 1,
            next_uio: 0,
        };
        let tree = Tree::create(root)?;
        let shared =
            Shared { tree, channels: channel_sender, kernel_ends: kernel_sender, state: Mutex::new(state) };
        Ok(Self { shared: Arc::new(shared), channels, kernel_ends })
    }

    /// What stands for `/sys`.
    #[must_use]
    pub fn sysfs_root(&self) -> PathBuf {
        self.shared.tree.sysfs.clone()
    }

    /// What stands for `/dev`.
    #[must_use]
    pub fn dev_root(&self) -> PathBuf {
        self.shared.tree.dev.clone()
    }

    /// The directory of a device in sysfs, for a test that spoils it.
    #[must_use]
    pub fn device_directory(&self, ic: Ic) -> PathBuf {
        self.shared.tree.device(ic)
    }

    /// The device nodes of this bus.
    #[must_use]
    pub fn nodes(&self) -> Arc<dyn Nodes> {
        Arc::new(FakeNodes(self.shared.clone()))
    }

    /// A link on this bus.
    ///
    /// # Errors
    /// As [`Link::new`].
    pub fn link(&self, ic: Ic, choice: ChannelChoice) -> Result<Link, LinkError> {
        let (sysfs_root, dev_root) = (self.sysfs_root(), self.dev_root());
        let options = LinkOptions { ic, choice, max_version: None, sysfs_root, dev_root };
        Link::with_nodes(options, self.nodes())
    }

    /// The host's end of the next channel that is opened through a uio node.
    pub async fn channel_opened(&mut self) -> RingChannel {
        self.channels.recv().await.expect("the bus itself keeps a sender")
    }

    /// The kernel's end of the next char device that is opened.
    pub async fn char_opened(&mut self) -> KernelEnd {
        self.kernel_ends.recv().await.expect("the bus itself keeps a sender")
    }

    /// Bytes of one ring of devices bound from now on, control page included.
    pub fn set_ring_bytes(&self, bytes: u32) {
        self.shared.state().ring_bytes = bytes;
    }

    /// From now on, as before Linux b15b7d2a1b09: the driver masks the interrupt at opening and at each interrupt.
    pub fn set_old_kernel(&self) {
        self.shared.state().old_kernel = true;
    }

    /// Devices offered from now on have monitored channels.
    pub fn set_monitored(&self, id: u8) {
        self.shared.state().monitor_id = Some(id);
    }

    /// From now on the host takes its time to replace a closed KVP device, until [`replace`](Self::replace).
    pub fn set_lingering(&self) {
        self.shared.state().lingering = true;
    }

    /// Makes the next such call fail.
    pub fn inject(&self, call: Call, error: Errno) {
        self.shared.state().faults.push_back((call, error));
    }

    /// The host offers a service; the device is probed.
    ///
    /// # Errors
    /// See [`new`](Self::new).
    pub fn offer(&self, ic: Ic) -> io::Result<()> {
        self.shared.offer(&mut self.shared.state(), ic)
    }

    /// The host takes a service back.
    ///
    /// # Errors
    /// See [`new`](Self::new).
    pub fn rescind(&self, ic: Ic) -> io::Result<()> {
        self.shared.rescind(&mut self.shared.state(), ic)
    }

    /// The host replaces a device by a new one.
    ///
    /// # Errors
    /// See [`new`](Self::new).
    pub fn replace(&self, ic: Ic) -> io::Result<()> {
        self.shared.replace(&mut self.shared.state(), ic)
    }

    /// Writes `drivers_autoprobe`.
    ///
    /// # Errors
    /// See [`new`](Self::new).
    pub fn set_autoprobe(&self, on: bool) -> io::Result<()> {
        self.shared.tree.set_autoprobe(on)
    }

    /// Writes a device's `driver_override`, which is lost with the device.
    ///
    /// # Errors
    /// See [`new`](Self::new).
    pub fn set_driver_override(&self, ic: Ic, driver: Driver) -> io::Result<()> {
        self.shared.tree.set_driver_override(ic, Some(driver))
    }

    /// Takes a device from its driver. A KVP device that `hv_utils` had is replaced: the driver had its channel open.
    ///
    /// # Errors
    /// See [`new`](Self::new).
    pub fn unbind(&self, ic: Ic) -> io::Result<()> {
        self.shared.unbind(&mut self.shared.state(), ic)
    }

    /// Gives an unbound device to a driver.
    ///
    /// # Errors
    /// See [`new`](Self::new).
    pub fn bind(&self, ic: Ic, driver: Driver) -> io::Result<()> {
        self.shared.bind(&mut self.shared.state(), ic, driver)
    }

    /// A device of that service on raw VMBus, as hv-driver does it: no probing meanwhile, an override, a bind.
    ///
    /// # Errors
    /// See [`new`](Self::new).
    pub fn offer_on_uio(&self, ic: Ic) -> io::Result<()> {
        let tree = &self.shared.tree;
        let before = tree.autoprobe();
        tree.set_autoprobe(false)?;
        self.offer(ic)?;
        self.set_driver_override(ic, Driver::Uio)?;
        self.bind(ic, Driver::Uio)?;
        tree.set_autoprobe(before)
    }
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
        device.opener = None;
        if ic == Ic::Kvp && !state.lingering { self.replace(&mut state, ic) } else { Ok(()) }
    }

    fn offer(&self, state: &mut State, ic: Ic) -> io::Result<()> {
        let relid = state.next_relid;
        state.next_relid += 1;
        self.tree.add_device(ic, relid, state.monitor_id)?;
        let monitored = state.monitor_id.is_some();
        state.devices.push(Device { ic, relid, monitored, driver: None, uio: None, opener: None });
        if !self.tree.autoprobe() {
            return Ok(());
        }
        let wanted = self.tree.driver_override(ic).or((ic != Ic::FileCopy).then_some(Driver::HvUtils));
        wanted.map_or(Ok(()), |driver| self.bind(state, ic, driver))
    }

    fn rescind(&self, state: &mut State, ic: Ic) -> io::Result<()> {
        self.take_from_driver(state, ic)?;
        state.devices.retain(|device| device.ic != ic);
        self.tree.remove_device(ic)
    }

    fn replace(&self, state: &mut State, ic: Ic) -> io::Result<()> {
        self.rescind(state, ic)?;
        self.offer(state, ic)
    }

    fn bind(&self, state: &mut State, ic: Ic, driver: Driver) -> io::Result<()> {
        let (index, ring_bytes) = (state.next_uio, state.ring_bytes);
        let device = state.device(ic).filter(|device| device.driver.is_none()).ok_or(Errno::NODEV)?;
        device.driver = Some(driver);
        self.tree.set_driver(ic, Some(driver))?;
        match driver {
            Driver::Uio => {
                device.uio = Some(index);
                state.next_uio += 1;
                self.tree.add_uio(ic, index, ring_bytes)
            }
            Driver::HvUtils => char_name(ic).map_or(Ok(()), |name| self.tree.add_char(name)),
        }
    }

    fn unbind(&self, state: &mut State, ic: Ic) -> io::Result<()> {
        let kept_open = state
            .device(ic)
            .is_some_and(|device| device.driver == Some(Driver::HvUtils) || device.opener.is_some());
        self.take_from_driver(state, ic)?;
        if ic == Ic::Kvp && kept_open { self.replace(state, ic) } else { Ok(()) }
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
    pub(super) fn device(&mut self, ic: Ic) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.ic == ic)
    }
}

impl Opener {
    fn tell_gone(&self) -> io::Result<()> {
        match self {
            Self::Uio { gone, interrupts } => {
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
        _ => None,
    }
}
