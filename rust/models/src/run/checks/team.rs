//! The threads of a call: who runs what, and that nobody is left behind.

use super::super::threads::{Exchange, Interrupt, Threads, Units, close};
use loom::sync::atomic::{AtomicUsize, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Both halves run once and are done at the end.
pub fn both() {
    let threads = Threads::new(2, false, None).expect("threads");
    let (mut here, mut elsewhere) = (0, 0);
    let one = || {
        here += 1;
        Ok(())
    };
    let other = || {
        elsewhere += 1;
        Ok(())
    };
    threads.both(one, other).expect("nothing is broken");
    assert_eq!((here, elsewhere), (1, 1));
    close();
}

/// Halves of halves, with two threads that help.
pub fn nested() {
    let threads = Threads::new(3, false, None).expect("threads");
    let done = AtomicUsize::new(0);
    let part = || {
        done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    threads.both(part, || threads.both(part, part)).expect("nothing is broken");
    assert_eq!(done.load(Ordering::Relaxed), 3);
    close();
}

/// Threads stay awake for the parts of a call, and leave at its end.
pub fn awake(helpers: usize, calls: usize) {
    let threads = Threads::new(helpers + 1, false, None).expect("threads");
    let done = AtomicUsize::new(0);
    let part = || {
        done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    let work = || (0..calls).try_for_each(|_| threads.both(part, part));
    threads.keep_awake(work).expect("nothing is broken");
    assert_eq!(done.load(Ordering::Relaxed), 2 * calls);
    close();
}

/// A computation that panics lets those go that stay awake for it.
pub fn leave_by_panic(helpers: usize) {
    let threads = Threads::new(helpers + 1, false, None).expect("threads");
    let call = || threads.keep_awake(|| resume_unwind(Box::new("as a computation might")));
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
    close();
}

/// A question that is answered with yes ends a call of two threads that wait for each other's words.
pub fn interrupted(steps: usize) {
    let question = || true;
    let interrupt = Interrupt::new(&question);
    let threads = Threads::new(2, false, Some(&interrupt)).expect("threads");
    let mut exchange = Exchange::new(1, 2).expect("memory");
    exchange.begin(steps + 1);
    let run = |own: usize| {
        let (units, mut states) = (|part| Units { rows: 1, range: part..part + 1 }, [1.0; 2]);
        for step in 0..=steps {
            let look = if own == 0 && step < steps { Ok(()) } else { threads.look() };
            if let Err(broken) = look {
                exchange.abandon();
                return Err(broken);
            }
            exchange.publish(step, &units(own), &states);
            exchange.receive(step, &units(1 - own), &mut states)?;
        }
        Ok(())
    };
    assert!(threads.both(|| run(0), || run(1)).is_err());
    close();
}
