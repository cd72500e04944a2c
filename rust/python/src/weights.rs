//! `PackedWeights`: the weights of a layer, packed once for prepared layers of any batch and length.
//!
//! In: the weight arrays of a checked layer, which are kept, and a number of threads. Out: packed weights, and packed
//! anew when asked for; whoever shares them uses the new ones from its next call on. It knows neither inputs nor
//! outputs. Beside it, for those who share weights with others, a fingerprint of arrays says whether there is something
//! to pack.

use crate::borrow::{HeldWeights, lend_weights};
use crate::detached::detached;
use crate::errors::Failure;
use crate::info::level;
use crate::inside::Inside;
use crate::params::LayerArrays;
use bnns_lstm::binding::{BoundWeights, Checked, Weights, fingerprint_of, pack_shared};
use numpy::{PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The weights of a layer, packed once; `weights` of a prepared layer, and shared by all that are given them.
///
/// Example:
///     >>> import bnns_lstm as bl, numpy as np
///     >>> lstm = bl.LSTM(3, 4, seed=0)
///     >>> short, long = (np.zeros((steps, 2, 3), np.float32) for steps in (5, 50))
///     >>> layer = bl.prepare(lstm.layer_parameters(short))
///     >>> other = bl.prepare(lstm.layer_parameters(long), weights=layer.weights)
///     >>> layer.weights.nbytes == other.weights.nbytes
///     True
#[pyclass(frozen, module = "bnns_lstm")]
pub(crate) struct PackedWeights {
    checked: Checked,
    arrays: HeldWeights,
    /// How many threads pack anew at most. Calls of any shape share the weights, so that it is what the first prepared
    /// layer's filter parameters allow to a call, and not what its own calls use.
    threads: usize,
    /// How often arrays have been read to be packed.
    readings: AtomicU64,
    /// Never locked while the interpreter is released.
    latest: Mutex<Latest>,
}

/// What is in use.
struct Latest {
    /// The number of the reading that it was packed from, so that no older one replaces it.
    reading: u64,
    packed: Arc<Weights>,
}

impl PackedWeights {
    /// What was packed from the arrays of a checked layer; the arrays are kept. At most so many threads pack anew.
    pub(crate) fn new(
        checked: &Checked,
        arrays: &LayerArrays<'_>,
        threads: usize,
        packed: Weights,
    ) -> PyResult<Self> {
        Ok(Self {
            checked: checked.clone(),
            arrays: HeldWeights::new(arrays, checked)?,
            threads,
            readings: AtomicU64::new(0),
            latest: Mutex::new(Latest { reading: 0, packed: Arc::new(packed) }),
        })
    }

    /// The weights that are in use now.
    pub(crate) fn current(&self) -> Arc<Weights> {
        Arc::clone(&self.latest().packed)
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which floats these arrays hold: 64 bits that depend on the bits of all.
///
/// Raises `TypeError` for what is no array of float32 in C order.
#[pyfunction]
#[pyo3(name = "_fingerprint")]
pub(crate) fn fingerprint(py: Python<'_>, arrays: &Bound<'_, PyTuple>) -> Result<u64, Failure> {
    let _inside = Inside::enter(py);
    let level = level()?;
    let mut guards = Vec::with_capacity(arrays.len());
    for object in arrays.iter() {
        let array = object.cast_exact::<PyArrayDyn<f32>>().map_err(|_| other_arrays())?;
        guards.push(array.try_readonly().map_err(|_| other_arrays())?);
    }
    let mut floats = Vec::with_capacity(guards.len());
    for guard in &guards {
        let in_order = guard.is_c_contiguous().then(|| guard.as_slice().ok()).flatten();
        floats.push(in_order.ok_or_else(other_arrays)?);
    }
    Ok(detached(py, || fingerprint_of(&floats, level)))
}

fn other_arrays() -> Failure {
    PyTypeError::new_err("arrays: expected arrays of float32 in C order that nobody is writing")
        .into()
}

#[pymethods]
impl PackedWeights {
    /// Pack the weights again, from what their arrays hold now.
    ///
    /// Example:
    ///     >>> import bnns_lstm as bl, numpy as np
    ///     >>> params = bl.LSTM(3, 4, seed=0).layer_parameters(np.zeros((5, 2, 3), np.float32))
    ///     >>> layer = bl.prepare(params)
    ///     >>> layer.weights.update()
    pub(crate) fn update(&self, py: Python<'_>) -> Result<(), Failure> {
        let _inside = Inside::enter(py);
        let weights = self.arrays.read(py)?;
        let views = lend_weights(&weights);
        let reading = self.readings.fetch_add(1, Ordering::Relaxed) + 1;
        let layer = Arc::clone(self.current().layer());
        let packed = detached(py, || {
            let bound = BoundWeights::bind(&self.checked, &views)?;
            pack_shared(&layer, self.threads, &bound).map(Arc::new)
        })?;
        let mut latest = self.latest();
        if latest.reading < reading {
            *latest = Latest { reading, packed };
        }
        Ok(())
    }

    /// Bytes of the packed weights.
    #[getter]
    fn nbytes(&self) -> usize {
        self.current().bytes()
    }
}
