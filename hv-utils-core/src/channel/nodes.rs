//! The device nodes of the kernel's two drivers, behind a trait because opening, mapping and reading them can fail.
//!
//! One method per system call, no decisions. Tests put a double in the place of [`DeviceNodes`] that fails where
//! a kernel would; everything above this file is the same in production and in tests.

use crate::sys::SharedMemory;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, OFlags};
use std::fmt::Debug;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Opens device nodes.
pub trait Nodes: Debug + Send + Sync {
    /// Opens `/dev/uioN`. The first opener opens the VMBus channel, and the host begins to speak.
    ///
    /// # Errors
    /// As `open(2)`.
    fn open_uio(&self, path: &Path) -> io::Result<Box<dyn UioNode>>;

    /// Opens `/dev/vmbus/hv_*`.
    ///
    /// # Errors
    /// As `open(2)`; EBUSY if another program has it.
    fn open_char(&self, path: &Path) -> io::Result<Box<dyn CharNode>>;

    /// How long a node has been there at least; `None` if there is none. Zero where the clock does not tell.
    fn age(&self, path: &Path) -> Option<Duration>;
}

/// An open uio node. Its descriptor is readable when interrupts came. Dropping it closes the VMBus channel.
pub trait UioNode: Debug + Send + Sync {
    /// What to wait on.
    fn descriptor(&self) -> &Arc<OwnedFd>;

    /// Maps a whole memory map.
    ///
    /// # Errors
    /// As `mmap(2)`.
    fn map(&self, index: u32, bytes: usize) -> io::Result<SharedMemory>;

    /// Takes the interrupts that came.
    ///
    /// # Errors
    /// `WouldBlock` if none came; EIO after a rescind.
    fn take_events(&self) -> io::Result<u32>;

    /// Unmasks our interrupt and interrupts the host.
    ///
    /// # Errors
    /// EIO after a rescind.
    fn signal(&self) -> io::Result<()>;
}

/// An open char device of `hv_utils`.
pub trait CharNode: Debug + Send + Sync {
    /// What to wait on.
    fn descriptor(&self) -> &Arc<OwnedFd>;

    /// What `poll(2)` says right now.
    ///
    /// # Errors
    /// As `poll(2)`.
    fn poll(&self) -> io::Result<PollFlags> {
        let mut descriptors = [PollFd::new(self.descriptor(), PollFlags::IN)];
        let at_once = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
        // Even a poll that does not wait ends early when a signal has come and there is nothing to tell.
        rustix::io::retry_on_intr(|| rustix::event::poll(&mut descriptors, Some(&at_once)))?;
        Ok(descriptors[0].revents())
    }

    /// Reads one message. It blocks, whatever the descriptor's flags: only after `poll` said readable.
    ///
    /// # Errors
    /// As `read(2)`.
    fn read(&self, message: &mut [u8]) -> io::Result<usize>;

    /// Writes one message.
    ///
    /// # Errors
    /// As `write(2)`; EINVAL if the kernel waits for none.
    fn write(&self, message: &[u8]) -> io::Result<usize>;
}

/// The real nodes.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeviceNodes;

impl Nodes for DeviceNodes {
    fn open_uio(&self, path: &Path) -> io::Result<Box<dyn UioNode>> {
        Ok(Box::new(Node(open(path)?.into())))
    }

    fn open_char(&self, path: &Path) -> io::Result<Box<dyn CharNode>> {
        Ok(Box::new(Node(open(path)?.into())))
    }

    fn age(&self, path: &Path) -> Option<Duration> {
        // Whoever sets its mode or owner makes it younger, never older.
        let changed = std::fs::metadata(path).ok()?;
        let since_epoch =
            Duration::new(changed.ctime().try_into().ok()?, changed.ctime_nsec().try_into().unwrap_or(0));
        Some(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + since_epoch).unwrap_or_default())
    }
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())?)
}

#[derive(Debug)]
struct Node(Arc<OwnedFd>);

impl UioNode for Node {
    fn descriptor(&self) -> &Arc<OwnedFd> {
        &self.0
    }

    fn map(&self, index: u32, bytes: usize) -> io::Result<SharedMemory> {
        // A uio node is mapped at one page of offset per map.
        let offset = u64::from(index) * rustix::param::page_size() as u64;
        SharedMemory::map(&self.0, offset, bytes)
    }

    fn take_events(&self) -> io::Result<u32> {
        let mut count = [0_u8; 4];
        rustix::io::read(&self.0, &mut count)?;
        Ok(u32::from_ne_bytes(count))
    }

    fn signal(&self) -> io::Result<()> {
        rustix::io::write(&self.0, &1_i32.to_ne_bytes())?;
        Ok(())
    }
}

impl CharNode for Node {
    fn descriptor(&self) -> &Arc<OwnedFd> {
        &self.0
    }

    fn read(&self, message: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.0, message)?)
    }

    fn write(&self, message: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(&self.0, message)?)
    }
}
