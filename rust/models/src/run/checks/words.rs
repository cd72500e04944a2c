//! The exchange of tagged words.

use super::super::threads::{Exchange, Units};
use super::side_by_side;
use std::sync::Arc;

fn units(part: usize) -> Units {
    Units { rows: 1, range: part..part + 1 }
}

fn value(part: usize, step: usize) -> f32 {
    (100 * part + step + 1) as f32
}

/// One unit a part; so many sequences of so many steps, one after the other.
pub fn words(parts: usize, steps: usize, sequences: usize) {
    let mut exchange = Exchange::new(1, parts).expect("memory");
    for _ in 0..sequences {
        exchange.begin(steps);
        let shared = Arc::new(exchange);
        side_by_side(parts, &shared, move |exchange, own| {
            let mut states = vec![0.0; parts];
            for step in 0..steps {
                states[own] = value(own, step);
                exchange.publish(step, &units(own), &states);
                for other in (0..parts).filter(|&other| other != own) {
                    exchange.receive(step, &units(other), &mut states).expect("a step");
                    assert_eq!(states[other].to_bits(), value(other, step).to_bits());
                }
            }
        });
        exchange = Arc::into_inner(shared).expect("nobody else is left");
    }
}

/// Part 0 leaves after its first step; nobody waits for it.
pub fn a_part_leaves_words(parts: usize) {
    let mut exchange = Exchange::new(1, parts).expect("memory");
    exchange.begin(2);
    side_by_side(parts, &Arc::new(exchange), move |exchange, own| {
        let mut states = vec![value(own, 0); parts];
        exchange.publish(0, &units(own), &states);
        if own == 0 {
            exchange.abandon();
            return;
        }
        let first = exchange.receive(0, &units(0), &mut states);
        assert!(first.is_err() || states[0].to_bits() == value(0, 0).to_bits());
        assert!(exchange.receive(1, &units(0), &mut states).is_err());
    });
}
