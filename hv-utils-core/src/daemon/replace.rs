//! Small files, replaced as a whole: a reader sees the old one or the new one.
//!
//! For files of our own and of other programs that read a directory of them; pools are another matter.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::Failure;

/// Puts `content` into `path`, whole or not at all, and durable when it returns.
///
/// # Errors
/// The directory cannot be written to.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Hidden: no reader of a directory of drop-ins takes it for one.
    let temporary = path.with_file_name(format!(".{name}.new"));
    let failed = |error| Failure::io("write", path, &error);
    // Not over what is there: it could be a link that leads elsewhere, or have another mode.
    let _ = fs::remove_file(&temporary);
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary);
    let mut file = file.map_err(failed)?;
    // The umask is the caller's, who is the administrator: others have to read it all the same.
    let allowed = file.set_permissions(Permissions::from_mode(mode));
    let written = allowed.and_then(|()| file.write_all(content)).and_then(|()| file.sync_all());
    written.and_then(|()| fs::rename(&temporary, path)).map_err(failed)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)
}
