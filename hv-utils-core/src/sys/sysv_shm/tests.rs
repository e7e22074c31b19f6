use super::*;
use std::mem::offset_of;
use std::sync::atomic::AtomicI32 as Counter;

/// Removed at the end, whatever the test finds.
struct Removed(SysvShm);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = self.0.remove();
    }
}

/// A key that no other test and no NTP daemon ("NTP0" and its neighbours) has.
fn key() -> i32 {
    static NEXT: Counter = Counter::new(0);
    0x6876_0000_i32.wrapping_add(std::process::id() as i32 * 16 + NEXT.fetch_add(1, SeqCst))
}

#[test]
fn two_attachments_of_a_key_see_each_others_words() {
    let key = key();
    let one = Removed(SysvShm::attach(key, 96, 0o600).unwrap());
    let other = SysvShm::attach(key, 96, 0o600).unwrap();
    one.0.store_i32(4, -7);
    one.0.store_i64(8, -5_000_000_000);
    one.0.store_i32(92, 9);
    assert_eq!((other.load_i32(0), other.load_i32(4), other.load_i32(92)), (0, -7, 9));
    assert_eq!(other.load_i64(8), -5_000_000_000);
    other.store_i32(0, 3);
    assert_eq!(one.0.load_i32(0), 3);
}

#[test]
fn what_was_written_is_still_there_for_the_next_one() {
    let key = key();
    let first = SysvShm::attach(key, 96, 0o600).unwrap();
    first.store_i32(0, 11);
    drop(first);
    let again = Removed(SysvShm::attach(key, 96, 0o600).unwrap());
    assert_eq!(again.0.load_i32(0), 11);
}

#[test]
fn a_segment_says_whose_it_is() {
    let segment = Removed(SysvShm::attach(key(), 96, 0o640).unwrap());
    let me = rustix::process::geteuid().as_raw();
    assert_eq!(segment.0.owner().unwrap(), SegmentOwner { uid: me, creator: me, mode: 0o640, bytes: 96 });
}

#[test]
fn an_existing_segment_keeps_its_mode() {
    let key = key();
    let _first = Removed(SysvShm::attach(key, 96, 0o600).unwrap());
    assert_eq!(SysvShm::attach(key, 96, 0o666).unwrap().owner().unwrap().mode, 0o600);
}

#[test]
fn a_segment_that_nobody_made_is_not_made_by_looking_for_it() {
    let key = key();
    for _ in 0..2 {
        assert_eq!(SysvShm::attach_existing(key, 96).unwrap_err().raw_os_error(), Some(libc::ENOENT));
    }
    let made = Removed(SysvShm::attach(key, 96, 0o600).unwrap());
    made.0.store_i32(0, 5);
    assert_eq!(SysvShm::attach_existing(key, 96).unwrap().load_i32(0), 5);
}

#[test]
fn a_segment_that_is_too_short_is_refused() {
    let key = key();
    let _short = Removed(SysvShm::attach(key, 64, 0o600).unwrap());
    assert_eq!(SysvShm::attach(key, 96, 0o600).unwrap_err().raw_os_error(), Some(libc::EINVAL));
}

#[test]
fn a_removed_segment_is_not_found_by_its_key() {
    let key = key();
    let old = SysvShm::attach(key, 96, 0o600).unwrap();
    old.store_i32(0, 1);
    old.remove().unwrap();
    let new = Removed(SysvShm::attach(key, 96, 0o600).unwrap());
    assert_eq!((old.load_i32(0), new.0.load_i32(0)), (1, 0));
}

#[test]
#[should_panic(expected = "index out of bounds")]
fn words_behind_the_end_are_not_touched() {
    let segment = Removed(SysvShm::attach(key(), 96, 0o600).unwrap());
    let _ = segment.0.load_i32(96);
}

/// `struct shmTime` of the NTP daemons' shared memory driver (driver 28) as C lays it out where `time_t` has 64 bits.
#[repr(C)]
struct ShmTime {
    mode: i32,
    count: i32,
    clock_sec: i64,
    clock_usec: i32,
    receive_sec: i64,
    receive_usec: i32,
    leap: i32,
    precision: i32,
    samples: i32,
    valid: i32,
    clock_nsec: u32,
    receive_nsec: u32,
    spare: [i32; 8],
}

#[test]
fn every_word_of_a_sample_for_ntp_can_be_reached() {
    let places = [
        offset_of!(ShmTime, mode),
        offset_of!(ShmTime, count),
        offset_of!(ShmTime, clock_sec),
        offset_of!(ShmTime, clock_usec),
        offset_of!(ShmTime, receive_sec),
        offset_of!(ShmTime, receive_usec),
        offset_of!(ShmTime, leap),
        offset_of!(ShmTime, precision),
        offset_of!(ShmTime, samples),
        offset_of!(ShmTime, valid),
        offset_of!(ShmTime, clock_nsec),
        offset_of!(ShmTime, receive_nsec),
        offset_of!(ShmTime, spare),
    ];
    assert_eq!(places, [0, 4, 8, 16, 24, 32, 36, 40, 44, 48, 52, 56, 60]);
    assert_eq!(size_of::<ShmTime>(), 96);
    let segment = Removed(SysvShm::attach(key(), size_of::<ShmTime>(), 0o600).unwrap());
    for place in places {
        segment.0.store_i32(place, i32::try_from(place).unwrap());
    }
    segment.0.store_i64(8, 1);
    segment.0.store_i64(24, 2);
    assert_eq!((segment.0.load_i32(4), segment.0.load_i32(16), segment.0.load_i32(32)), (4, 16, 32));
}
