//! Opening a pool and its journal: never through a symbolic link, never another kind of file, never two filesystems.
//!
//! What is there is used as it is; what is missing is created (pool 0644, journal 0600, directory 0755) and made
//! durable. A pool without a journal beside it can only be read; one that cannot be created is empty. The reason is kept.

use std::path::{Path, PathBuf};

use rustix::fs::{self, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::Pool;
use super::error::PoolError;
use super::journal::PREALLOCATED;
use super::medium::{DiskFile, Medium};

const POOL_MODE: Mode = Mode::from_raw_mode(0o644);
const JOURNAL_MODE: Mode = Mode::from_raw_mode(0o600);

/// Where a pool lies.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub(crate) dir: PathBuf,
    pub(crate) pool: PathBuf,
    pub(crate) journal: PathBuf,
}

impl Paths {
    pub(crate) fn new(dir: &Path, pool: Pool) -> Paths {
        Paths {
            dir: dir.to_owned(),
            pool: dir.join(format!(".kvp_pool_{}", pool.number())),
            journal: dir.join(format!(".hv-utils-journal_{}", pool.number())),
        }
    }
}

/// An opened pool.
#[derive(Debug)]
pub(crate) enum Opened {
    /// Pool and journal, to read and write.
    Writable { pool: DiskFile, journal: DiskFile },
    /// The pool alone, and what stands in the way of writing.
    Readable { pool: DiskFile, why: PoolError },
    /// There is no file and it cannot be created.
    Missing { why: PoolError },
}

/// Opens what is there and creates what is missing.
///
/// # Errors
/// There is no pool to be read: not a regular file, a symbolic link, descriptors exhausted.
pub(crate) fn open(paths: &Paths) -> Result<Opened, PoolError> {
    match create_dir(&paths.dir, Mode::from_raw_mode(0o755)) {
        Ok(()) => {}
        Err(why) if is_refusal(&why) => return Ok(Opened::Missing { why }),
        Err(error) => return Err(error),
    }
    let pool = match open_or_create(&paths.pool, POOL_MODE) {
        Ok((pool, _)) => pool,
        Err(why) if is_refusal(&why) => return open_readable(paths, why),
        Err(error) => return Err(error),
    };
    let journal = open_journal(paths);
    match journal.and_then(|journal| check_filesystem(paths, &pool, &journal).map(|()| journal)) {
        Ok(journal) => Ok(Opened::Writable { pool, journal }),
        Err(why) => Ok(Opened::Readable { pool, why }),
    }
}

/// The directory that holds a name; for a bare relative name that is the working directory.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// Makes a new name in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), PoolError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = fs::open(dir, flags, Mode::empty()).map_err(|errno| PoolError::io("open", dir, errno))?;
    fs::fsync(&fd).map_err(|errno| PoolError::io("sync", dir, errno))
}

/// Creates a directory unless it exists; its parents must exist, or be creatable too.
pub(crate) fn create_dir(dir: &Path, mode: Mode) -> Result<(), PoolError> {
    match fs::mkdir(dir, mode) {
        Ok(()) => sync_dir(parent(dir)),
        Err(Errno::EXIST) => Ok(()),
        Err(Errno::NOENT) if dir.parent().is_some_and(|parent| !parent.as_os_str().is_empty()) => {
            create_dir(parent(dir), Mode::from_raw_mode(0o755))?;
            fs::mkdir(dir, mode).map_err(|errno| PoolError::io("create", dir, errno))
        }
        // On a read-only filesystem an existing directory may be reported so.
        Err(_) if dir.is_dir() => Ok(()),
        Err(errno) => Err(PoolError::io("create", dir, errno)),
    }
}

fn open_readable(paths: &Paths, why: PoolError) -> Result<Opened, PoolError> {
    match open_file(&paths.pool, OFlags::RDONLY, Mode::empty()) {
        Ok(pool) => Ok(Opened::Readable { pool, why }),
        Err(error) if is_refusal(&error) || error.errno() == Some(Errno::NOENT) => {
            Ok(Opened::Missing { why })
        }
        Err(error) => Err(error),
    }
}

/// True for what an administrator or a disk withholds, as opposed to what is wrong with the place.
fn is_refusal(error: &PoolError) -> bool {
    let refusals = [Errno::ACCESS, Errno::PERM, Errno::ROFS, Errno::NOSPC, Errno::DQUOT, Errno::IO];
    error.errno().is_some_and(|errno| refusals.contains(&errno))
}

/// Opens for reading and writing; true if the file is new.
fn open_or_create(path: &Path, mode: Mode) -> Result<(DiskFile, bool), PoolError> {
    match open_file(path, OFlags::RDWR, Mode::empty()) {
        Err(error) if error.errno() == Some(Errno::NOENT) => {}
        other => return other.map(|file| (file, false)),
    }
    match open_file(path, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL, mode) {
        // Somebody was faster: theirs is as good.
        Err(error) if error.errno() == Some(Errno::EXIST) => {
            open_file(path, OFlags::RDWR, Mode::empty()).map(|file| (file, false))
        }
        Err(error) => Err(error),
        Ok(file) => {
            // Whatever the umask: readers run as anybody.
            fs::fchmod(file.fd(), mode).map_err(|errno| PoolError::io("set the mode of", path, errno))?;
            sync_dir(parent(path))?;
            Ok((file, true))
        }
    }
}

fn open_file(path: &Path, flags: OFlags, mode: Mode) -> Result<DiskFile, PoolError> {
    // NONBLOCK, so that a FIFO in its place does not stop us; for a regular file it means nothing.
    let always = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let fd = match fs::open(path, flags | always, mode) {
        Err(Errno::ISDIR | Errno::NXIO) => return Err(PoolError::NotAFile { path: path.to_owned() }),
        other => other.map_err(|errno| PoolError::io("open", path, errno))?,
    };
    let stat = fs::fstat(&fd).map_err(|errno| PoolError::io("stat", path, errno))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(PoolError::NotAFile { path: path.to_owned() });
    }
    Ok(DiskFile::new(fd))
}

fn open_journal(paths: &Paths) -> Result<DiskFile, PoolError> {
    let (journal, _) = open_or_create(&paths.journal, JOURNAL_MODE)?;
    let len = journal.stat().map_err(|errno| PoolError::io("stat", &paths.journal, errno))?.len;
    if len == 0 {
        let write = journal.write_full(&[0; PREALLOCATED as usize], 0).and_then(|()| journal.sync());
        write.map_err(|errno| PoolError::io("prepare", &paths.journal, errno))?;
    }
    Ok(journal)
}

fn check_filesystem(paths: &Paths, pool: &DiskFile, journal: &DiskFile) -> Result<(), PoolError> {
    let device = |file: &DiskFile, path| match file.stat() {
        Ok(stat) => Ok(stat.id.device),
        Err(errno) => Err(PoolError::io("stat", path, errno)),
    };
    if device(pool, &paths.pool)? == device(journal, &paths.journal)? {
        return Ok(());
    }
    Err(PoolError::OtherFilesystem { pool: paths.pool.clone(), journal: paths.journal.clone() })
}

#[cfg(test)]
mod tests;
