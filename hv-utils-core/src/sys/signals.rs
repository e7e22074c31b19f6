//! Signal dispositions, for a process that must outlive a polite request to end.
//!
//! Handlers are tokio's business; here is only what needs no handler.

/// Ignores SIGTERM, SIGINT and SIGHUP from now on, for a process whose work ends by itself and soon, and must not be
/// left half done. A killing signal still kills.
pub fn ignore_requests_to_end() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        // SAFETY: SIG_IGN installs no code of ours, and these three signals may be ignored.
        let before = unsafe { libc::signal(signal, libc::SIG_IGN) };
        debug_assert!(before != libc::SIG_ERR, "a valid signal and disposition");
    }
}
