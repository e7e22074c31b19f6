//! Whether this machine can run a Hyper-V guest itself, or needs the outer machine for it.
//!
//! QEMU is asked, by a machine that is set up and never started: it knows best which enlightenments it wants of a KVM.

use std::fmt;
use std::io::Write;
use std::process::{Command, Stdio};

use super::images::Images;

/// How a guest is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// In this machine's KVM.
    Direct,
    /// In the KVM of an emulated machine, for the reason given.
    Nested(String),
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Direct => f.write_str("directly, in this machine's KVM"),
            Way::Nested(why) => write!(f, "in an emulated outer machine, since {why}"),
        }
    }
}

/// Asks this machine's QEMU and KVM.
#[must_use]
pub fn probe(images: &Images) -> Way {
    if !std::path::Path::new("/dev/kvm").exists() {
        return Way::Nested("there is no /dev/kvm".to_owned());
    }
    let child = Command::new("sh")
        .arg(&images.start_guest)
        .env("HV_PROBE", "1")
        .env("HV_QEMU", images.qemu())
        .env("HV_DATA", images.data().join(" "))
        .env("LD_LIBRARY_PATH", images.libraries())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let output = child.and_then(|mut child| {
        if let Some(mut stdin) = child.stdin.take() {
            // It may have refused already: then nobody reads.
            let _ = stdin.write_all(b"quit\n");
        }
        child.wait_with_output()
    });
    match output {
        Ok(output) if output.status.success() => Way::Direct,
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let first = text.lines().next().unwrap_or("QEMU ended without a word");
            let why = first.split_once(": ").map_or(first, |(_, why)| why);
            Way::Nested(format!("its KVM cannot: {why}"))
        }
        Err(error) => Way::Nested(format!("its KVM cannot be asked: {error}")),
    }
}
