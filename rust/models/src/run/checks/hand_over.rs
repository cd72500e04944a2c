//! Work that the leading thread does until other threads come for it, as where threads divide the units of a layer.

use super::super::threads::{AtomicBool, Awaited, End, Exchange, Threads, Units, close};
use loom::sync::Mutex;

/// A part of the units: its number, and the steps that it has taken.
#[derive(Clone, Copy)]
struct Part {
    number: usize,
    steps: usize,
}

/// What all threads of a check share.
struct Shared {
    steps: usize,
    exchange: Option<Exchange>,
    /// How often each part came to its end.
    ends: Mutex<Vec<usize>>,
}

fn value(part: usize, step: usize) -> f32 {
    (100 * part + step + 1) as f32
}

impl Shared {
    /// All steps that are left of some parts, which are at the same step.
    fn run(&self, mut parts: Vec<Part>, others: &[Awaited<Part>]) {
        let count = self.ends.lock().expect("no panic").len();
        while parts[0].steps < self.steps {
            let step = parts[0].steps;
            for part in &mut parts {
                part.steps += 1;
            }
            if step == 0 {
                let left = others.iter().filter_map(Awaited::take);
                parts.extend(left.map(|part| Part { steps: part.steps + 1, ..part }));
            }
            if let Some(exchange) = self.exchange.as_ref().filter(|_| step + 1 < self.steps) {
                let units = |part: usize| Units { rows: 1, range: part..part + 1 };
                for part in &parts {
                    let states = vec![value(part.number, step); count];
                    exchange.publish(step, &units(part.number), &states);
                }
                for part in &parts {
                    for other in (0..count).filter(|&other| other != part.number) {
                        let mut states = vec![0.0; count];
                        exchange.receive(step, &units(other), &mut states).expect("a step");
                        assert_eq!(states[other].to_bits(), value(other, step).to_bits());
                    }
                }
            }
            if step + 1 < self.steps {
                for (index, other) in others.iter().enumerate() {
                    let own = parts.iter().position(|part| part.number == index + 1);
                    if let Some(own) = own.filter(|_| other.is_awaited()) {
                        other.give(parts.swap_remove(own));
                    }
                }
            }
        }
        let mut ends = self.ends.lock().expect("no panic");
        for part in parts {
            assert_eq!(part.steps, self.steps);
            ends[part.number] += 1;
        }
    }
}

fn check(parts: usize, steps: usize, exchange: Option<Exchange>) {
    let threads = Threads::new(parts, false, None).expect("threads");
    let shared = Shared { steps, exchange, ends: Mutex::new(vec![0; parts]) };
    let part = |number| Part { number, steps: 0 };
    let others: Vec<_> = (1..parts).map(|number| Awaited::new(part(number))).collect();
    let is_over = AtomicBool::new(false);
    let lead = || {
        let _end = End(&is_over);
        shared.run(vec![part(0)], &others);
        Ok(())
    };
    let join = |number: usize| {
        others[number].wait(&is_over).into_iter().for_each(|part| shared.run(vec![part], &[]));
        Ok(())
    };
    threads.lead(others.len(), lead, join).expect("nothing is broken");
    assert_eq!(*shared.ends.lock().expect("no panic"), vec![1; parts]);
    close();
}

/// Each part takes every step once, whoever has it.
pub fn hand_over(parts: usize, steps: usize) {
    check(parts, steps, None);
}

/// The same with an exchange of states after each step.
pub fn hand_over_and_exchange(parts: usize, steps: usize) {
    let mut exchange = Exchange::new(1, parts).expect("memory");
    exchange.begin(steps);
    check(parts, steps, Some(exchange));
}
