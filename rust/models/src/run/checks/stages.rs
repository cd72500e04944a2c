//! Stages that pieces go through.

use super::super::threads::Stages;
use super::side_by_side;
use crate::error::Broken;
use loom::sync::Mutex;
use std::sync::Arc;

/// So many threads; each stage takes each piece once, after the stage below.
pub fn stages(threads: usize, stages: usize, pieces: usize) {
    let shared = Arc::new((Stages::new(stages, pieces), Mutex::new(vec![0; stages])));
    side_by_side(threads, &shared, |(all, taken), _| {
        let done = all.work(
            |_| Ok(false),
            |stage, piece| {
                let mut taken = taken.lock().expect("no panic");
                assert_eq!(taken[stage], piece);
                assert!(stage == 0 || taken[stage - 1] > piece);
                assert!(taken.get(stage + 1).is_none_or(|&above| piece < above + 2));
                taken[stage] += 1;
                Ok(())
            },
        );
        assert_eq!(done, Ok(()));
    });
    assert_eq!(*shared.1.lock().expect("no panic"), vec![pieces; stages]);
}

/// One thread finds something broken; the others go.
pub fn a_stage_breaks_off(threads: usize) {
    let shared = Arc::new(Stages::new(2, 2));
    side_by_side(threads, &shared, |all, _| {
        let broken = |stage, _| if stage == 1 { Err(Broken("planted")) } else { Ok(()) };
        assert!(all.work(|_| Ok(false), broken).is_err());
    });
}
