//! The files of the double's sysfs and /dev. No behaviour: what is made and removed when is the bus's matter.

use super::Driver;
use crate::wire::Ic;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Two directories that a link takes for `/sys` and `/dev`.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) sysfs: PathBuf,
    pub(super) dev: PathBuf,
}

impl Tree {
    pub(super) fn create(root: &Path) -> io::Result<Self> {
        let tree = Self { sysfs: root.join("sys"), dev: root.join("dev") };
        fs::create_dir_all(&tree.dev)?;
        fs::create_dir_all(tree.bus().join("devices"))?;
        fs::create_dir_all(tree.sysfs.join("class/misc"))?;
        for driver in [Driver::HvUtils, Driver::Uio] {
            let directory = tree.bus().join("drivers").join(driver.name());
            fs::create_dir_all(&directory)?;
            fs::write(directory.join("bind"), "")?;
            fs::write(directory.join("unbind"), "")?;
        }
        fs::write(tree.bus().join("drivers_autoprobe"), "1\n")?;
        fs::write(tree.bus().join("drivers_probe"), "")?;
        fs::write(tree.bus().join("hibernation"), "0\n")?;
        Ok(tree)
    }

    pub(super) fn bus(&self) -> PathBuf {
        self.sysfs.join("bus/vmbus")
    }

    pub(super) fn device(&self, ic: Ic) -> PathBuf {
        self.bus().join("devices").join(ic.instance().to_string())
    }

    pub(super) fn autoprobe(&self) -> bool {
        fs::read_to_string(self.bus().join("drivers_autoprobe")).is_ok_and(|text| text.trim() != "0")
    }

    pub(super) fn set_autoprobe(&self, on: bool) -> io::Result<()> {
        fs::write(self.bus().join("drivers_autoprobe"), if on { "1\n" } else { "0\n" })
    }

    pub(super) fn set_hibernation(&self, on: bool) -> io::Result<()> {
        fs::write(self.bus().join("hibernation"), if on { "1\n" } else { "0\n" })
    }

    /// What `driver_override` names.
    pub(super) fn driver_override(&self, ic: Ic) -> Option<Driver> {
        let text = fs::read_to_string(self.device(ic).join("driver_override")).ok()?;
        [Driver::HvUtils, Driver::Uio].into_iter().find(|driver| driver.name() == text.trim())
    }

    pub(super) fn set_driver_override(&self, ic: Ic, driver: Option<Driver>) -> io::Result<()> {
        let name = driver.map_or("(null)", Driver::name);
        fs::write(self.device(ic).join("driver_override"), format!("{name}\n"))
    }

    /// A device that nobody finds before [`show_device`](Self::show_device).
    pub(super) fn add_device(&self, ic: Ic, relid: u32, monitor_id: Option<u8>) -> io::Result<()> {
        let device = self.device(ic);
        let channel = device.join("channels").join(relid.to_string());
        fs::create_dir_all(&channel)?;
        fs::write(device.join("device_id"), format!("{{{}}}\n", ic.instance()))?;
        fs::write(device.join("id"), format!("{relid}\n"))?;
        if let Some(id) = monitor_id {
            fs::write(channel.join("monitor_id"), format!("{id}\n"))?;
        }
        self.set_driver_override(ic, None)
    }

    /// By its class a device is found: from then on a program may set its override, and that has to last.
    pub(super) fn show_device(&self, ic: Ic) -> io::Result<()> {
        fs::write(self.device(ic).join("class_id"), format!("{{{}}}\n", ic.class()))
    }

    pub(super) fn remove_device(&self, ic: Ic) -> io::Result<()> {
        fs::remove_dir_all(self.device(ic))
    }

    pub(super) fn set_driver(&self, ic: Ic, driver: Option<Driver>) -> io::Result<()> {
        let link = self.device(ic).join("driver");
        match driver {
            Some(driver) => std::os::unix::fs::symlink(format!("../../drivers/{}", driver.name()), link),
            None => fs::remove_file(link),
        }
    }

    /// The uio device, without its node. `costly`: with the buffers that some kernels allocate for every device.
    pub(super) fn add_uio(&self, ic: Ic, index: u32, ring_bytes: u32, costly: bool) -> io::Result<()> {
        let maps = self.maps(ring_bytes, costly)?;
        let uio = self.device(ic).join("uio").join(format!("uio{index}"));
        fs::create_dir_all(&uio)?;
        fs::write(uio.join("name"), "uio_hv_generic\n")?;
        std::os::unix::fs::symlink(Path::new("../../../../../..").join(maps), uio.join("maps"))
    }

    /// The maps of such devices, below what stands for `/sys`. They are made once and devices refer to them: on a busy
    /// machine the many files take seconds, which a kernel does not, and whoever writes to `bind` waits no longer.
    pub(super) fn maps(&self, ring_bytes: u32, costly: bool) -> io::Result<PathBuf> {
        let name = format!("maps-{ring_bytes}{}", if costly { "-costly" } else { "" });
        let (there, new) = (self.sysfs.join(&name), self.sysfs.join("maps-new"));
        if there.exists() {
            return Ok(name.into());
        }
        let mut maps = vec![("txrx_rings", 2 * ring_bytes), ("int_page", 4096), ("monitor_page", 4096)];
        if costly {
            maps.extend([("recv:4294967295", 31 << 20), ("send:4294967295", 16 << 20)]);
        }
        for (number, (name, size)) in maps.into_iter().enumerate() {
            let map = new.join(format!("map{number}"));
            fs::create_dir_all(&map)?;
            fs::write(map.join("name"), format!("{name}\n"))?;
            fs::write(map.join("size"), format!("0x{size:016x}\n"))?;
            fs::write(map.join("addr"), "0x0000000000000000\n")?;
            fs::write(map.join("offset"), "0x0\n")?;
        }
        fs::rename(new, there)?;
        Ok(name.into())
    }

    /// The node of a uio device: comes last, since its coming is what programs wait for.
    pub(super) fn add_uio_node(&self, index: u32) -> io::Result<()> {
        fs::write(self.dev.join(format!("uio{index}")), "")
    }

    pub(super) fn remove_uio(&self, ic: Ic, index: u32) -> io::Result<()> {
        fs::remove_file(self.dev.join(format!("uio{index}")))?;
        fs::remove_dir_all(self.device(ic).join("uio"))
    }

    /// The misc device and its node in `/dev/vmbus`, which like devtmpfs has the directory only while it is needed.
    pub(super) fn add_char(&self, name: &str) -> io::Result<()> {
        fs::create_dir_all(self.sysfs.join("class/misc").join(name.replace('/', "!")))?;
        fs::create_dir_all(self.dev.join("vmbus"))?;
        fs::write(self.dev.join(name), "")
    }

    pub(super) fn remove_char(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.dev.join(name))?;
        fs::remove_dir(self.sysfs.join("class/misc").join(name.replace('/', "!")))?;
        match fs::remove_dir(self.dev.join("vmbus")) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            other => other,
        }
    }
}
