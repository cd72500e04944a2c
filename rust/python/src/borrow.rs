//! The arrays of a layer, borrowed.
//!
//! In: a checked layer and its arrays. Out: guards that live as long as the computation, and what the core
//! takes; or the field whose array somebody else is using. It computes nothing.

use crate::errors::Failure;
use crate::memory::{Array, Held, Reading, Writing};
use crate::params::LayerArrays;
use bnns_lstm::binding::{
    Checked, DataFields, InputArray, Inputs, Outputs, Side, WeightFields, WeightViews,
};
use bnns_lstm::{Code, DescriptorError, Error, Issue, Path};
use numpy::Element;
use pyo3::prelude::*;

/// The arrays of a data descriptor that are read.
pub(crate) type DataReadings<'a, 'py> = DataFields<Option<Reading<'a, 'py, f32>>>;

/// The arrays of a data descriptor that are written.
pub(crate) type DataWritings<'a, 'py> = DataFields<Option<Writing<'a, 'py, f32>>>;

/// All weights, which are read.
pub(crate) type WeightReadings<'a, 'py> = WeightFields<Option<Reading<'a, 'py, f32>>>;

/// The arrays of the weights of a checked layer, which are kept from call to call.
#[derive(Debug)]
pub(crate) struct HeldWeights(WeightFields<Option<Held>>);

impl HeldWeights {
    pub(crate) fn new(arrays: &LayerArrays<'_>, checked: &Checked) -> PyResult<Self> {
        checked_weights(arrays, checked).try_map(|_, array| hold(array)).map(Self)
    }

    /// Borrow all to read.
    pub(crate) fn read<'py>(&self, py: Python<'py>) -> Result<WeightReadings<'_, 'py>, Failure> {
        self.0.as_ref().try_map(|field, held| {
            borrow(held.as_ref(), || field.path(&Path::default()), |held| held.read(py))
        })
    }
}

/// The arrays that both passes read.
#[derive(Debug)]
pub(crate) struct Sources<'a, 'py> {
    inputs: DataReadings<'a, 'py>,
    weights: WeightReadings<'a, 'py>,
}

impl<'a, 'py> Sources<'a, 'py> {
    /// Borrow what the checked layer reads; `root` is the path of the layer.
    pub(crate) fn new(
        arrays: &'a LayerArrays<'py>,
        checked: &Checked,
        root: &Path,
    ) -> Result<Self, Failure> {
        let inputs = checked_inputs(arrays, checked)
            .try_map(|field, array| read(array, || field.path(root, Side::Input)))?;
        let weights = checked_weights(arrays, checked)
            .try_map(|field, array| read(array, || field.path(root)))?;
        Ok(Self { inputs, weights })
    }

    /// The weights for the core.
    pub(crate) fn weights(&self) -> WeightViews<'_> {
        lend_weights(&self.weights)
    }

    /// Input and initial states for the core.
    pub(crate) fn inputs(&self) -> Inputs<'_> {
        lend(&self.inputs)
    }
}

/// Input and initial states. A state that is carried on in place is left to its final state, which is written.
pub(crate) fn checked_inputs<'a, 'py>(
    arrays: &'a LayerArrays<'py>,
    checked: &Checked,
) -> DataFields<Option<&'a Array<'py>>> {
    let checked = checked.arrays().input.as_ref().map(|_, array| InputArray::given(array));
    arrays.input.as_ref().zip(checked).map(|_, (array, checked)| checked.and(array.as_ref()))
}

/// All weights. An array that is not looked at is not among them.
pub(crate) fn checked_weights<'a, 'py>(
    arrays: &'a LayerArrays<'py>,
    checked: &Checked,
) -> WeightFields<Option<&'a Array<'py>>> {
    those_checked(&arrays.weights, &checked.arrays().weights)
}

/// Those arrays of weights, or of their gradients, that were checked.
pub(crate) fn those_checked<'a, 'py, C>(
    arrays: &'a WeightFields<Option<Array<'py>>>,
    checked: &WeightFields<Option<C>>,
) -> WeightFields<Option<&'a Array<'py>>> {
    let arrays = arrays.as_ref().zip(checked.as_ref());
    arrays.map(|_, (array, checked)| array.as_ref().filter(|_| checked.is_some()))
}

/// Borrow the arrays of a data descriptor to read.
pub(crate) fn read_data<'a, 'py>(
    arrays: &'a DataFields<Option<Array<'py>>>,
    root: &Path,
    side: Side,
) -> Result<DataReadings<'a, 'py>, Failure> {
    arrays.as_ref().try_map(|field, array| read(array.as_ref(), || field.path(root, side)))
}

/// Borrow the arrays of a data descriptor to write.
pub(crate) fn write_data<'a, 'py>(
    arrays: &'a DataFields<Option<Array<'py>>>,
    root: &Path,
    side: Side,
) -> Result<DataWritings<'a, 'py>, Failure> {
    arrays.as_ref().try_map(|field, array| write(array.as_ref(), || field.path(root, side)))
}

/// The arrays of a data descriptor for the core.
pub(crate) fn lend<'r>(arrays: &'r DataReadings<'_, '_>) -> Inputs<'r> {
    arrays.as_ref().map(|_, array| array.as_ref().map(Reading::lend))
}

/// The arrays of a data descriptor for the core, to write.
pub(crate) fn lend_mut<'r>(arrays: &'r mut DataWritings<'_, '_>) -> Outputs<'r> {
    arrays.as_mut().map(|_, array| array.as_mut().map(Writing::lend))
}

/// The weights for the core.
pub(crate) fn lend_weights<'r>(weights: &'r WeightReadings<'_, '_>) -> WeightViews<'r> {
    weights.as_ref().map(|_, array| array.as_ref().map(Reading::lend))
}

/// Borrow an array to read, where there is one.
pub(crate) fn read<'a, 'py, T: Element>(
    array: Option<&'a Array<'py>>,
    path: impl FnOnce() -> Path,
) -> Result<Option<Reading<'a, 'py, T>>, Failure> {
    let Some(array) = array else { return Ok(None) };
    array.read()?.map(Some).map_err(|code| refused(path(), code))
}

/// Borrow an array to write, where there is one.
pub(crate) fn write<'a, 'py, T: Element>(
    array: Option<&'a Array<'py>>,
    path: impl FnOnce() -> Path,
) -> Result<Option<Writing<'a, 'py, T>>, Failure> {
    let Some(array) = array else { return Ok(None) };
    array.write()?.map(Some).map_err(|code| refused(path(), code))
}

/// Keep an array beyond the call, where there is one.
pub(crate) fn hold(array: Option<&Array<'_>>) -> PyResult<Option<Held>> {
    array.map(Array::hold).transpose()
}

/// Borrow a kept array, where there is one.
pub(crate) fn borrow<'h, G>(
    held: Option<&'h Held>,
    path: impl FnOnce() -> Path,
    lend: impl FnOnce(&'h Held) -> Result<G, Code>,
) -> Result<Option<G>, Failure> {
    let Some(held) = held else { return Ok(None) };
    lend(held).map(Some).map_err(|code| refused(path(), code))
}

/// An array that cannot be borrowed.
fn refused(path: Path, code: Code) -> Failure {
    let (expected, actual) = match code {
        Code::InUse => ("an array that nobody else is using", "one that is in use"),
        Code::ReadOnly => ("writable memory", "a read-only array"),
        _ => ("the array that was checked", "another one"),
    };
    let issue = Issue {
        path: path.clone(),
        code,
        expected: expected.to_owned(),
        actual: actual.to_owned(),
    };
    let error = DescriptorError::from_issues(vec![issue]).map(Error::from);
    error.unwrap_or(Error::WrongPlan { what: "an array" }).into()
}
