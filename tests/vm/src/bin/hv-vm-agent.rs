//! The agent in the guest: runs the scripts that come through the virtio-serial port `agent`.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    match port().and_then(|port| hv_utils_vm::agent::serve(port.try_clone()?, port)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hv-vm-agent: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The port, found by its name; a moment after the driver was loaded it may not be there yet.
fn port() -> io::Result<File> {
    for _ in 0..600 {
        if let Some(path) = find() {
            return File::options().read(true).write(true).open(path);
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "there is no virtio-serial port named agent"))
}

fn find() -> Option<PathBuf> {
    fs::read_dir("/sys/class/virtio-ports").ok()?.filter_map(Result::ok).find_map(|entry| {
        let name = fs::read_to_string(entry.path().join("name")).ok()?;
        let path = PathBuf::from("/dev").join(entry.file_name());
        (name.trim() == "agent" && path.exists()).then_some(path)
    })
}
