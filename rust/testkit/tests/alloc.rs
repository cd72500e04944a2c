//! The counting allocator counts what it should, and only that.

use std::hint::black_box;
use std::thread;

use bnns_lstm_testkit::alloc::{CountingAllocator, Counts, measure, process_counts};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn nothing_is_counted_where_nothing_is_allocated() {
    let mut values = [3_u64; 64];
    let ((), counts) =
        measure(|| values.iter_mut().for_each(|value| *value = black_box(*value + 1)));
    assert_eq!(counts, Counts::default());
}

#[test]
fn blocks_and_bytes_are_counted() {
    let (_, counts) = measure(|| black_box(vec![7_u8; 1000]));
    assert_eq!((counts.allocations, counts.bytes), (1, 1000));
    let (_, counts) = measure(|| black_box(vec![0_u8; 1000]));
    assert_eq!((counts.allocations, counts.bytes), (1, 1000));
}

#[test]
fn growing_counts_again() {
    let mut values = vec![1_u8; 10];
    let ((), counts) = measure(|| black_box(&mut values).reserve_exact(90));
    assert_eq!((counts.allocations, counts.bytes, counts.freed), (1, 100, 10));
}

#[test]
fn other_threads_count_for_the_process_alone() {
    let before = process_counts();
    let worker = thread::spawn(|| measure(|| black_box(vec![1_u8; 5000])).1);
    let (theirs, ours) = measure(|| worker.join().expect("the worker must end well"));
    assert_eq!((theirs.allocations, theirs.bytes), (1, 5000));
    assert!(ours.bytes < 5000);
    assert!(process_counts().since(before).bytes >= 5000);
}
