//! What may lie at a pool's place, and what may not.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn place() -> (tempfile::TempDir, Paths) {
    let dir = tempfile::tempdir().unwrap();
    let paths = Paths::new(&dir.path().join("deep/hyperv"), Pool::Guest);
    (dir, paths)
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_is_missing_is_created_with_its_mode() {
    let (_dir, paths) = place();
    assert!(matches!(open(&paths).unwrap(), Opened::Writable { .. }));
    assert_eq!((mode(&paths.dir), mode(&paths.pool), mode(&paths.journal)), (0o755, 0o644, 0o600));
    assert_eq!(std::fs::metadata(&paths.journal).unwrap().len(), PREALLOCATED);
}

#[test]
fn what_is_there_is_used_as_it_is() {
    let (_dir, paths) = place();
    std::fs::create_dir_all(&paths.dir).unwrap();
    std::fs::write(&paths.pool, [1; 2560]).unwrap();
    std::fs::write(&paths.journal, b"").unwrap();
    std::fs::set_permissions(&paths.pool, PermissionsExt::from_mode(0o640)).unwrap();
    assert!(matches!(open(&paths).unwrap(), Opened::Writable { .. }));
    assert_eq!(std::fs::read(&paths.pool).unwrap(), [1; 2560]);
    assert_eq!(mode(&paths.pool), 0o640);
}

#[test]
fn a_symbolic_link_is_never_followed() {
    for journal in [false, true] {
        let (dir, paths) = place();
        let target = dir.path().join("victim");
        std::fs::write(&target, b"precious").unwrap();
        std::fs::create_dir_all(&paths.dir).unwrap();
        symlink(&target, if journal { &paths.journal } else { &paths.pool }).unwrap();
        let error = match open(&paths) {
            Ok(Opened::Readable { why, .. }) if journal => why,
            other => other.unwrap_err(),
        };
        assert_eq!(error.errno(), Some(Errno::LOOP));
        assert!(error.to_string().contains("symbolic link"), "{error}");
        assert_eq!(std::fs::read(&target).unwrap(), b"precious");
    }
}

#[test]
fn a_directory_or_a_fifo_in_its_place_is_refused_without_waiting() {
    let (_dir, paths) = place();
    std::fs::create_dir_all(&paths.pool).unwrap();
    assert_eq!(open(&paths).unwrap_err(), PoolError::NotAFile { path: paths.pool.clone() });
    std::fs::remove_dir(&paths.pool).unwrap();
    fs::mknodat(fs::CWD, &paths.pool, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    assert_eq!(open(&paths).unwrap_err(), PoolError::NotAFile { path: paths.pool.clone() });
}

#[test]
fn a_pool_that_may_only_be_read_is_opened_so() {
    if rustix::process::geteuid().is_root() {
        use std::io::Write as _;
        // Not eprintln!: the runner swallows what a test that passes prints with it.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED a_pool_that_may_only_be_read_is_opened_so: root may write everything"
        );
        return;
    }
    let (_dir, paths) = place();
    std::fs::create_dir_all(&paths.dir).unwrap();
    std::fs::write(&paths.pool, b"").unwrap();
    std::fs::set_permissions(&paths.pool, PermissionsExt::from_mode(0o444)).unwrap();
    let Opened::Readable { why, .. } = open(&paths).unwrap() else { panic!("writable") };
    assert_eq!(why.errno(), Some(Errno::ACCESS));
    std::fs::remove_file(&paths.pool).unwrap();
    std::fs::set_permissions(&paths.dir, PermissionsExt::from_mode(0o555)).unwrap();
    let Opened::Missing { why } = open(&paths).unwrap() else { panic!("not missing") };
    assert!(why.to_string().contains("tmpfiles"), "{why}");
    std::fs::set_permissions(&paths.dir, PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn a_bare_relative_name_lies_in_the_working_directory() {
    assert_eq!(parent(Path::new("pool")), Path::new("."));
    assert_eq!(parent(Path::new("deep/pool")), Path::new("deep"));
    assert_eq!(parent(Path::new("/")), Path::new("/"));
    let name = format!("hv-kvpd-test-{}", std::process::id());
    create_dir(Path::new(&name), Mode::RWXU).unwrap();
    std::fs::remove_dir(&name).unwrap();
}
