//! The exchange of slices.

use super::super::threads::SliceExchange;
use super::side_by_side;
use std::sync::Arc;

/// What a part has at a step: two floats, or one at every second step.
fn slice(part: usize, step: usize) -> Vec<f32> {
    let first = (100 * part + step + 1) as f32;
    if step.is_multiple_of(2) { vec![first, -first] } else { vec![first] }
}

fn read(exchange: &SliceExchange, part: usize, step: usize) -> bool {
    exchange.read(part, step, |found| assert_eq!(found, slice(part, step))).is_ok()
}

/// So many parts for so many steps.
pub fn slices(parts: usize, steps: usize) {
    let mut exchange = SliceExchange::new(parts, 2).expect("memory");
    exchange.begin();
    side_by_side(parts, &Arc::new(exchange), move |exchange, own| {
        for step in 0..steps {
            exchange.publish(own, step, &slice(own, step)).expect("room");
            for other in (own + 1..parts).chain(0..own) {
                assert!(read(exchange, other, step));
            }
        }
    });
}

/// Part 0 leaves after its first step; nobody waits for it.
pub fn a_part_leaves_slices(parts: usize) {
    let mut exchange = SliceExchange::new(parts, 2).expect("memory");
    exchange.begin();
    side_by_side(parts, &Arc::new(exchange), move |exchange, own| {
        if own == 0 {
            exchange.publish(0, 0, &slice(0, 0)).expect("room");
            exchange.abandon();
            return;
        }
        read(exchange, 0, 0);
        assert!(!read(exchange, 0, 1));
    });
}

/// Part 1 breaks the rule: it reads nothing, so that part 0 overwrites what part 1 reads at the end.
pub fn a_part_that_reads_too_late() {
    let mut exchange = SliceExchange::new(2, 2).expect("memory");
    exchange.begin();
    side_by_side(2, &Arc::new(exchange), |exchange, own| {
        for step in 0..3 {
            exchange.publish(own, step, &slice(own, step)).expect("room");
            if own == 0 {
                // Whatever is there by now, and what it should be where there is something.
                read(exchange, 1, step);
            }
        }
        if own == 1 {
            assert!(read(exchange, 0, 0));
        }
    });
}
