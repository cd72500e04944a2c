//! NumPy arrays: their measurements for the check, and borrowed views for the computation.
//!
//! In: an object that should be an array. Out: [`Memory`] without touching an element, and later guards that
//! keep the memory from being borrowed twice. It does not know what an array is for.

use crate::class::{Class, kept};
use crate::reader::{Attribute, Reader};
use bnns_lstm::binding::{Lent, LentMut, Memory};
use bnns_lstm::{Code, DataType};
use ndarray::{ArrayBase, ArrayViewD, ArrayViewMutD, Axis, IxDyn, RawData};
use numpy::{
    BorrowError, Element, PyArray1, PyArrayDescr, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods,
    PyReadonlyArrayDyn, PyReadwriteArrayDyn, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::ops::Range;

/// Type numbers below this are NumPy's own simple types; others can look like them and be something else.
const OWN_TYPES: i32 = 24;

/// A NumPy array of the caller, seen through a view of our own: nobody else can change its shape, and no
/// subclass of `numpy.ndarray` has a say.
#[derive(Debug)]
pub(crate) struct Array<'py> {
    view: Bound<'py, PyUntypedArray>,
    /// Extents as the core knows them: the view's, perhaps without leading ones.
    shape: Vec<usize>,
}

/// An array that is kept, to be borrowed again and again.
#[derive(Debug)]
pub(crate) struct Held {
    array: Py<PyArrayDyn<f32>>,
    shape: Vec<usize>,
}

/// An array that is read; nobody else writes it through Rust meanwhile.
#[derive(Debug)]
pub(crate) struct Reading<'a, 'py, T: Element> {
    guard: PyReadonlyArrayDyn<'py, T>,
    shape: &'a [usize],
}

/// An array that is written; nobody else uses it through Rust meanwhile.
#[derive(Debug)]
pub(crate) struct Writing<'a, 'py, T: Element> {
    guard: PyReadwriteArrayDyn<'py, T>,
    shape: &'a [usize],
}

/// The array that a field holds, and its measurements; `None` where something was reported.
pub(crate) fn measure<'py>(
    reader: &mut Reader<'py>,
    field: &Attribute<'py>,
    expected: &str,
) -> PyResult<Option<(Array<'py>, Memory)>> {
    let own = |py| own_view(py, &field.object);
    let Some(view) = reader.attempt(own(reader.py))?.flatten() else {
        reader.report_type(field, expected)?;
        return Ok(None);
    };
    let Some(memory) = reader.attempt(memory(&view))? else {
        reader.report_type(field, expected)?;
        return Ok(None);
    };
    let rank = memory.shape.len();
    if !(1..=bnns_lstm::MAX_RANK).contains(&rank) {
        let actual = format!("{rank} dimensions");
        reader.report(field.path.clone(), Code::RankMismatch, "1 to 8 dimensions", actual);
        return Ok(None);
    }
    let shape = memory.shape.clone();
    Ok(Some((Array { view, shape }, memory)))
}

/// Let the crate `numpy` look for what it keeps of NumPy, while there is no call yet: it looks while it holds a lock
/// and has released the interpreter, and a child that is forked at that moment inherits a locked lock.
pub(crate) fn find_numpy(py: Python<'_>) -> PyResult<()> {
    let array = PyArray1::<f32>::zeros(py, 1, false);
    array.try_readonly()?;
    array.try_readwrite()?;
    Ok(())
}

/// A view as a plain `numpy.ndarray`; `None` for what is no array, or one whose mask would be lost.
fn own_view<'py>(
    py: Python<'py>,
    object: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyUntypedArray>>> {
    static VIEW: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static MASKED: Class = Class::new("numpy.ma", "MaskedArray");
    if object.cast::<PyUntypedArray>().is_err() {
        return Ok(None);
    }
    let exact = object.is_exact_instance_of::<PyUntypedArray>();
    if !exact && object.is_instance(MASKED.get(py)?.as_any())? {
        return Ok(None);
    }
    let class = py.get_type::<PyUntypedArray>();
    let view = kept(py, &VIEW, || class.getattr("view"))?;
    let view = view.call1((object, &class))?;
    Ok(Some(view.cast_into::<PyUntypedArray>()?))
}

fn memory(view: &Bound<'_, PyUntypedArray>) -> PyResult<Memory> {
    let dtype = view.dtype();
    let (data_type, type_name) = match data_type(&dtype) {
        Some((data_type, name)) => (data_type, name.to_owned()),
        None => (DataType::UNSPECIFIED, dtype.str()?.to_string_lossy().into_owned()),
    };
    Ok(Memory {
        address: address(view)?,
        shape: view.shape().to_vec(),
        byte_strides: view.strides().to_vec(),
        element_bytes: dtype.itemsize(),
        data_type,
        type_name,
        writable: view.getattr("flags")?.getattr("writeable")?.extract()?,
    })
}

fn address(view: &Bound<'_, PyUntypedArray>) -> PyResult<usize> {
    match view.cast::<PyArrayDyn<f32>>() {
        Ok(floats) => Ok(floats.data().addr()),
        Err(_) => view.getattr("__array_interface__")?.get_item("data")?.get_item(0)?.extract(),
    }
}

/// The type of BNNS for one of NumPy's, if there is one, and NumPy's name. Asking NumPy takes longer than
/// everything else here.
fn data_type(dtype: &Bound<'_, PyArrayDescr>) -> Option<(DataType, &'static str)> {
    if !(0..OWN_TYPES).contains(&dtype.num()) || dtype.is_native_byteorder() == Some(false) {
        return None;
    }
    Some(match (dtype.kind(), dtype.itemsize()) {
        (b'f', 2) => (DataType::FLOAT16, "float16"),
        (b'f', 4) => (DataType::FLOAT32, "float32"),
        (b'i', 1) => (DataType::INT8, "int8"),
        (b'i', 2) => (DataType::INT16, "int16"),
        (b'i', 4) => (DataType::INT32, "int32"),
        (b'i', 8) => (DataType::INT64, "int64"),
        (b'u', 1) => (DataType::UINT8, "uint8"),
        (b'u', 2) => (DataType::UINT16, "uint16"),
        (b'u', 4) => (DataType::UINT32, "uint32"),
        (b'u', 8) => (DataType::UINT64, "uint64"),
        (b'b', 1) => (DataType::BOOLEAN, "bool"),
        _ => return None,
    })
}

impl<'py> Array<'py> {
    /// The addresses from the first byte of the array to the last.
    pub(crate) fn span(&self) -> PyResult<Range<usize>> {
        let Memory { address, shape, byte_strides, element_bytes, .. } = memory(&self.view)?;
        if shape.contains(&0) {
            return Ok(address..address);
        }
        let (mut start, mut end) = (address, address.saturating_add(element_bytes));
        for (extent, stride) in shape.into_iter().zip(byte_strides) {
            let reach = stride.unsigned_abs().saturating_mul(extent - 1);
            if stride < 0 {
                start = start.saturating_sub(reach);
            } else {
                end = end.saturating_add(reach);
            }
        }
        Ok(start..end)
    }

    /// An array of float32 of this shape, at addresses that floats may have, none of its strides 0 or below; `None` for
    /// everything else.
    pub(crate) fn of_floats(object: &Bound<'py, PyAny>, shape: &[usize]) -> Option<Self> {
        const SIZE: usize = size_of::<f32>();
        let array = object.cast_exact::<PyArrayDyn<f32>>().ok()?;
        let stands = |(&extent, &stride): (&usize, &isize)| {
            extent == 1 || usize::try_from(stride).is_ok_and(|it| it > 0 && it.is_multiple_of(SIZE))
        };
        let fits = array.shape() == shape
            && array.data().addr().is_multiple_of(SIZE)
            && shape.iter().zip(array.strides()).all(stands);
        fits.then(|| Self { view: array.as_untyped().clone(), shape: shape.to_vec() })
    }

    /// Whether the elements lie one behind the other in C order.
    pub(crate) fn is_in_order(&self) -> bool {
        self.view.is_c_contiguous()
    }

    /// The addresses from the first byte of an array of [`of_floats`](Self::of_floats) to the last, if no two of its
    /// elements stand at the same one.
    pub(crate) fn distinct_span(&self) -> Option<Range<usize>> {
        let start = self.view.cast::<PyArrayDyn<f32>>().ok()?.data().addr();
        let strides = self.view.strides().iter().map(|stride| stride.unsigned_abs());
        let mut axes: Vec<(usize, usize)> =
            strides.zip(self.shape.iter().copied()).filter(|&(_, extent)| extent > 1).collect();
        axes.sort_unstable();
        let mut bytes = size_of::<f32>();
        for (stride, extent) in axes {
            // A step along this axis leaves all that faster ones reach behind.
            if stride < bytes {
                return None;
            }
            bytes = stride.checked_mul(extent - 1)?.checked_add(bytes)?;
        }
        Some(start..start.checked_add(bytes)?)
    }

    /// Borrow an array in C order to read, as it is; the code says why not.
    pub(crate) fn read_in_order(&self) -> Result<Reading<'_, 'py, f32>, Code> {
        let array = self.view.cast::<PyArrayDyn<f32>>().map_err(|_| Code::DataTypeMismatch)?;
        reading(array, &self.shape)
    }

    /// Borrow an array in C order to write, as it is; the code says why not.
    pub(crate) fn write_in_order(&self) -> Result<Writing<'_, 'py, f32>, Code> {
        let array = self.view.cast::<PyArrayDyn<f32>>().map_err(|_| Code::DataTypeMismatch)?;
        writing(array, &self.shape)
    }

    /// The same array without its first `count` axes, each of one element.
    pub(crate) fn without_leading(mut self, count: usize) -> Self {
        self.shape.drain(..count);
        self
    }

    /// Borrow to read; the code says why not.
    pub(crate) fn read<T: Element>(&self) -> PyResult<Result<Reading<'_, 'py, T>, Code>> {
        let Ok(array) = self.squeezed()?.cast_into::<PyArrayDyn<T>>() else {
            return Ok(Err(Code::DataTypeMismatch));
        };
        Ok(reading(&array, &self.shape))
    }

    /// Borrow to write; the code says why not.
    pub(crate) fn write<T: Element>(&self) -> PyResult<Result<Writing<'_, 'py, T>, Code>> {
        let Ok(array) = self.squeezed()?.cast_into::<PyArrayDyn<T>>() else {
            return Ok(Err(Code::DataTypeMismatch));
        };
        Ok(writing(&array, &self.shape))
    }

    /// Keep the array beyond the call.
    pub(crate) fn hold(&self) -> PyResult<Held> {
        let array = self.squeezed()?.cast_into::<PyArrayDyn<f32>>()?;
        Ok(Held { array: array.unbind(), shape: self.shape.clone() })
    }

    /// The view without axes of one element: their strides mean nothing, and the borrow checker of
    /// rust-numpy would take arrays apart by them. One axis always stays, since arrays without any are
    /// empty in its eyes.
    fn squeezed(&self) -> PyResult<Bound<'py, PyUntypedArray>> {
        if !self.view.shape().contains(&1) {
            return Ok(self.view.clone());
        }
        let mut squeezed = self.view.call_method0("squeeze")?;
        if self.view.shape().iter().all(|&extent| extent == 1) {
            squeezed = squeezed.call_method1("reshape", (1,))?;
        }
        Ok(squeezed.cast_into::<PyUntypedArray>()?)
    }
}

impl Held {
    /// Borrow to read; the code says why not.
    pub(crate) fn read<'py>(&self, py: Python<'py>) -> Result<Reading<'_, 'py, f32>, Code> {
        reading(self.array.bind(py), &self.shape)
    }

    /// Borrow to write; the code says why not.
    pub(crate) fn write<'py>(&self, py: Python<'py>) -> Result<Writing<'_, 'py, f32>, Code> {
        writing(self.array.bind(py), &self.shape)
    }
}

fn reading<'a, 'py, T: Element>(
    array: &Bound<'py, PyArrayDyn<T>>,
    shape: &'a [usize],
) -> Result<Reading<'a, 'py, T>, Code> {
    array.try_readonly().map(|guard| Reading { guard, shape }).map_err(|error| code(&error))
}

fn writing<'a, 'py, T: Element>(
    array: &Bound<'py, PyArrayDyn<T>>,
    shape: &'a [usize],
) -> Result<Writing<'a, 'py, T>, Code> {
    array.try_readwrite().map(|guard| Writing { guard, shape }).map_err(|error| code(&error))
}

fn code(error: &BorrowError) -> Code {
    match error {
        BorrowError::NotWriteable => Code::ReadOnly,
        // The only other reason.
        _ => Code::InUse,
    }
}

impl<'py, T: Element> Reading<'_, 'py, T> {
    /// The array as the core knows it.
    pub(crate) fn view(&self) -> ArrayViewD<'_, T> {
        unsqueezed(self.guard.as_array(), self.shape)
    }

    /// The elements, where they lie one behind the other in C order.
    pub(crate) fn as_slice(&self) -> Option<&[T]> {
        let is_in_order = self.guard.is_c_contiguous();
        is_in_order.then(|| self.guard.as_slice().ok()).flatten()
    }

    /// The array without its shape.
    pub(crate) fn into_guard(self) -> PyReadonlyArrayDyn<'py, T> {
        self.guard
    }
}

impl Reading<'_, '_, f32> {
    /// The array for the core, in the quickest way.
    pub(crate) fn lend(&self) -> Lent<'_> {
        self.as_slice().map_or_else(|| Lent::Strided(self.view()), Lent::InOrder)
    }
}

impl<T: Element> Writing<'_, '_, T> {
    /// The elements, where they lie one behind the other in C order.
    pub(crate) fn as_slice_mut(&mut self) -> Option<&mut [T]> {
        let is_in_order = self.guard.is_c_contiguous();
        is_in_order.then(|| self.guard.as_slice_mut().ok()).flatten()
    }
}

impl Writing<'_, '_, f32> {
    /// The array as the core knows it.
    pub(crate) fn view_mut(&mut self) -> ArrayViewMutD<'_, f32> {
        unsqueezed(self.guard.as_array_mut(), self.shape)
    }

    /// The array for the core, in the quickest way.
    pub(crate) fn lend(&mut self) -> LentMut<'_> {
        if self.guard.is_c_contiguous() {
            LentMut::InOrder(self.guard.as_slice_mut().unwrap_or_default())
        } else {
            LentMut::Strided(self.view_mut())
        }
    }
}

/// The array with its axes of one element again.
fn unsqueezed<S: RawData>(array: ArrayBase<S, IxDyn>, shape: &[usize]) -> ArrayBase<S, IxDyn> {
    let all_ones = shape.iter().all(|&extent| extent == 1);
    let squeezed = if all_ones { array.index_axis_move(Axis(0), 0) } else { array };
    let ones = shape.iter().enumerate().filter(|&(_, &extent)| extent == 1);
    ones.fold(squeezed, |view, (axis, _)| view.insert_axis(Axis(axis)))
}
