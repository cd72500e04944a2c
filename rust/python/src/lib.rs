//! `bnns_lstm._native`: the Python package's door to the Rust library.
//!
//! ```text
//! reader, class       attributes of Python objects -> numbers, with what is wrong
//! params, extensions  the dataclasses of `bnns_lstm` -> the structure of the core
//! descriptor, memory  NumPy arrays -> descriptors that lend them, and borrowed views
//! sequence            the sequence descriptor -> integers of our own
//! cache               the bytes of the training cache
//! borrow, gradients   guards for the time of a call
//! inside              threads that the end of the interpreter waits for
//! detached, interrupt computing without the interpreter; what a signal can end
//! call                check, borrow, release the interpreter, compute
//! prepared            the same again and again, from arrays that are kept
//! training, slopes    training calls again and again, and their gradients
//! given, pool         the arrays of one such call, and its workspace
//! weights             packed weights that prepared layers share
//! interpreter         one for each process
//! errors, info        the core's errors and facts in Python
//! ```
//!
//! State of the process, and what becomes of it in a forked child, where a lock that another thread held stays locked
//! for ever: `find_numpy` (`memory`) fills the cells of the crate `numpy`, and `class::kept` fills ours (`Class`,
//! `VIEW`, `SYS`), without a lock that is held while the interpreter is released. `LEVEL` and `PRODUCTS` (`info`) are read
//! with the interpreter; so are `Caches` in the core. Its list of thread pools has a place for each process, its
//! number of the next plan and what a thread has of its own (`LEFT`, `WAITS`, `IS_ASKING`) go on. Objects
//! (`PreparedLayer`, `PackedWeights`, `Pool`) are locked only by whoever has the interpreter. `ENDING` and `COUNT`
//! (`inside`): threads that are inside may be counted when another one forks, and the child's end would wait for them;
//! so a child begins to count anew.
//!
//! Nothing is computed here, and what a field may hold is the core's business. What only NumPy knows is decided
//! here: whether a cache or a sequence descriptor is an array that can be borrowed as it is (`cache`, `sequence`).

#![deny(unsafe_code)]
#![allow(
    clippy::doc_markdown,
    reason = "what stands above classes and functions is Python's documentation"
)]

mod borrow;
mod cache;
mod call;
mod class;
mod descriptor;
mod detached;
mod errors;
mod extensions;
mod given;
mod gradients;
mod info;
mod inside;
mod interpreter;
mod interrupt;
mod memory;
mod params;
mod pool;
mod prepared;
mod reader;
mod sequence;
mod slopes;
mod training;
mod weights;

use pyo3::prelude::*;

/// The compiled part of the package.
///
/// It does not need the interpreter's lock. Its statics are cells that are written once (`OnceLock`, `PyOnceLock`);
/// its classes are frozen, and what changes in them is behind a `Mutex`; buffers that are kept belong to a thread;
/// the pool of threads is behind a lock of the core. NumPy arrays are borrowed for the time of a call, through flags
/// that `numpy` keeps thread-safe.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::call::{
        cached_cell_states, compute_lstm_training_cache_capacity, direct_apply_lstm_batch_backward,
        direct_apply_lstm_batch_training_caching, dropout_mask, validate,
    };
    #[pymodule_export]
    use crate::info::{error_codes, info};
    #[pymodule_export]
    use crate::prepared::{PreparedLayer, prepare};
    #[pymodule_export]
    use crate::slopes::{PreparedGradients, prepare_gradients};
    #[pymodule_export]
    use crate::training::{PreparedTraining, prepare_training};
    #[pymodule_export]
    use crate::weights::{PackedWeights, fingerprint};

    #[pymodule_init]
    fn init(module: &super::Bound<'_, super::PyModule>) -> super::PyResult<()> {
        crate::interpreter::refuse_another(module.py())?;
        crate::memory::find_numpy(module.py())?;
        crate::inside::expect_the_end(module.py())
    }

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = crate::info::VERSION;
}
