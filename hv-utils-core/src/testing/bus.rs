//! The double's bus as a test sees it: every act of a host, a kernel or an administrator is a method.
//!
//! One device per integration component. What comes of an act is in [`super::kernel`], what a daemon does to a device
//! comes through its nodes ([`super::nodes`]). Errors are those of the files underneath.

use super::files::{self, Moment, Written};
use super::kernel::{Shared, State};
use super::nodes::{FakeNodes, KernelEnd};
use super::tree::Tree;
use crate::channel::nodes::Nodes;
use crate::channel::{ChannelChoice, Link, LinkError, LinkOptions, RingChannel};
use crate::wire::Ic;
use rustix::io::Errno;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
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
    /// While it is open, the tree obeys what is written to it.
    obeying: Option<UnixStream>,
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
        let tree = Tree::create(root)?;
        let state = State::new();
        tree.maps(state.ring_bytes, state.costly)?;
        let state = Mutex::new(state);
        let files = OnceLock::new();
        let shared = Shared { tree, channels: channel_sender, kernel_ends: kernel_sender, state, files };
        Ok(Self { shared: Arc::new(shared), channels, kernel_ends, obeying: None })
    }

    /// From now on what other processes write to the tree's `drivers_autoprobe`, `drivers_probe`, `driver_override`,
    /// `bind` and `unbind` does what it does in a kernel, a moment later. `observer` is called before and after each.
    /// For as long as this bus lives; a second call changes nothing.
    ///
    /// # Errors
    /// The tree cannot be watched.
    pub fn obey_files(&mut self, observer: impl FnMut(&Written, Moment) + Send + 'static) -> io::Result<()> {
        if self.obeying.is_none() {
            self.obeying = Some(files::obey(&self.shared, Box::new(observer))?);
        }
        Ok(())
    }

    /// Waits until all that other processes have written to the tree up to now has had its effect. Not to be called by an
    /// observer.
    ///
    /// # Errors
    /// The observer of [`obey_files`](Self::obey_files) has panicked, or does not return.
    pub fn caught_up(&self) -> io::Result<()> {
        self.shared.files.get().map_or(Ok(()), |files| files.caught_up(&self.shared.tree.bus()))
    }

    /// Whether the host replaces the KVP device whenever its channel is closed, as real hosts do and this one does
    /// by default.
    pub fn set_reoffers(&self, on: bool) {
        self.shared.state().reoffers = on;
    }

    /// The next device bound to `uio_hv_generic` has this number: a kernel gives one again that is free.
    pub fn set_next_uio(&self, index: u32) {
        self.shared.state().next_uio = index;
    }

    /// Devices bound to `uio_hv_generic` from now on cost 47 MiB more, as on some kernels.
    ///
    /// # Errors
    /// See [`new`](Self::new).
    pub fn set_costly(&self) -> io::Result<()> {
        let mut state = self.shared.state();
        state.costly = true;
        self.shared.tree.maps(state.ring_bytes, true).map(drop)
    }

    /// From now on this driver takes no device.
    pub fn set_refusing(&self, driver: Driver) {
        self.shared.state().refusing.push(driver);
    }

    /// Whether the guest is set up to hibernate.
    ///
    /// # Errors
    /// See [`new`](Self::new).
    pub fn set_hibernation(&self, on: bool) -> io::Result<()> {
        self.shared.tree.set_hibernation(on)
    }

    /// How many times the host has offered a service.
    #[must_use]
    pub fn offers(&self, ic: Ic) -> u32 {
        self.shared.state().offers.get(&ic).copied().unwrap_or(0)
    }

    /// The driver that has the device of a service now.
    #[must_use]
    pub fn driver(&self, ic: Ic) -> Option<Driver> {
        self.shared.state().device(ic)?.driver
    }

    /// Whether new devices are probed.
    #[must_use]
    pub fn autoprobe(&self) -> bool {
        self.shared.tree.autoprobe()
    }

    /// From now on a host needs so long to replace a KVP device that was unbound by a write to the tree; until then
    /// the old one stays.
    pub fn set_reoffer_delay(&self, delay: Duration) {
        self.shared.state().reoffer_delay = Some(delay);
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

    /// From now on nodes seem to have been made so long ago (without this, long ago).
    pub fn set_node_age(&self, age: Duration) {
        self.shared.state().node_age = age;
    }

    /// The state of a device's channel, as Linux numbers it (without this, the attribute is missing).
    ///
    /// # Errors
    /// The tree cannot be written.
    pub fn set_channel_state(&self, ic: Ic, state: u32) -> io::Result<()> {
        std::fs::write(self.device_directory(ic).join("state"), format!("{state}\n"))
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

    /// Takes a device from its driver. A KVP device that `hv_utils` had is replaced: the driver had its channel open. A
    /// channel that a program has open by a uio node is not closed, and cannot be opened again, until the device goes.
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
