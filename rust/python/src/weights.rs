//! `PackedWeights`: the weights of a layer, packed once for prepared layers of any batch and length.
//!
//! In: the weight arrays of a checked layer, which are kept. Out: packed weights, and packed anew when asked
//! for; whoever shares them uses the new ones from its next call on. It knows neither inputs nor outputs.

use crate::borrow::{borrow, checked_weights, hold, lend_weights};
use crate::errors::Failure;
use crate::memory::Held;
use crate::params::LayerArrays;
use bnns_lstm::{BoundWeights, Checked, Path, WeightFields, Weights};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The weights of a layer, packed once.
#[pyclass(frozen, module = "bnns_lstm")]
pub(crate) struct PackedWeights {
    checked: Checked,
    arrays: WeightFields<Option<Held>>,
    packed: Mutex<Arc<Weights>>,
    /// Held from the reading of weights until they are in use, so that no older ones replace them.
    updating: Mutex<()>,
}

impl PackedWeights {
    /// What was packed from the arrays of a checked layer; the arrays are kept.
    pub(crate) fn new(
        checked: &Checked,
        arrays: &LayerArrays<'_>,
        packed: Weights,
    ) -> PyResult<Self> {
        Ok(Self {
            checked: checked.clone(),
            arrays: checked_weights(arrays, checked).try_map(|_, array| hold(array))?,
            packed: Mutex::new(Arc::new(packed)),
            updating: Mutex::new(()),
        })
    }

    /// The weights that are in use now.
    pub(crate) fn current(&self) -> MutexGuard<'_, Arc<Weights>> {
        self.packed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl PackedWeights {
    /// Pack the weights again, from what their arrays hold now.
    pub(crate) fn update(&self, py: Python<'_>) -> Result<(), Failure> {
        let weights = self.arrays.as_ref().try_map(|field, held| {
            borrow(held.as_ref(), || field.path(&Path::default()), |held| held.read(py))
        })?;
        let views = lend_weights(&weights);
        py.detach(|| {
            let _one_at_a_time = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
            let layer = Arc::clone(self.current().layer());
            let bound = BoundWeights::bind(&self.checked, &views)?;
            let packed = Weights::pack_for_inference(&layer, &bound)?;
            *self.current() = Arc::new(packed);
            Ok::<_, bnns_lstm::Error>(())
        })?;
        Ok(())
    }

    /// Bytes of the packed weights.
    #[getter]
    fn nbytes(&self) -> usize {
        self.current().bytes()
    }
}
