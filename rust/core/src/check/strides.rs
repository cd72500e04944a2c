//! Strides: the ones that a descriptor leaves out, and how far they reach.
//!
//! In: extents and strides, fastest first. Out: complete strides and the number of elements that they span,
//! or findings. It does not know axes or layouts.

use super::issues::Issues;
use super::name::ArrayName;
use crate::desc::Memory;
use crate::error::Code;

/// Whether two elements of an array may be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Distinct {
    Required,
    NotRequired,
}

/// The strides in elements, with zeros filled in: behind the dimension before.
pub(super) fn fill(
    issues: &mut Issues,
    name: ArrayName,
    extents: &[usize],
    given: &[usize],
) -> Option<Vec<usize>> {
    let mut strides: Vec<usize> = Vec::with_capacity(extents.len());
    let mut fits = true;
    let (mut before, mut extent_before) = (1_usize, 1_usize);
    for (index, (&extent, &given)) in extents.iter().zip(given).enumerate() {
        let stride = if given == 0 {
            let Some(natural) = before.checked_mul(extent_before) else {
                overflow(issues, name);
                return None;
            };
            natural
        } else {
            given
        };
        if stride < before {
            fits = false;
            let here = name.then("stride").at(index);
            issues.push(here, Code::StrideOrder, format!("at least {before}"), stride.to_string());
        }
        strides.push(stride);
        (before, extent_before) = (stride, extent);
    }
    fits.then_some(strides)
}

/// The number of elements from the first to the last, both included.
pub(super) fn count(
    issues: &mut Issues,
    name: ArrayName,
    extents: &[usize],
    strides: &[usize],
    distinct: Distinct,
) -> Option<usize> {
    let mut last = 0_usize;
    for (&extent, &stride) in extents.iter().zip(strides) {
        if distinct == Distinct::Required && extent > 1 && stride <= last {
            let expected = format!("strides of more than {last} where faster dimensions end");
            issues.push(name.then("stride"), Code::SelfOverlap, expected, stride.to_string());
            return None;
        }
        let reach = extent.checked_sub(1)?.checked_mul(stride);
        let Some(sum) = reach.and_then(|reach| last.checked_add(reach)) else {
            overflow(issues, name);
            return None;
        };
        last = sum;
    }
    let count = last.checked_add(1);
    let bytes = count.and_then(|count| count.checked_mul(size_of::<f32>()));
    if bytes.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
        overflow(issues, name);
        return None;
    }
    count
}

/// An array's own strides in elements, along its own axes; all are positive, and 1 along an axis with one
/// element.
pub(super) fn own(issues: &mut Issues, name: ArrayName, memory: &Memory) -> Option<Vec<usize>> {
    let here = || name.then("stride");
    if memory.shape.len() != memory.byte_strides.len() {
        let expected = format!("a stride for each of {} axes", memory.shape.len());
        issues.push(here(), Code::InvalidStride, expected, memory.byte_strides.len().to_string());
        return None;
    }
    let mut strides = Vec::with_capacity(memory.shape.len());
    for (index, (&extent, &bytes)) in memory.shape.iter().zip(&memory.byte_strides).enumerate() {
        let stride = if extent == 1 { Some(1) } else { in_elements(bytes, memory.element_bytes) };
        let Some(stride) = stride else {
            let expected = format!("a positive multiple of {} bytes", memory.element_bytes);
            let actual = format!("{bytes} bytes along axis {index} of the array");
            issues.push(here(), Code::InvalidStride, expected, actual);
            return None;
        };
        strides.push(stride);
    }
    Some(strides)
}

fn in_elements(bytes: isize, element_bytes: usize) -> Option<usize> {
    let bytes = usize::try_from(bytes).ok().filter(|&bytes| bytes > 0)?;
    bytes.is_multiple_of(element_bytes).then(|| bytes.checked_div(element_bytes)).flatten()
}

fn overflow(issues: &mut Issues, name: ArrayName) {
    let expected = "strides whose products with the sizes fit the address space";
    issues.push(name.then("stride"), Code::SizeOverflow, expected, "larger products");
}

#[cfg(test)]
mod tests {
    use super::{Distinct, count, fill, own};
    use crate::check::issues::Issues;
    use crate::check::name::{ArrayField, ArrayName};
    use crate::desc::{DataType, Memory};

    /// The outcome, or path and code of each finding.
    fn report<T>(run: impl FnOnce(&mut Issues, ArrayName) -> Option<T>) -> Result<T, Vec<String>> {
        let mut issues = Issues::starting_with(Vec::new());
        let outcome = run(&mut issues, ArrayName::new(None, ArrayField::Sequence));
        match issues.into_error() {
            None => Ok(outcome.unwrap()),
            Some(error) => {
                assert!(outcome.is_none());
                let text =
                    |issue: &crate::error::Issue| format!("{} {}", issue.path, issue.code.name());
                Err(error.issues().iter().map(text).collect())
            }
        }
    }

    #[test]
    fn missing_strides_continue_from_the_dimension_before() {
        let filled = |extents: &[usize], given: &[usize]| {
            report(|issues, name| fill(issues, name, extents, given))
        };
        assert_eq!(filled(&[3, 4, 5], &[0, 0, 0]), Ok(vec![1, 3, 12]));
        assert_eq!(filled(&[3, 4, 5], &[2, 0, 0]), Ok(vec![2, 6, 24]));
        assert_eq!(filled(&[3, 4, 5], &[1, 10, 0]), Ok(vec![1, 10, 40]));
        assert_eq!(filled(&[3, 4, 5], &[1, 1, 1]), Ok(vec![1, 1, 1]));
        assert_eq!(
            filled(&[3, 4, 5], &[4, 3, 2]),
            Err(vec![
                "sequence_descriptor.stride[1] stride_order".into(),
                "sequence_descriptor.stride[2] stride_order".into()
            ])
        );
        let huge = usize::MAX / 2;
        assert_eq!(
            filled(&[3, 4, 5], &[1, huge, 0]),
            Err(vec!["sequence_descriptor.stride size_overflow".into()])
        );
    }

    #[test]
    fn the_last_element_is_counted_and_overlap_of_outputs_found() {
        let counted = |extents: &[usize], strides: &[usize], distinct| {
            report(|issues, name| count(issues, name, extents, strides, distinct))
        };
        assert_eq!(counted(&[3, 4], &[1, 3], Distinct::Required), Ok(12));
        assert_eq!(counted(&[3, 4], &[2, 10], Distinct::Required), Ok(35));
        assert_eq!(counted(&[1, 1], &[9, 9], Distinct::Required), Ok(1));
        assert_eq!(counted(&[3, 4], &[1, 1], Distinct::NotRequired), Ok(6));
        let overlap = Err(vec!["sequence_descriptor.stride self_overlap".into()]);
        assert_eq!(counted(&[3, 4], &[1, 2], Distinct::Required), overlap);
        let overflow = Err(vec!["sequence_descriptor.stride size_overflow".into()]);
        assert_eq!(counted(&[2, 2], &[1, usize::MAX], Distinct::NotRequired), overflow);
        assert_eq!(counted(&[2, 3], &[1, usize::MAX / 2], Distinct::NotRequired), overflow);
        assert_eq!(counted(&[2], &[usize::MAX / 4], Distinct::NotRequired), overflow);
    }

    #[test]
    fn own_strides_are_positive_multiples_of_the_element() {
        let read = |shape: &[usize], byte_strides: &[isize], element_bytes| {
            let memory = Memory {
                address: 64,
                shape: shape.to_vec(),
                byte_strides: byte_strides.to_vec(),
                element_bytes,
                data_type: DataType::FLOAT32,
                type_name: "f32".to_owned(),
                writable: true,
            };
            report(|issues, name| own(issues, name, &memory))
        };
        assert_eq!(read(&[2, 3], &[40, 8], 4), Ok(vec![10, 2]));
        assert_eq!(read(&[1, 3], &[-7, 8], 4), Ok(vec![1, 2]));
        let invalid = Err(vec!["sequence_descriptor.stride invalid_stride".to_owned()]);
        assert_eq!(read(&[2, 3], &[40, -4], 4), invalid);
        assert_eq!(read(&[2, 3], &[0, 4], 4), invalid);
        assert_eq!(read(&[2, 3], &[40, 6], 4), invalid);
        assert_eq!(read(&[2, 3], &[40, 4], 0), invalid);
        assert_eq!(read(&[2, 3], &[40], 4), invalid);
    }
}
