//! Which arrays share memory.
//!
//! In: the spans of all checked arrays. Out: a finding for each output that shares memory with another
//! array. It sees addresses only, never data.

use super::issues::Issues;
use super::name::ArrayName;
use crate::desc::Memory;
use crate::error::Code;

/// The memory of one array: from where to where, and where its elements are in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    array: ArrayName,
    start: usize,
    end: usize,
    element_bytes: usize,
    /// Extents and strides in bytes of the axes that have more than one element, in the field's order.
    axes: Vec<(usize, usize)>,
}

impl Span {
    /// The span of an array in `memory` with these (extent, stride in elements), in the field's order.
    pub(super) fn new(
        array: ArrayName,
        memory: &Memory,
        dimensions: impl IntoIterator<Item = (usize, usize)>,
    ) -> Self {
        let axes: Vec<(usize, usize)> = dimensions
            .into_iter()
            .filter(|&(extent, _)| extent > 1)
            .map(|(extent, stride)| (extent, stride.saturating_mul(memory.element_bytes)))
            .collect();
        let bytes =
            axes.iter().fold(memory.element_bytes, |bytes, axis| bytes.saturating_add(reach(axis)));
        Self {
            array,
            start: memory.address,
            end: memory.address.saturating_add(bytes),
            element_bytes: memory.element_bytes,
            axes,
        }
    }

    /// Whether both are the very same elements in the same order.
    pub(super) fn is_same_memory(&self, other: &Self) -> bool {
        self.start == other.start && self.end == other.end && self.axes == other.axes
    }

    /// Whether the two may share an element. Arrays whose ranges overlap are told apart only where they
    /// occupy different bytes of some period, as the columns of a matrix do.
    fn may_share(&self, other: &Self) -> bool {
        if self.end <= other.start || other.end <= self.start {
            return false;
        }
        let strides = || self.axes.iter().chain(&other.axes).map(|&(_, stride)| stride);
        let common = strides().fold(0, greatest_common_divisor);
        let is_apart = |period| self.is_apart(other, period).unwrap_or(false);
        !is_apart(common) && !strides().any(is_apart)
    }

    /// Whether the two occupy different bytes modulo `period`; `None` where the period is 0.
    fn is_apart(&self, other: &Self, period: usize) -> Option<bool> {
        let (from, other_from) =
            (self.start.checked_rem(period)?, other.start.checked_rem(period)?);
        let (first, second) = if from <= other_from { (self, other) } else { (other, self) };
        let distance = from.abs_diff(other_from);
        let end_of_second = distance.saturating_add(second.width(period));
        Some(first.width(period) <= distance && end_of_second <= period)
    }

    /// Bytes from the first to the last element, where steps of `period` do not count.
    fn width(&self, period: usize) -> usize {
        let within = self.axes.iter().filter(|&&(_, stride)| !stride.is_multiple_of(period));
        within.fold(self.element_bytes, |width, axis| width.saturating_add(reach(axis)))
    }
}

/// Bytes from the first to the last element of an axis.
fn reach(&(extent, stride): &(usize, usize)) -> usize {
    extent.saturating_sub(1).saturating_mul(stride)
}

fn greatest_common_divisor(mut a: usize, mut b: usize) -> usize {
    while let Some(rest) = a.checked_rem(b) {
        (a, b) = (b, rest);
    }
    a
}

/// Report every output that shares memory with an input or with another output. `carried` are the pairs
/// (output, input) that are one memory on purpose.
pub(super) fn check_overlap(
    issues: &mut Issues,
    outputs: &[&Span],
    inputs: &[&Span],
    carried: &[(&Span, &Span)],
) {
    for (position, output) in outputs.iter().enumerate() {
        let others = inputs.iter().chain(outputs.iter().take(position));
        for other in others {
            if carried.iter().any(|(one, two)| one == output && two == other) {
                continue;
            }
            if output.may_share(other) {
                let actual = format!("an overlap with {}", other.array.path());
                let path = output.array.then("data");
                issues.push(path, Code::Overlap, "memory that no other array uses", actual);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Span;
    use crate::check::name::{ArrayField, ArrayName};
    use crate::desc::{DataType, Memory};

    /// `start` in bytes, (extent, stride) in elements.
    fn span(start: usize, dimensions: &[(usize, usize)]) -> Span {
        let memory = Memory {
            address: start,
            shape: vec![1000],
            byte_strides: vec![4],
            element_bytes: 4,
            data_type: DataType::FLOAT32,
            type_name: String::new(),
            writable: true,
        };
        Span::new(ArrayName::new(None, ArrayField::Sequence), &memory, dimensions.iter().copied())
    }

    /// Both ways round, which must agree.
    fn may_share(one: &Span, other: &Span) -> bool {
        assert_eq!(one.may_share(other), other.may_share(one), "{one:?} {other:?}");
        one.may_share(other)
    }

    #[test]
    fn neighbours_do_not_share_and_overlapping_ranges_do() {
        assert!(!may_share(&span(0, &[(10, 1)]), &span(40, &[(10, 1)])));
        assert!(may_share(&span(0, &[(10, 1)]), &span(36, &[(10, 1)])));
        assert!(may_share(&span(0, &[(1, 1)]), &span(0, &[(1, 1)])));
        assert!(may_share(&span(0, &[(10, 1)]), &span(20, &[])));
    }

    #[test]
    fn even_and_odd_elements_of_one_buffer_do_not_share() {
        assert!(!may_share(&span(0, &[(10, 2)]), &span(4, &[(10, 2)])));
        assert!(may_share(&span(0, &[(10, 2)]), &span(8, &[(10, 2)])));
        assert!(!may_share(&span(0, &[(10, 4)]), &span(4, &[(10, 6)])));
    }

    #[test]
    fn columns_of_one_matrix_do_not_share() {
        // Rows of 7 elements: columns 0 to 2, and 3 to 6.
        let (left, right) = (span(0, &[(9, 7), (3, 1)]), span(12, &[(9, 7), (4, 1)]));
        assert!(!may_share(&left, &right));
        assert!(may_share(&left, &span(8, &[(9, 7), (4, 1)])));
        assert!(may_share(&left, &span(12, &[(8, 7), (5, 1)])));
    }

    /// Against the sets of elements, for all small arrays of two dimensions.
    #[test]
    fn arrays_that_share_an_element_are_never_told_apart() {
        let elements = |start: usize, (a, s): (usize, usize), (b, t): (usize, usize)| {
            let mut all: Vec<usize> =
                (0..a).flat_map(|i| (0..b).map(move |j| start + 4 * (i * s + j * t))).collect();
            all.sort_unstable();
            all
        };
        let axes: Vec<(usize, usize)> =
            (1..=3).flat_map(|extent| (1..=6).map(move |stride| (extent, stride))).collect();
        for &a in &axes {
            for &b in &axes {
                let one = elements(0, a, b);
                for &c in &axes {
                    for start in [0, 4, 12, 20] {
                        let other = elements(start, c, (2, 5));
                        let share = one.iter().any(|element| other.binary_search(element).is_ok());
                        let found = may_share(&span(0, &[a, b]), &span(start, &[c, (2, 5)]));
                        assert!(found || !share, "{a:?} {b:?} {c:?} {start}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_same_memory_in_another_order_is_not_the_same_state() {
        let state = span(0, &[(1, 1), (5, 3), (3, 1)]);
        assert!(state.is_same_memory(&span(0, &[(1, 15), (5, 3), (3, 1)])));
        assert!(!state.is_same_memory(&span(0, &[(1, 1), (5, 1), (3, 5)])));
        assert!(!state.is_same_memory(&span(4, &[(1, 1), (5, 3), (3, 1)])));
    }
}
