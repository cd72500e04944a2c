//! Which arrays share memory.
//!
//! In: the spans of all checked arrays. Out: a finding for each output that shares memory with another
//! array. It sees addresses only, never data.

use super::issues::Issues;
use crate::desc::Memory;
use crate::error::{Code, Path};

/// The memory of one array: from where to where, and the grid on which its elements lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    path: Path,
    start: usize,
    end: usize,
    /// Greatest common divisor of all strides, in bytes: elements are at `start + k * grid`.
    grid: usize,
    /// Extents and strides of the dimensions that have more than one element, sorted.
    shape: Vec<(usize, usize)>,
}

impl Span {
    /// The span of `elements` elements of `memory` with these (extent, stride in elements).
    pub(super) fn new(
        path: Path,
        memory: &Memory,
        elements: usize,
        dimensions: impl Iterator<Item = (usize, usize)>,
    ) -> Self {
        let bytes = memory.element_bytes;
        let mut shape: Vec<(usize, usize)> = dimensions.filter(|&(extent, _)| extent > 1).collect();
        shape.sort_unstable_by_key(|&(extent, stride)| (stride, extent));
        let grid = shape.iter().fold(0, |grid, &(_, stride)| greatest_common_divisor(grid, stride));
        Self {
            path,
            start: memory.address,
            end: memory.address.saturating_add(elements.saturating_mul(bytes)),
            grid: grid.saturating_mul(bytes),
            shape,
        }
    }

    /// Whether both are the very same elements in the same order.
    pub(super) fn is_same_memory(&self, other: &Self) -> bool {
        self.start == other.start && self.end == other.end && self.shape == other.shape
    }

    /// Whether the two may share an element. Arrays that interleave are told apart only where their
    /// strides have a common divisor that does not divide their distance.
    fn may_share(&self, other: &Self) -> bool {
        if self.end <= other.start || other.end <= self.start {
            return false;
        }
        let grid = greatest_common_divisor(self.grid, other.grid);
        let distance = self.start.abs_diff(other.start);
        distance == 0 || grid == 0 || distance.is_multiple_of(grid)
    }
}

fn greatest_common_divisor(mut a: usize, mut b: usize) -> usize {
    while b != 0 {
        (a, b) = (b, a % b);
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
                let actual = format!("memory shared with {}", other.path);
                let path = output.path.then("data");
                issues.push(path, Code::Overlap, "memory of its own", actual);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Span;
    use crate::desc::{DataType, Memory};
    use crate::error::Path;

    fn span(address: usize, dimensions: &[(usize, usize)]) -> Span {
        let memory = Memory {
            address,
            shape: vec![1000],
            byte_strides: vec![4],
            element_bytes: 4,
            data_type: DataType::FLOAT32,
            type_name: String::new(),
            writable: true,
        };
        let elements = 1 + dimensions.iter().map(|(extent, stride)| (extent - 1) * stride).sum::<usize>();
        Span::new(Path::default(), &memory, elements, dimensions.iter().copied())
    }

    #[test]
    fn neighbours_do_not_share_and_overlapping_ranges_do() {
        assert!(!span(0, &[(10, 1)]).may_share(&span(40, &[(10, 1)])));
        assert!(span(0, &[(10, 1)]).may_share(&span(36, &[(10, 1)])));
        assert!(span(0, &[(1, 1)]).may_share(&span(0, &[(1, 1)])));
    }

    #[test]
    fn even_and_odd_elements_of_one_buffer_do_not_share() {
        assert!(!span(0, &[(10, 2)]).may_share(&span(4, &[(10, 2)])));
        assert!(span(0, &[(10, 2)]).may_share(&span(8, &[(10, 2)])));
    }

    #[test]
    fn the_same_memory_in_another_order_is_not_the_same_state() {
        assert!(span(0, &[(3, 1), (5, 3)]).is_same_memory(&span(0, &[(3, 1), (5, 3)])));
        assert!(!span(0, &[(3, 1), (5, 3)]).is_same_memory(&span(0, &[(5, 1), (3, 5)])));
    }
}
