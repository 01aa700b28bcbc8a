use std::time::Duration;

use super::{Deadlines, LEAST_SWEPT};
use crate::ConnectionHandle;

#[test]
fn deadlines_that_the_other_end_put_off_for_centuries_do_not_pile_up() {
    let (mut deadlines, start) = (Deadlines::default(), warren_testing::start());
    let century = Duration::from_secs(3_000_000_000);
    let mut armed = [None; 3];
    for step in 0..100_000_u32 {
        let number = step % 3;
        let at = &mut armed[number as usize];
        // Put off, then needed at once.
        for deadline in [start + century, start] {
            deadlines.set(ConnectionHandle(number), at, Some(deadline));
        }
        while let Some((passed, connection)) = deadlines.pop(start) {
            let at = &mut armed[connection.0 as usize];
            *at = at.filter(|at| *at != passed);
        }
        if deadlines.is_stale() {
            deadlines.sweep(|at, connection| armed[connection.0 as usize] == Some(at));
        }
        assert!(deadlines.heap.len() <= 2 * 3 + LEAST_SWEPT + 2);
    }
}
