//! The layer's results: golden cases, the f64 oracle, properties, exact arithmetic.

#![allow(missing_docs, unreachable_pub)]

mod golden;
mod oracle;
mod support;
