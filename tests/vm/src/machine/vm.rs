//! The virtual machine as a process: QEMU, its console in a file, its sockets.

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::images::Images;
use super::probe::Way;
use super::{LOOK, Setup, dying_with_us};

/// The services with a channel.
const SERVICES: [&str; 6] = ["heartbeat", "shutdown", "timesync", "kvp", "vss", "fcopy"];
/// Memory of the outer machine beside its guest, MB: its own images, twice while they are unpacked.
const OUTER_MEMORY: u32 = 1280;
/// What makes a kernel boot fast under emulation, and nothing else.
const QUICK: &str = "mitigations=off nokaslr cryptomgr.notests apparmor=0 audit=0 ima=off tsc=reliable \
                     no_timer_check raid=noautodetect";

#[derive(Debug)]
pub(super) struct Vm {
    child: Child,
    dir: PathBuf,
}

impl Vm {
    pub(super) fn start(images: &Images, setup: &Setup, dir: &Path) -> Result<Vm, String> {
        let mut command = match images.way {
            Way::Nested(_) => nested(images, setup, dir)?,
            Way::Direct => direct(images, setup, dir)?,
        };
        let console = dir.join("console");
        let file =
            File::create(&console).map_err(|error| format!("cannot make {}: {error}", console.display()))?;
        let errors = file.try_clone().map_err(|error| error.to_string())?;
        let child = command
            .env("LD_LIBRARY_PATH", images.libraries())
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("QEMU cannot be started: {error}"))?;
        Ok(Vm { child, dir: dir.to_owned() })
    }

    /// Connects to a port's socket as soon as QEMU listens there: a port that finds nobody reads as ended.
    pub(super) fn connect(&mut self, name: &str, limit: Duration) -> Result<UnixStream, String> {
        let (socket, deadline) = (self.dir.join(format!("{name}.sock")), Instant::now() + limit);
        loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => return Ok(stream),
                Err(error) if Instant::now() > deadline => {
                    return Err(format!("no socket {}: {error}", socket.display()));
                }
                Err(_) => {}
            }
            if let Some(status) = self.ended() {
                return Err(format!("QEMU ended at once: {status}"));
            }
            std::thread::sleep(LOOK / 10);
        }
    }

    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn append(setup: &Setup) -> String {
    // Each byte of the serial console is an exit of the guest: the kernel's own words are read by dmesg.
    let shell = if setup.shell { " hv.shell" } else { "" };
    let root = if setup.root { " hv.root" } else { "" };
    let systemd = if setup.systemd { " hv.systemd selinux=0 systemd.show_status=0" } else { "" };
    format!("{QUICK} quiet loglevel=1{shell}{root}{systemd}")
}

fn disk(setup: &Setup, dir: &Path) -> Result<Option<String>, String> {
    let Some(bytes) = setup.disk else { return Ok(None) };
    let path = dir.join("disk");
    let made = File::create(&path).and_then(|file| file.set_len(bytes));
    made.map_err(|error| format!("cannot make {}: {error}", path.display()))?;
    Ok(Some(path.display().to_string()))
}

fn socket(dir: &Path, name: &str) -> String {
    format!("socket,path={}/{name}.sock,server=on,wait=off", dir.display())
}

/// An emulated machine with a KVM, in which the guest runs.
fn nested(images: &Images, setup: &Setup, dir: &Path) -> Result<Command, String> {
    let mut command = dying_with_us(&images.qemu());
    command.args(images.data());
    command.args(["-machine", "q35,hpet=off,i8042=off,vmport=off,sata=off,smbus=off"]);
    command.args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "1", "-m"]);
    command.arg((OUTER_MEMORY + setup.memory).to_string());
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot"]);
    command.arg("-kernel").arg(images.image("outer.kernel"));
    command.arg("-initrd").arg(images.image(&format!("outer-{}.initrd", setup.image())));
    let packed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(";");
    command.arg("-append").arg(format!(
        "console=ttyS0 panic=-1 quiet loglevel=1 {QUICK} hv.vcpus={} hv.memory={} hv.reset={} hv.layout={} hv.append={}",
        setup.vcpus,
        setup.memory,
        setup.reset(),
        packed(&images.layout),
        packed(&append(setup)),
    ));
    command.args(["-device", "virtio-serial-pci,max_ports=16"]);
    for name in SERVICES.into_iter().chain(["agent", "shell", "events"]) {
        command.arg("-chardev").arg(format!("{},id=c{name}", socket(dir, name)));
        command.arg("-device").arg(format!("virtserialport,chardev=c{name},name={name}"));
    }
    command.arg("-qmp").arg(format!("unix:{}/monitor.sock,server=on,wait=off", dir.display()));
    if let Some(path) = disk(setup, dir)? {
        command.arg("-drive").arg(format!("file={path},if=none,id=disk,format=raw"));
        command.args(["-device", "virtio-blk-pci,drive=disk"]);
    }
    Ok(command)
}

/// The guest in this machine's KVM.
fn direct(images: &Images, setup: &Setup, dir: &Path) -> Result<Command, String> {
    let mut command = dying_with_us(Path::new("sh"));
    command.arg(&images.start_guest);
    command.env("HV_QEMU", images.qemu()).env("HV_DATA", images.data().join(" "));
    command.env("HV_LIBRARY", &images.library).env("HV_LAYOUT", &images.layout);
    command.env("HV_KERNEL", images.image(&format!("guest-{}.kernel", setup.kernel)));
    command.env("HV_INITRD", images.image(&format!("guest-{}.initrd", setup.image())));
    command.env("HV_APPEND", append(setup)).env("HV_MEMORY", setup.memory.to_string());
    command.env("HV_VCPUS", setup.vcpus.to_string()).env("HV_SERVICES", SERVICES.join(" "));
    for name in SERVICES {
        let place = format!("unix:{}/{name}.sock", dir.display());
        command.env(format!("HV_IC_{}", name.to_uppercase()), place);
    }
    command.env("HV_CHARDEV_agent", socket(dir, "agent")).env("HV_CHARDEV_shell", socket(dir, "shell"));
    command.env("HV_CHARDEV_events", socket(dir, "events")).env("HV_RESET", setup.reset());
    if let Some(path) = disk(setup, dir)? {
        command.env("HV_DISK", path);
    }
    Ok(command)
}
