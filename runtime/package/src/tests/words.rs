//! Amounts for people.

use crate::in_bytes;

#[test]
fn bytes_have_one_decimal_at_most() {
    for (bytes, text) in [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1 kB"),
        (1_499, "1.4 kB"),
        (148_000, "148 kB"),
        (1 << 20, "1 MB"),
        (3_100_000, "3.1 MB"),
        (64 << 20, "67 MB"),
        (2_500_000_000, "2.5 GB"),
    ] {
        assert_eq!(in_bytes(bytes), text);
    }
}
