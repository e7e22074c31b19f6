//! Where the host is told another thing by hv-kvpd than by Debian's hv_kvp_daemon under the same scenario, and why.
//!
//! What is not listed here has to be the same, and what is listed has to differ just so. docs/testing.md has the list, too.

use std::sync::{Mutex, PoisonError};

use super::scenario::Told;
use crate::machine::skip;

/// What was asked, the one answer, the other.
pub(super) type Difference = (&'static str, &'static str, &'static str);

/// The C daemon and ours, both on `hv_utils`.
const ON_HV_UTILS: &[Difference] = &[
    // The kernel reads the value of a GET where an answer to ENUMERATE has it; the C daemon does not put it there.
    ("get-kvp --direct external Colour", "value ", "value grün €𝄞"),
    // The C daemon lets the host write pool 2, which is the guest's word about itself and never read from the file.
    ("set-kvp auto Forged 1", "done", "status 0x80004005"),
    ("delete-kvp auto OSName", "status 0x80070103", "status 0x80004005"),
];

/// Ours on `hv_utils` and on `uio`: what the in-kernel driver loses on the way.
const ON_UIO: &[Difference] = &[
    // It knows 64-bit numbers by type 8 only; hosts send them as type 11.
    (
        "enumerate external",
        "items Colour=grün €𝄞, Second=zwei, Empty=, Dword=4294967295, Qword=",
        "items Colour=grün €𝄞, Second=zwei, Empty=, Dword=4294967295, Qword=18446744073709551615",
    ),
    (
        "enumerate external",
        "items Colour=grün €𝄞, Dword=4294967295, Qword=",
        "items Colour=grün €𝄞, Dword=4294967295, Qword=18446744073709551615",
    ),
];

/// Facts that the C daemon does not tell; Windows guests do.
const OURS_ALONE: &[&str] = &["CSDVersion"];

/// What was told earlier in this run.
static C_DAEMON: Mutex<Option<Vec<Told>>> = Mutex::new(None);
static INTRINSIC: Mutex<Option<Vec<(String, String)>>> = Mutex::new(None);
static OURS: Mutex<Option<Vec<Told>>> = Mutex::new(None);

/// Keeps what the C daemon told.
pub(super) fn remember(told: Vec<Told>, intrinsic: Vec<(String, String)>) {
    put(&C_DAEMON, told);
    put(&INTRINSIC, intrinsic);
}

/// Compares what we told on `hv_utils` with what the C daemon did, if it was asked in this run.
#[track_caller]
pub(super) fn compare_with_the_c_daemon(told: &[Told]) {
    put(&OURS, told.to_vec());
    compare("the C daemon", &C_DAEMON, told, ON_HV_UTILS);
}

/// The same for the facts about the guest, which have to be the same on the same kernel.
#[track_caller]
pub(super) fn compare_intrinsic(intrinsic: &[(String, String)]) {
    let guard = INTRINSIC.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(theirs) = guard.as_deref() else { skip("the C daemon was not asked in this run") };
    let (same, more) = intrinsic.split_at(theirs.len().min(intrinsic.len()));
    assert_eq!(theirs, same, "left: the C daemon");
    let more: Vec<&str> = more.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(more, OURS_ALONE, "what only we tell");
}

/// Compares what we told on `uio` with what we told on `hv_utils`, if we were asked there in this run.
#[track_caller]
pub(super) fn compare_with_hv_utils(told: &[Told]) {
    compare("hv_utils", &OURS, told, ON_UIO);
}

fn put<T>(place: &Mutex<Option<T>>, value: T) {
    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
}

#[track_caller]
fn compare(with: &str, place: &Mutex<Option<Vec<Told>>>, told: &[Told], expected: &[Difference]) {
    let guard = place.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(theirs) = &*guard else { skip(&format!("{with} was not asked in this run")) };
    differ(with, theirs, told, expected);
}

/// Compares two conversations with the same questions.
#[track_caller]
pub(super) fn differ(with: &str, theirs: &[Told], ours: &[Told], expected: &[Difference]) {
    let found: Vec<(&str, &str, &str)> = theirs
        .iter()
        .zip(ours)
        .filter(|(theirs, ours)| theirs != ours)
        .map(|(theirs, ours)| (ours.asked.as_str(), theirs.answer.as_str(), ours.answer.as_str()))
        .collect();
    assert_eq!(found, expected, "left: the differences to {with}; right: those that are known");
}
