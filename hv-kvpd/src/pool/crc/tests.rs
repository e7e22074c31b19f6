//! The checksum against the published check value.

#[test]
fn check_value_of_the_published_catalogue() {
    assert_eq!(super::crc(b"123456789"), 0x995d_c9bb_df19_39fa);
}
