//! What the host reads on the ring, as numbers: every flag at every version.

use hv_utils_core::wire::Version;

use crate::support::{Guest, Others, run};

const OK: u32 = 0;
const FAIL: u32 = 0x8000_4005;
const NOT_SUPPORTED: u32 = 0x8007_0032;

#[test]
fn every_flag_at_every_version_has_its_status() {
    run(async {
        for (version, [restart, hibernate]) in [
            (Version::new(1, 0), [NOT_SUPPORTED, NOT_SUPPORTED]),
            (Version::new(3, 0), [NOT_SUPPORTED, NOT_SUPPORTED]),
            (Version::new(3, 1), [OK, NOT_SUPPORTED]),
            (Version::new(3, 2), [OK, OK]),
        ] {
            let (guest, mut host) = Guest::by_hand("", version).await;
            let others = Others::on(guest.address()).await;
            guest.can_hibernate();
            for (flags, expected, outcome) in [
                (0, OK, "would power off (print)"),
                (1, OK, "would power off (print)"),
                (2, restart, "would restart (print)"),
                (3, restart, "would restart (print)"),
                (4, hibernate, "would hibernate (print)"),
                (5, hibernate, "would hibernate (print)"),
                (6, FAIL, ""),
                (7, FAIL, ""),
                (8, FAIL, ""),
                (9, FAIL, ""),
                (0x8000_0000, FAIL, ""),
                (0xffff_ffff, FAIL, ""),
            ] {
                assert_eq!(host.status(flags).await, expected, "flags {flags:#x} at {version}");
                if expected == OK {
                    guest.becomes(outcome).await;
                    guest.rests().await;
                }
            }
            for length in [0, 4, 8, 11] {
                assert_eq!(host.status_of(&vec![0; length]).await, FAIL, "{length} bytes at {version}");
            }
            // As FreeBSD has it: the text may be missing.
            assert_eq!(host.status_of(&[0; 12]).await, OK, "{version}");
            guest.becomes("would power off (print)").await;
            assert_eq!(others.acted(), [""; 0]);
        }
    });
}
