use std::path::PathBuf;

use hv_utils_core::wire::kvp::Pool;
use rustix::io::Errno;

use super::Failures;
use crate::pool::PoolError;

fn io(errno: Errno) -> PoolError {
    PoolError::Io { path: PathBuf::from("/pools/.kvp_pool_1"), operation: "write", errno }
}

#[test]
fn a_cause_is_logged_once_and_then_counted() {
    let failures = Failures::new("a pool cannot be changed");
    assert_eq!(failures.admit(&io(Errno::NOSPC)), Some(0));
    assert_eq!(failures.admit(&io(Errno::NOSPC)), None);
    assert_eq!(failures.admit(&io(Errno::DQUOT)), None, "a full quota is a full disk");
    assert_eq!(failures.admit(&io(Errno::ROFS)), Some(0), "another cause is news");
}

#[test]
fn what_only_the_caller_did_wrong_is_not_logged() {
    let missing = PoolError::NoSuchKey { pool: Pool::Guest, key: "k".to_owned() };
    assert_eq!(Failures::new("a pool cannot be changed").admit(&missing), None);
}
