//! Filesystems on sparse loop files, in a world.
//!
//! Loop devices are attached by mount(8), which asks the kernel for a free one, and detach themselves with the last user of the
//! filesystem. Every filesystem is held by the guard before anybody can freeze it.

use std::fs::{File, create_dir_all};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use hv_utils_core::sys::{freeze, thaw};
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, mount_bind, unmount};

use super::World;

/// A type of filesystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ext4,
    Xfs,
    Btrfs,
    F2fs,
}

impl Kind {
    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
            Self::F2fs => "f2fs",
        }
    }

    /// Size of a small one, in MiB.
    pub(crate) const fn size(self) -> u64 {
        match self {
            Self::Ext4 => 16,
            Self::Xfs => 32,
            Self::Btrfs => 120,
            Self::F2fs => 64,
        }
    }

    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Ext4 => &["-q", "-F", "-b", "4096", "-J", "size=4", "-E", "lazy_itable_init=0,nodiscard"],
            Self::Xfs | Self::Btrfs | Self::F2fs => &["-q", "-f"],
        }
    }

    /// Why it cannot be had here.
    pub(crate) fn missing(self) -> Option<String> {
        let known = std::fs::read_to_string("/proc/filesystems").unwrap();
        if !known.lines().any(|line| line.split_whitespace().last() == Some(self.name())) {
            return Some(format!("this kernel has no {}", self.name()));
        }
        let tool = Command::new(format!("mkfs.{}", self.name()))
            .arg("-V")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        tool.is_err().then(|| format!("there is no mkfs.{}", self.name()))
    }
}

/// A mounted filesystem.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) mount: PathBuf,
    pub(crate) kind: Kind,
}

impl Disk {
    /// A descriptor of its root.
    pub(crate) fn open(&self) -> File {
        File::open(&self.mount).unwrap()
    }

    /// Freezes it, as somebody else would.
    pub(crate) fn freeze(&self) {
        freeze(self.open()).unwrap();
    }

    /// Thaws it; whether it was frozen.
    pub(crate) fn thaw(&self) -> bool {
        was_frozen(&self.open())
    }

    /// Whether it is frozen. Where it is not it is frozen for a moment: for tests that are about to fail then.
    pub(crate) fn is_frozen(&self) -> bool {
        let directory = self.open();
        match freeze(&directory) {
            Ok(()) => {
                thaw(&directory).unwrap();
                false
            }
            Err(error) => {
                assert_eq!(Errno::from_io_error(&error), Some(Errno::BUSY), "{}", self.mount.display());
                true
            }
        }
    }
}

/// Thaws what `directory` belongs to; whether it was frozen.
pub(crate) fn was_frozen(directory: &File) -> bool {
    match thaw(directory) {
        Ok(()) => true,
        Err(error) => {
            assert_eq!(Errno::from_io_error(&error), Some(Errno::INVAL));
            false
        }
    }
}

impl World {
    /// A filesystem at `m/NAME`.
    pub(crate) fn disk(&self, name: &str, kind: Kind) -> Disk {
        self.disk_in(&self.path("images"), name, kind)
    }

    /// Of so many MiB.
    pub(crate) fn disk_sized(&self, name: &str, kind: Kind, size: u64) -> Disk {
        self.disk_in_sized(&self.path("images"), name, kind, size)
    }

    /// Its loop file is in `images`.
    pub(crate) fn disk_in(&self, images: &Path, name: &str, kind: Kind) -> Disk {
        self.disk_in_sized(images, name, kind, kind.size())
    }

    /// The same, of so many MiB.
    pub(crate) fn disk_in_sized(&self, images: &Path, name: &str, kind: Kind, size: u64) -> Disk {
        let disk = self.make(images, name, kind, size);
        self.show_mounts(&[]);
        disk
    }

    /// `count` of them: NAME0, NAME1, ….
    pub(crate) fn disks(&self, count: usize, name: &str, kind: Kind) -> Vec<Disk> {
        let images = self.path("images");
        let made = (0..count).map(|number| self.make(&images, &format!("{name}{number}"), kind, kind.size()));
        let made = made.collect();
        self.show_mounts(&[]);
        made
    }

    fn make(&self, images: &Path, name: &str, kind: Kind, size: u64) -> Disk {
        create_dir_all(images).unwrap();
        let image = images.join(format!("{name}.img"));
        File::create(&image).unwrap().set_len(size << 20).unwrap();
        let mkfs = format!("mkfs.{}", kind.name());
        // xfs is otherwise not made as small as this; these three are how its own tests say so.
        let mut command = Command::new(mkfs);
        command
            .args(kind.arguments())
            .arg(&image)
            .envs(["TEST_DIR", "TEST_DEV", "QA_CHECK_FS"].map(|name| (name, "1")));
        succeed(&mut command);
        let mount = self.mount_point(name);
        succeed(Command::new("mount").args(["-o", "loop", "-t", kind.name()]).args([&image, &mount]));
        self.guard().hold(&mount);
        Disk { mount, kind }
    }

    /// A directory where something can be mounted.
    pub(crate) fn mount_point(&self, name: &str) -> PathBuf {
        let mount = self.path("m").join(name);
        create_dir_all(&mount).unwrap();
        mount
    }

    /// Mounts what is at `from` a second time, at `m/NAME`.
    pub(crate) fn bind(&self, from: &Path, name: &str) -> PathBuf {
        let mount = self.mount_point(name);
        mount_bind(from, &mount).unwrap();
        self.show_mounts(&[]);
        mount
    }

    /// Takes it out of the tree at once, whoever uses it. The daemon is not shown that.
    pub(crate) fn detach(&self, mount: &Path) {
        unmount(mount, UnmountFlags::DETACH).unwrap();
    }
}

/// Runs a program that must not fail.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
