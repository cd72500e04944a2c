//! What the dimensions of a descriptor mean.
//!
//! In: a layout value and the axes that the field has in C order. Out: for each dimension its axis and its
//! stride, or the reason why the layout does not fit. It does not look at strides or data.

use super::issues::Issues;
use super::name::ArrayName;
use crate::desc::{DataLayout, NDArrayDescriptor};
use crate::error::Code;

/// One axis of a field, slowest first in C order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    /// The parameter that gives its extent.
    pub(super) name: &'static str,
    /// Its extent; 0 where it is not known.
    pub(super) extent: usize,
    /// Whether it may be left out where its extent is 1.
    is_optional: bool,
}

impl Axis {
    /// An axis that every descriptor of the field has.
    pub(super) fn new(name: &'static str, extent: usize) -> Self {
        Self { name, extent, is_optional: false }
    }

    /// An axis that may be left out where its extent is 1.
    pub(super) fn optional(name: &'static str, extent: usize) -> Self {
        Self { name, extent, is_optional: true }
    }
}

/// How sizes and strides of a layout are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// size[0] is the fastest axis.
    Reversed,
    /// size[0] is the slowest axis, stride[0] belongs to the fastest.
    C,
    /// size[0] is the slowest axis of the field, and the fastest in memory.
    Transposed,
    /// size = (E, S, N).
    BatchFirst,
}

/// What a layout says for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    rank: usize,
    order: Order,
}

impl Form {
    /// The form of a descriptor; reports and returns `None` where its layout is not one for the field.
    pub(super) fn of(
        issues: &mut Issues,
        name: ArrayName,
        desc: &NDArrayDescriptor<'_>,
        axes: &[Axis],
        is_sequence: bool,
    ) -> Option<Self> {
        let layout = desc.layout;
        let code = match Parsed::from(layout) {
            Parsed::Form(form) if !is_sequence_layout(layout) || is_sequence => return Some(form),
            Parsed::Form(_) | Parsed::OfAnotherLayer => Code::UnsupportedLayout,
            Parsed::Unknown if layout == DataLayout::UNSPECIFIED && is_sequence => {
                return Some(Self { rank: 3, order: Order::Reversed });
            }
            Parsed::Unknown
                if layout == DataLayout::UNSPECIFIED && desc.size.iter().all(|&size| size == 0) =>
            {
                return Some(Self { rank: axes.len(), order: Order::C });
            }
            Parsed::Unknown => Code::UnknownLayout,
        };
        issues.push(name.then("layout"), code, accepted(axes, is_sequence), hex(layout));
        None
    }

    /// The sizes of a descriptor as the shape of its array in C order; `None` where its layout has none
    /// that a field other than a sequence could have.
    pub(super) fn shape_of(desc: &NDArrayDescriptor<'_>) -> Option<Vec<usize>> {
        let Parsed::Form(form) = Parsed::from(desc.layout) else { return None };
        let mut shape: Vec<usize> = desc.size.iter().copied().take(form.rank).collect();
        if form.order == Order::Reversed {
            shape.reverse();
        }
        Some(shape)
    }
}

enum Parsed {
    Form(Form),
    OfAnotherLayer,
    Unknown,
}

impl From<DataLayout> for Parsed {
    fn from(layout: DataLayout) -> Self {
        let rank = (layout.0 >> 16) as usize;
        let order = match layout {
            DataLayout::VECTOR | DataLayout::ROW_MAJOR_MATRIX | DataLayout::SNE => Order::Reversed,
            DataLayout::COLUMN_MAJOR_MATRIX => Order::Transposed,
            DataLayout::NSE => Order::BatchFirst,
            DataLayout::IMAGE_CHW
            | DataLayout::CONVOLUTION_WEIGHTS_OIHW
            | DataLayout::CONVOLUTION_WEIGHTS_OIHRWR
            | DataLayout::CONVOLUTION_WEIGHTS_IOHRWR
            | DataLayout::CONVOLUTION_WEIGHTS_OIHW_PACK32 => return Self::OfAnotherLayer,
            // BNNS has 1 to 8 dimensions of these. Others come from arrays with none or with more than 8:
            // it is their rank that is wrong.
            DataLayout(value) if value & 0xffff == 0x8000 => Order::Reversed,
            DataLayout(value) if value & 0xffff == 0x8001 => Order::C,
            DataLayout(_) => return Self::Unknown,
        };
        Self::Form(Form { rank, order })
    }
}

/// One dimension of a descriptor: which axis of the field it is, and which stride belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dimension {
    pub(super) axis: usize,
    pub(super) stride: usize,
}

/// The dimensions of a form for a field with these axes, in the order of the sizes; reports and returns
/// `None` where it has too few or too many.
pub(super) fn dimensions(
    issues: &mut Issues,
    name: ArrayName,
    form: Form,
    axes: &[Axis],
) -> Option<Vec<Dimension>> {
    let Some(mut kept) = kept_axes(form.rank, axes) else {
        let actual = format!("{} dimensions", form.rank);
        issues.push(name.then("layout"), Code::RankMismatch, shape_text(axes), actual);
        return None;
    };
    let by_stride = match form.order {
        Order::Reversed | Order::C => {
            kept.reverse();
            kept
        }
        Order::Transposed => kept,
        // The axes of a sequence are [S, N, E]; the sizes are (E, S, N).
        Order::BatchFirst => vec![2, 0, 1],
    };
    let strides = by_stride.into_iter().enumerate();
    let mut each: Vec<Dimension> =
        strides.map(|(stride, axis)| Dimension { axis, stride }).collect();
    if form.order == Order::C {
        each.reverse();
    }
    Some(each)
}

/// The axes that a descriptor of this rank has: all, or all but leading ones of extent 1.
pub(super) fn kept_axes(rank: usize, axes: &[Axis]) -> Option<Vec<usize>> {
    let mut surplus = axes.len().checked_sub(rank)?;
    let mut kept = Vec::with_capacity(axes.len());
    for (position, axis) in axes.iter().enumerate() {
        if axis.is_optional && axis.extent == 1 && surplus > 0 {
            surplus = surplus.saturating_sub(1);
        } else {
            kept.push(position);
        }
    }
    (surplus == 0).then_some(kept)
}

fn is_sequence_layout(layout: DataLayout) -> bool {
    matches!(layout, DataLayout::SNE | DataLayout::NSE)
}

fn hex(layout: DataLayout) -> String {
    format!("0x{:x}", layout.0)
}

fn shape_text(axes: &[Axis]) -> String {
    let names: Vec<String> =
        axes.iter().map(|axis| format!("{}={}", axis.name, axis.extent)).collect();
    format!("[{}]", names.join(", "))
}

fn accepted(axes: &[Axis], is_sequence: bool) -> String {
    if is_sequence {
        return "SNE, NSE or a 3D layout".to_owned();
    }
    let most = axes.len();
    let least = axes.iter().filter(|axis| !axis.is_optional).count();
    match (least, most) {
        (1, 1) => "Vector or a 1D layout".to_owned(),
        (1, _) => format!("a vector, matrix or First/LastMajor layout of 1 to {most} dimensions"),
        _ => format!("a matrix or First/LastMajor layout of {least} to {most} dimensions"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Axis, Dimension, Form, dimensions, kept_axes};
    use crate::check::issues::Issues;
    use crate::check::name::{ArrayField, ArrayName};
    use crate::desc::{DataLayout, NDArrayDescriptor};

    /// Axis and stride of each dimension, or the code that was reported.
    fn read(
        layout: DataLayout,
        axes: &[Axis],
        is_sequence: bool,
    ) -> Result<Vec<(usize, usize)>, &'static str> {
        let mut issues = Issues::starting_with(Vec::new());
        let desc = NDArrayDescriptor { layout, ..Default::default() };
        let name = ArrayName::new(None, ArrayField::Sequence);
        let dims = Form::of(&mut issues, name, &desc, axes, is_sequence)
            .and_then(|form| dimensions(&mut issues, name, form, axes));
        match (issues.into_error(), dims) {
            (None, Some(dims)) => {
                Ok(dims.iter().map(|&Dimension { axis, stride }| (axis, stride)).collect())
            }
            (Some(error), None) => Err(error.issues()[0].code.name()),
            other => panic!("either dimensions or a finding, not {other:?}"),
        }
    }

    fn weights(layers: usize, directions: usize) -> [Axis; 4] {
        [
            Axis::optional("num_layers", layers),
            Axis::optional("directions", directions),
            Axis::new("hidden_size", 5),
            Axis::new("input_size", 7),
        ]
    }

    #[test]
    fn each_layout_assigns_axes_and_strides() {
        let one = weights(1, 1);
        for (layout, expected) in [
            (DataLayout::ROW_MAJOR_MATRIX, vec![(3, 0), (2, 1)]),
            (DataLayout::COLUMN_MAJOR_MATRIX, vec![(2, 0), (3, 1)]),
            (DataLayout::LAST_MAJOR_2D, vec![(3, 0), (2, 1)]),
            (DataLayout::FIRST_MAJOR_2D, vec![(2, 1), (3, 0)]),
            (DataLayout::LAST_MAJOR_4D, vec![(3, 0), (2, 1), (1, 2), (0, 3)]),
            (DataLayout::FIRST_MAJOR_4D, vec![(0, 3), (1, 2), (2, 1), (3, 0)]),
            (DataLayout::UNSPECIFIED, vec![(0, 3), (1, 2), (2, 1), (3, 0)]),
        ] {
            assert_eq!(read(layout, &one, false), Ok(expected), "{layout:?}");
        }
        let sequence = [Axis::new("S", 2), Axis::new("N", 3), Axis::new("E", 4)];
        for (layout, expected) in [
            (DataLayout::SNE, vec![(2, 0), (1, 1), (0, 2)]),
            (DataLayout::NSE, vec![(2, 0), (0, 1), (1, 2)]),
            (DataLayout::UNSPECIFIED, vec![(2, 0), (1, 1), (0, 2)]),
            (DataLayout::FIRST_MAJOR_3D, vec![(0, 2), (1, 1), (2, 0)]),
        ] {
            assert_eq!(read(layout, &sequence, true), Ok(expected), "{layout:?}");
        }
    }

    #[test]
    fn layouts_of_other_layers_unknown_ones_and_other_ranks_are_told_apart() {
        let one = weights(1, 1);
        for (layout, expected) in [
            (DataLayout::IMAGE_CHW, "unsupported_layout"),
            (DataLayout::SNE, "unsupported_layout"),
            (DataLayout(0x30003), "unknown_layout"),
            (DataLayout(1), "unknown_layout"),
            (DataLayout(u32::MAX), "unknown_layout"),
            (DataLayout::VECTOR, "rank_mismatch"),
            (DataLayout::first_major(0), "rank_mismatch"),
            (DataLayout::first_major(5), "rank_mismatch"),
            (DataLayout::first_major(64), "rank_mismatch"),
        ] {
            assert_eq!(read(layout, &one, false), Err(expected), "{layout:?}");
        }
    }

    #[test]
    fn only_leading_axes_of_extent_one_can_be_left_out() {
        assert_eq!(kept_axes(2, &weights(1, 1)), Some(vec![2, 3]));
        assert_eq!(kept_axes(3, &weights(1, 1)), Some(vec![1, 2, 3]));
        assert_eq!(kept_axes(3, &weights(1, 2)), Some(vec![1, 2, 3]));
        assert_eq!(kept_axes(3, &weights(2, 1)), Some(vec![0, 2, 3]));
        assert_eq!(kept_axes(4, &weights(2, 2)), Some(vec![0, 1, 2, 3]));
        assert_eq!(kept_axes(3, &weights(2, 2)), None);
        assert_eq!(kept_axes(2, &weights(1, 2)), None);
        assert_eq!(kept_axes(1, &weights(1, 1)), None);
        assert_eq!(kept_axes(5, &weights(1, 1)), None);
    }
}
