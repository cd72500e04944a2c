//! What `check` refuses and with which words, what it accepts and where it then sees each element.

#![allow(missing_docs, unreachable_pub)]

#[path = "check/accepted.rs"]
mod accepted;
#[path = "check/codes.rs"]
mod codes;
#[path = "check/delta.rs"]
mod delta;
#[path = "check/delta_codes.rs"]
mod delta_codes;
#[path = "check/fields.rs"]
mod fields;
#[path = "check/found.rs"]
mod found;
#[path = "check/garbage.rs"]
mod garbage;
#[path = "check/huge.rs"]
mod huge;
#[path = "../../rust/fuzz/src/layouts.rs"]
mod layouts;
#[path = "check/messages.rs"]
mod messages;
#[path = "check/model.rs"]
mod model;
#[path = "check/peepholes.rs"]
mod peepholes;
#[path = "check/states.rs"]
mod states;
#[path = "check/styles.rs"]
mod styles;

use bnns_lstm_testkit::alloc::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
