//! The number of active samples at each step.
//!
//! In: the sequence descriptor. Out: batch sizes that never increase, or findings. It knows no float array.

use super::array::check_table;
use super::issues::Issues;
use super::layout::{Axis, Form, dimensions};
use super::name::{ArrayField, ArrayName};
use super::overlap::Span;
use super::scalars::Sizes;
use crate::desc::{Data, Integers, Memory, NDArrayDescriptor};
use crate::error::Code;

const INTEGERS: &str = "an integer type of 8, 16, 32 or 64 bits";

/// What is known of the sequence descriptor.
#[derive(Debug, Default)]
pub(super) struct CheckedSequence {
    /// `None` where all samples are active at all steps, and where something was reported.
    pub(super) batch_sizes: Option<Vec<usize>>,
    /// Its memory, if it has one.
    pub(super) span: Option<Span>,
}

/// Check the sequence descriptor.
pub(super) fn check_sequence(
    issues: &mut Issues,
    desc: &NDArrayDescriptor<'_>,
    sizes: &Sizes,
) -> CheckedSequence {
    if desc.data.is_null() {
        return CheckedSequence::default();
    }
    let name = issues.array(ArrayField::Sequence);
    check_given(issues, name, desc, sizes).unwrap_or_default()
}

fn check_given(
    issues: &mut Issues,
    name: ArrayName,
    desc: &NDArrayDescriptor<'_>,
    sizes: &Sizes,
) -> Option<CheckedSequence> {
    let Some(memory) = desc.data.memory() else {
        let here = name.then("data");
        issues.push(here, Code::WrongType, "an array", "the in-place mark of an initial state");
        return None;
    };
    let integers = check_type(issues, name, desc, &memory);
    check_table(issues, name, desc);
    let axes = [Axis::new("seq_len", sizes.steps)];
    let form = Form::of(issues, name, desc, &axes, false)?;
    if sizes.steps == 0 {
        return None;
    }
    dimensions(issues, name, form, &axes)?;
    let stride = check_shape(issues, name, desc, &memory, sizes.steps)?;
    let span = Span::new(name, &memory, [(sizes.steps, stride)]);
    let batch_sizes = (sizes.batch != 0)
        .then(|| read_batch_sizes(issues, name, integers?, stride, sizes))
        .flatten();
    Some(CheckedSequence { batch_sizes, span: Some(span) })
}

fn check_type<'a>(
    issues: &mut Issues,
    name: ArrayName,
    desc: &NDArrayDescriptor<'a>,
    memory: &Memory,
) -> Option<Integers<'a>> {
    let here = || name.then("data_type");
    let declared = desc.data_type;
    let Data::Integers(integers) = &desc.data else {
        let actual = declared.name().unwrap_or(&memory.type_name);
        issues.push(here(), Code::UnsupportedDataType, INTEGERS, actual);
        return None;
    };
    match declared.name() {
        None => {
            let actual = format!("0x{:x}", declared.0);
            issues.push(here(), Code::UnknownDataType, INTEGERS, actual);
            None
        }
        Some(name) if memory.data_type != declared => {
            let actual = format!("an array of {}", memory.type_name);
            issues.push(here(), Code::DataTypeMismatch, name, actual);
            None
        }
        Some(_) => Some(*integers),
    }
}

/// The stride, if all steps lie in the memory.
fn check_shape(
    issues: &mut Issues,
    name: ArrayName,
    desc: &NDArrayDescriptor<'_>,
    memory: &Memory,
    steps: usize,
) -> Option<usize> {
    let size = desc.size.first().copied()?;
    if size != 0 && size != steps {
        let expected = format!("{steps} (seq_len)");
        issues.push(name.then("size").at(0), Code::SizeMismatch, expected, size.to_string());
        return None;
    }
    let stride = desc.stride.first().copied()?.max(1);
    let available = memory.len().unwrap_or(0);
    let Some(last) = steps.checked_sub(1)?.checked_mul(stride) else {
        let expected = "a stride whose product with seq_len fits the address space";
        let here = name.then("stride");
        issues.push(here, Code::SizeOverflow, expected, stride.to_string());
        return None;
    };
    if last >= available {
        let expected = format!("memory of at least {} elements", last.saturating_add(1));
        let actual = format!("{available} elements");
        issues.push(name.then("data"), Code::OutOfBounds, expected, actual);
        return None;
    }
    Some(stride)
}

/// All batch sizes; the first wrong one is reported.
fn read_batch_sizes(
    issues: &mut Issues,
    name: ArrayName,
    integers: Integers<'_>,
    stride: usize,
    sizes: &Sizes,
) -> Option<Vec<usize>> {
    // No more than the memory holds, as `check_shape` found.
    let mut batch_sizes: Vec<usize> = Vec::with_capacity(sizes.steps);
    for step in 0..sizes.steps {
        let value = integers.get(step.checked_mul(stride)?)?;
        match batch_size(value, batch_sizes.last().copied(), sizes.batch) {
            Ok(size) => batch_sizes.push(size),
            Err((code, expected)) => {
                issues.push(name.then("data").at(step), code, expected, value.to_string());
                return None;
            }
        }
    }
    Some(batch_sizes)
}

/// One batch size, or what is wrong with it and what was expected.
fn batch_size(value: i128, before: Option<usize>, batch: usize) -> Result<usize, (Code, String)> {
    if value < 0 {
        return Err((Code::SequenceNegative, "a count of samples".to_owned()));
    }
    let exceeds = || (Code::SequenceExceedsBatch, format!("at most {batch} (batch_size)"));
    let size = usize::try_from(value).map_err(|_| exceeds())?;
    match before {
        _ if size > batch => Err(exceeds()),
        None if size == 0 => Err((Code::SequenceEmpty, "at least 1".to_owned())),
        Some(before) if size > before => {
            Err((Code::SequenceIncreasing, format!("at most {before}, as at the step before")))
        }
        _ => Ok(size),
    }
}

#[cfg(test)]
mod tests {
    use super::{batch_size, check_sequence};
    use crate::check::issues::Issues;
    use crate::check::outputs::Outputs;
    use crate::check::scalars::Sizes;
    use crate::desc::{Integers, NDArrayDescriptor};
    use crate::error::Code;

    const SIZES: Sizes = Sizes {
        input: 1,
        units: 1,
        batch: 4,
        layers: 1,
        steps: 3,
        directions: 1,
        outputs: Outputs { count: 1, are_projected: false },
    };

    fn read(integers: Integers<'_>, strides: &[usize]) -> Result<Option<Vec<usize>>, String> {
        let mut issues = Issues::starting_with(Vec::new());
        let desc = NDArrayDescriptor::sequence(integers).with_strides(strides);
        let sequence = check_sequence(&mut issues, &desc, &SIZES);
        issues.into_error().map_or(Ok(sequence.batch_sizes), |error| Err(error.to_string()))
    }

    #[test]
    fn every_integer_type_is_read() {
        let expected = Ok(Some(vec![4, 2, 0]));
        assert_eq!(read(Integers::U8(&[4, 2, 0]), &[]), expected);
        assert_eq!(read(Integers::U16(&[4, 2, 0]), &[]), expected);
        assert_eq!(read(Integers::U32(&[4, 2, 0]), &[]), expected);
        assert_eq!(read(Integers::U64(&[4, 2, 0]), &[]), expected);
        assert_eq!(read(Integers::I8(&[4, 2, 0]), &[]), expected);
        assert_eq!(read(Integers::I16(&[4, 2, 0]), &[]), expected);
        assert_eq!(read(Integers::I32(&[4, 2, 0]), &[]), expected);
        assert_eq!(read(Integers::I64(&[4, 2, 0]), &[]), expected);
    }

    #[test]
    fn a_stride_skips_elements() {
        let memory = [4, 9, 3, 9, 1];
        assert_eq!(read(Integers::U8(&memory), &[2]), Ok(Some(vec![4, 3, 1])));
        assert!(read(Integers::U8(&memory), &[3]).unwrap_err().contains("at least 7 elements"));
        assert!(
            read(Integers::U8(&memory), &[usize::MAX]).unwrap_err().contains("[size_overflow]")
        );
    }

    #[test]
    fn batch_sizes_run_from_one_to_the_batch_and_never_increase() {
        let code = |value, before| batch_size(value, before, 4).map_err(|(code, _)| code);
        assert_eq!(code(4, None), Ok(4));
        assert_eq!(code(0, Some(1)), Ok(0));
        assert_eq!(code(3, Some(3)), Ok(3));
        assert_eq!(code(0, None), Err(Code::SequenceEmpty));
        assert_eq!(code(-1, None), Err(Code::SequenceNegative));
        assert_eq!(code(5, None), Err(Code::SequenceExceedsBatch));
        assert_eq!(code(u64::MAX.into(), Some(2)), Err(Code::SequenceExceedsBatch));
        assert_eq!(code(3, Some(2)), Err(Code::SequenceIncreasing));
    }
}
