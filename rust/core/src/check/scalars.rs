//! The numbers at the head of the structure.
//!
//! In: the five sizes, dropout, flags and batch sizes. Out: [`Sizes`] with the directions, or findings. It
//! does not look at arrays of floats.

use super::issues::Issues;
use crate::desc::{
    Data, DataLayout, FilterParameters, Integers, LayerFlags, LayerParametersLSTM,
    NDArrayDescriptor,
};
use crate::error::{Code, Path};

/// The most threads that one call may ask for.
const MAX_THREADS: usize = 1024;

/// The sizes of a layer; every product of them that is needed later fits the address space.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) input: usize,
    pub(super) hidden: usize,
    pub(super) batch: usize,
    pub(super) layers: usize,
    pub(super) steps: usize,
    pub(super) directions: usize,
}

/// Check sizes, dropout and flags; `None` where no array can be checked against the sizes.
pub(super) fn check_scalars(
    issues: &mut Issues,
    params: &LayerParametersLSTM<'_>,
) -> Option<Sizes> {
    let sizes = check_sizes(issues, params);
    if !(params.dropout >= 0.0 && params.dropout < 1.0) {
        let actual = params.dropout.to_string();
        issues.push(Path::field("dropout"), Code::InvalidDropout, "a ratio in [0, 1)", actual);
    }
    let known = LayerFlags::LSTM_BIDIRECTIONAL.union(LayerFlags::LSTM_DEFAULT_ACTIVATIONS);
    if !known.contains(params.lstm_flags) {
        let actual = format!("0x{:x}", params.lstm_flags.0);
        let expected = "a combination of 0x1 (bidirectional) and 0x2 (default activations)";
        issues.push(Path::field("lstm_flags"), Code::UnknownFlag, expected, actual);
    }
    sizes
}

fn check_sizes(issues: &mut Issues, params: &LayerParametersLSTM<'_>) -> Option<Sizes> {
    let named = [
        ("input_size", params.input_size),
        ("hidden_size", params.hidden_size),
        ("batch_size", params.batch_size),
        ("num_layers", params.num_layers),
        ("seq_len", params.seq_len),
    ];
    let mut usable = true;
    for (name, size) in named {
        usable &= size != 0 && !issues.is_reported(&Path::field(name));
        if size == 0 {
            issues.push(Path::field(name), Code::ZeroSize, "at least 1", "0");
        }
    }
    usable &= !issues.is_reported(&Path::field("lstm_flags"));
    let bidirectional = params.lstm_flags.contains(LayerFlags::LSTM_BIDIRECTIONAL);
    let sizes = Sizes {
        input: params.input_size,
        hidden: params.hidden_size,
        batch: params.batch_size,
        layers: params.num_layers,
        steps: params.seq_len,
        directions: if bidirectional { 2 } else { 1 },
    };
    if usable && largest_product(&sizes).is_none() {
        let expected = "sizes whose products fit the address space";
        let actual = format!("{named:?}");
        issues.push(Path::field("hidden_size"), Code::SizeOverflow, expected, actual);
        return None;
    }
    usable.then_some(sizes)
}

/// Bytes of the largest thing that is ever addressed, with room for padding: `None` if it overflows.
fn largest_product(sizes: &Sizes) -> Option<isize> {
    const PADDED_FLOAT: usize = 64 * size_of::<f32>();
    let outputs = sizes.hidden.checked_mul(sizes.directions)?;
    let widest = sizes.input.max(outputs);
    let rows = sizes.steps.checked_mul(sizes.batch)?;
    let sequence = rows.checked_mul(widest)?;
    let states = sizes.layers.checked_mul(outputs)?.checked_mul(sizes.batch)?;
    let weights = sizes.layers.checked_mul(outputs)?.checked_mul(widest)?;
    let bytes = sequence.max(states).max(weights).checked_mul(4 * PADDED_FLOAT)?;
    isize::try_from(bytes).ok()
}

/// Batch sizes, `None` where all samples are active at all steps (or where something was reported).
pub(super) fn check_sequence(
    issues: &mut Issues,
    desc: &NDArrayDescriptor<'_>,
    sizes: &Sizes,
) -> Option<Vec<usize>> {
    let path = Path::field("sequence_descriptor");
    let memory = desc.data.memory()?;
    let Data::Integers(integers) = &desc.data else {
        let expected = "an integer type of 8, 16, 32 or 64 bits";
        let actual = desc.data_type.name().unwrap_or(&memory.type_name);
        issues.push(path.then("data_type"), Code::UnsupportedDataType, expected, actual);
        return None;
    };
    if desc.data_type != memory.data_type {
        let (expected, actual) = (memory.data_type.name(), desc.data_type.name());
        issues.push(
            path.then("data_type"),
            Code::DataTypeMismatch,
            expected.unwrap_or("an integer type"),
            actual.map_or_else(|| format!("0x{:x}", desc.data_type.0), str::to_owned),
        );
        return None;
    }
    let stride = check_sequence_shape(issues, &path, desc, &memory.shape, sizes)?;
    read_batch_sizes(issues, &path, *integers, stride, sizes)
}

fn check_sequence_shape(
    issues: &mut Issues,
    path: &Path,
    desc: &NDArrayDescriptor<'_>,
    shape: &[usize],
    sizes: &Sizes,
) -> Option<usize> {
    let vector = [DataLayout::VECTOR, DataLayout::LAST_MAJOR_1D, DataLayout::FIRST_MAJOR_1D];
    let unspecified = desc.layout == DataLayout::UNSPECIFIED && desc.size[0] == 0;
    if !vector.contains(&desc.layout) && !unspecified {
        let actual = format!("0x{:x}", desc.layout.0);
        issues.push(path.then("layout"), Code::UnsupportedLayout, "Vector", actual);
        return None;
    }
    if desc.size[0] != 0 && desc.size[0] != sizes.steps {
        let expected = format!("{} (seq_len)", sizes.steps);
        let actual = desc.size[0].to_string();
        issues.push(path.then("size").at(0), Code::SizeMismatch, expected, actual);
        return None;
    }
    let stride = desc.stride[0].max(1);
    let last = (sizes.steps - 1).checked_mul(stride);
    let available = shape.first().copied().unwrap_or(0);
    if last.is_none_or(|last| last >= available) {
        let expected = format!("at least {} elements with stride {stride}", sizes.steps);
        let actual = format!("{available} elements");
        issues.push(path.then("data"), Code::OutOfBounds, expected, actual);
        return None;
    }
    Some(stride)
}

fn read_batch_sizes(
    issues: &mut Issues,
    path: &Path,
    integers: Integers<'_>,
    stride: usize,
    sizes: &Sizes,
) -> Option<Vec<usize>> {
    let mut batch_sizes: Vec<usize> = Vec::with_capacity(sizes.steps);
    for step in 0..sizes.steps {
        let value = integers.get(step * stride)?;
        let previous = batch_sizes.last().copied();
        let here = path.then("data").at(step);
        let (code, expected) = match usize::try_from(value) {
            Err(_) if value < 0 => (Code::SequenceNegative, "a count of samples".to_owned()),
            Ok(size) if size <= sizes.batch => match previous {
                Some(before) if size > before => {
                    (Code::SequenceIncreasing, format!("at most {before}, as at the step before"))
                }
                None if size == 0 => (Code::SequenceEmpty, "at least 1".to_owned()),
                _ => {
                    batch_sizes.push(size);
                    continue;
                }
            },
            _ => (Code::SequenceExceedsBatch, format!("at most {} (batch_size)", sizes.batch)),
        };
        issues.push(here, code, expected, value.to_string());
        return None;
    }
    Some(batch_sizes)
}

/// Check how the call is to be run.
pub(super) fn check_filter(issues: &mut Issues, filter: &FilterParameters) {
    let path = Path::field("filter_params");
    if filter.flags > 1 {
        let actual = format!("0x{:x}", filter.flags);
        issues.push(path.then("flags"), Code::UnknownFlag, "0 or 1", actual);
    }
    if filter.n_threads > MAX_THREADS {
        let expected = format!("at most {MAX_THREADS}");
        let actual = filter.n_threads.to_string();
        issues.push(path.then("n_threads"), Code::TooManyThreads, expected, actual);
    }
}
