use std::time::Duration;

use super::start;
use crate::ConnectionHandle;
use crate::deadlines::{Deadlines, LEAST_SWEPT};

#[test]
fn deadlines_that_the_other_end_put_off_for_centuries_do_not_pile_up() {
    let (mut deadlines, start) = (Deadlines::default(), start());
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
        deadlines.sweep_if_stale(|at, connection| armed[connection.0 as usize] == Some(at));
        assert!(deadlines.entries() <= 2 * 3 + LEAST_SWEPT + 2);
    }
}
