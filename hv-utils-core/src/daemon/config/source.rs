//! Which configuration files are read, in which order, and how.
//!
//! The vendor's file and drop-ins come first, then the administrator's: later ones win key by key. Files are not
//! trusted to be files, small, or text: each way of being wrong is a finding.

use super::finding::{Finding, Place, Severity};
use rustix::fs::{Mode, OFlags};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The vendor's defaults.
const VENDOR: &str = "/usr/lib/hv-utils/hv-utils.toml";

/// More than any configuration needs, in bytes.
const LARGEST: u64 = 1 << 20;

/// Where configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// The vendor's file, which may be missing.
    pub vendor: PathBuf,
    /// The administrator's file.
    pub file: PathBuf,
    /// Whether the administrator's file was asked for by name, so that it must be there.
    pub explicit: bool,
}

impl Sources {
    /// The files for `--config` (if given) on a machine whose configuration is below `etc_root`.
    #[must_use]
    pub fn new(config: Option<&Path>, etc_root: &Path) -> Self {
        Self {
            vendor: PathBuf::from(VENDOR),
            file: config
                .map_or_else(|| etc_root.join(crate::daemon::args::CONFIG_BELOW_ETC), Path::to_path_buf),
            explicit: config.is_some(),
        }
    }
}

/// A file that was read.
pub(super) struct Text {
    pub(super) file: Rc<Path>,
    pub(super) order: u32,
    pub(super) text: String,
}

/// Reads files and remembers what was wrong with them.
pub(super) struct Reader<'a> {
    pub(super) findings: &'a mut Vec<Finding>,
    order: u32,
    texts: Vec<Text>,
}

/// Reads all files of `sources`, in order.
pub(super) fn read_all(sources: &Sources, findings: &mut Vec<Finding>) -> Vec<Text> {
    let mut reader = Reader { findings, order: 0, texts: Vec::new() };
    reader.with_drop_ins(&sources.vendor, false);
    reader.with_drop_ins(&sources.file, sources.explicit);
    reader.texts
}

impl Reader<'_> {
    fn with_drop_ins(&mut self, file: &Path, required: bool) {
        self.file(file, required);
        let mut directory = file.as_os_str().to_owned();
        directory.push(".d");
        let directory = PathBuf::from(directory);
        match drop_ins(&directory) {
            Ok(files) => files.iter().for_each(|file| self.file(file, true)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.report(&directory, 0, Severity::Error, format!("cannot be listed: {error}")),
        }
    }

    fn file(&mut self, path: &Path, required: bool) {
        match read(path) {
            Ok(content) => self.content(path, content),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !required => {}
            Err(error) => self.report(path, 0, Severity::Error, format!("cannot be read: {error}")),
        }
    }

    fn content(&mut self, path: &Path, content: Content) {
        if content.world_writable {
            let text = format!("anyone may write to it: chmod o-w {}", path.display());
            self.report(path, 0, Severity::Warning, text);
        }
        self.order += 1;
        match String::from_utf8(content.bytes) {
            Ok(text) => self.texts.push(Text { file: path.into(), order: self.order, text }),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let line = 1 + error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count();
                let line = u32::try_from(line).unwrap_or(u32::MAX);
                self.report(path, line, Severity::Error, "is not UTF-8 text from here on".to_owned());
            }
        }
    }

    fn report(&mut self, path: &Path, line: u32, severity: Severity, text: String) {
        let place = Place { file: path.into(), line, order: self.order };
        self.findings.push(Finding { severity, place: Some(place), key: String::new(), text });
    }
}

/// The `*.toml` files of a directory, sorted by name; hidden ones are not configuration.
fn drop_ins(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

struct Content {
    bytes: Vec<u8>,
    world_writable: bool,
}

fn read(path: &Path) -> io::Result<Content> {
    // Without blocking: a FIFO with a configuration's name must not hang the daemon.
    let file = File::from(rustix::fs::open(
        path,
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    )?);
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    if !kind.is_file() && !kind.is_char_device() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("it is larger than {LARGEST} bytes")));
    }
    Ok(Content { bytes, world_writable: kind.is_file() && metadata.mode() & 0o002 != 0 })
}
