//! What `check` refuses and with which words, what it accepts and where it then sees each element.

#![allow(missing_docs, unreachable_pub)]

#[path = "check/accepted.rs"]
mod accepted;
#[path = "check/binding_findings.rs"]
mod binding_findings;
#[path = "check/codes.rs"]
mod codes;
#[path = "check/delta.rs"]
mod delta;
#[path = "check/delta_codes.rs"]
mod delta_codes;
#[path = "check/fields.rs"]
mod fields;
#[path = "check/garbage.rs"]
mod garbage;
#[path = "check/known_callers.rs"]
mod known_callers;
#[path = "../../rust/fuzz/src/layouts.rs"]
mod layouts;
#[path = "check/messages.rs"]
mod messages;
#[path = "check/model.rs"]
mod model;
#[path = "check/overflow.rs"]
mod overflow;
#[path = "check/peepholes.rs"]
mod peepholes;
#[path = "check/states.rs"]
mod states;

use bnns_lstm_testkit::alloc::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
