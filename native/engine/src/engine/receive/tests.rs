use super::decapsulated;
use crate::ecn::Ecn;

/// RFC 6040, figure 4: rows are what the inner header says, columns the outer one, in the order Not-ECT, ECT(0),
/// ECT(1), CE. The one cell that differs is Not-ECT inside CE, which that table drops: QUIC repeats what is dropped,
/// and marks nothing it does not want marked.
#[test]
fn marks_of_both_headers_are_joined_as_rfc_6040_says() {
    use Ecn::{Ce, Ect0, Ect1, NotEct};
    let rows = [
        (0b00, [NotEct, NotEct, NotEct, NotEct]),
        (0b10, [Ect0, Ect0, Ect1, Ce]),
        (0b01, [Ect1, Ect1, Ect1, Ce]),
        (0b11, [Ce, Ce, Ce, Ce]),
    ];
    for (inner, joined) in rows {
        for (outer, expected) in [NotEct, Ect0, Ect1, Ce].into_iter().zip(joined) {
            assert_eq!(decapsulated(outer, inner), expected, "{inner:02b} inside {outer:?}");
        }
    }
}
