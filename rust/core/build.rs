//! Links the system's `OpenBLAS` where the feature `openblas` asks for it, and says whether the unpublished testkit is
//! there, which some unit tests need: in the published crate it is not.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(testkit)");
    if Path::new("../testkit/Cargo.toml").exists() {
        println!("cargo::rustc-cfg=testkit");
    }
    if env::var_os("CARGO_FEATURE_OPENBLAS").is_some() {
        println!("cargo::rustc-link-lib=openblas");
    }
}
