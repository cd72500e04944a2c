//! Links the system's `OpenBLAS` where the feature `openblas` asks for it.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_OPENBLAS").is_some() {
        println!("cargo::rustc-link-lib=openblas");
    }
}
