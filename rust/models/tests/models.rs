//! The checks: what holds in every order, and which planted fault is found.

use models::run::checks::{
    a_part_leaves_slices, a_part_leaves_words, a_part_that_reads_too_late, a_stage_breaks_off,
    awake, both, hand_over, hand_over_and_exchange, interrupted, leave_by_panic, nested, slices,
    stages, words,
};
use models::{Fault, failure, finds, holds};

/// Loom's word for threads that all wait.
const DEADLOCK: &str = "deadlock";

#[test]
fn words_arrive_as_they_were_sent() {
    holds(3, || words(2, 4, 1));
    holds(2, || words(2, 2, 2));
    holds(1, || words(3, 1, 1));
    holds(0, || words(3, 3, 1));
}

#[test]
fn nobody_waits_for_words_of_a_part_that_has_left() {
    holds(3, || a_part_leaves_words(2));
    holds(2, || a_part_leaves_words(3));
}

#[test]
fn a_float_that_comes_after_its_step_is_found() {
    finds(Fault::TornWords, "left == right", 2, || words(2, 2, 1));
}

#[test]
fn a_word_that_is_awaited_for_ever_is_found() {
    finds(Fault::LostFlag, DEADLOCK, 2, || a_part_leaves_words(2));
}

#[test]
fn slices_arrive_as_they_were_sent() {
    holds(3, || slices(2, 3));
    holds(1, || slices(3, 3));
}

#[test]
fn nobody_waits_for_slices_of_a_part_that_has_left() {
    holds(3, || a_part_leaves_slices(2));
    holds(2, || a_part_leaves_slices(3));
}

#[test]
fn a_sleeper_that_nobody_sees_is_found() {
    finds(Fault::NoFence, DEADLOCK, 3, || slices(2, 2));
}

#[test]
fn a_sleeper_that_nobody_wakes_is_found() {
    finds(Fault::NoBell, DEADLOCK, 2, || slices(2, 2));
    finds(Fault::OneBell, DEADLOCK, 2, || slices(3, 1));
    finds(Fault::NoBell, DEADLOCK, 2, || a_part_leaves_slices(2));
}

#[test]
fn a_slice_that_is_overwritten_is_found() {
    assert!(failure(2, a_part_that_reads_too_late).contains("read(exchange, 0, 0)"));
}

#[test]
fn pieces_go_through_stages_in_order() {
    holds(2, || stages(2, 2, 3));
    holds(2, || stages(2, 3, 2));
    holds(1, || stages(3, 2, 2));
    holds(2, || a_stage_breaks_off(2));
    holds(1, || a_stage_breaks_off(3));
}

#[test]
fn a_piece_that_nobody_is_told_of_is_found() {
    finds(Fault::NoBell, DEADLOCK, 2, || stages(2, 2, 2));
    finds(Fault::NoFence, DEADLOCK, 3, || stages(2, 2, 2));
}

#[test]
fn work_that_is_handed_over_is_done_once() {
    holds(3, || hand_over(2, 3));
    holds(2, || hand_over(3, 2));
    holds(2, || hand_over_and_exchange(2, 3));
    holds(1, || hand_over_and_exchange(3, 2));
}

#[test]
fn a_thread_that_does_not_see_its_work_is_found() {
    finds(Fault::FlagStaysUp, DEADLOCK, 2, || hand_over_and_exchange(2, 3));
}

#[test]
fn nobody_is_left_behind() {
    holds(3, both);
    holds(2, nested);
    holds(2, || awake(1, 1));
    holds(1, || awake(2, 1));
    holds(2, || leave_by_panic(1));
}

#[test]
fn an_interrupt_ends_the_waiting() {
    holds(2, || interrupted(0));
    holds(2, || interrupted(1));
}

#[test]
fn threads_that_are_kept_awake_for_ever_are_found() {
    finds(Fault::LostFlag, DEADLOCK, 2, || awake(1, 1));
}
