//! What the dimensions of a descriptor mean.
//!
//! In: a layout value and the axes that the field has in C order. Out: for each dimension its axis and its
//! stride, or the reason why the layout does not fit. It does not look at sizes, strides or data.

use super::issues::Issues;
use crate::desc::DataLayout;
use crate::error::{Code, Path};

/// One axis of a field, slowest first in C order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    /// The parameter that gives its extent.
    pub(super) name: &'static str,
    /// Its extent.
    pub(super) extent: usize,
    /// Whether it may be left out where its extent is 1.
    pub(super) optional: bool,
}

/// How sizes and strides of a layout are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// size[0] is the fastest axis.
    LastMajor,
    /// size[0] is the slowest axis, stride[0] belongs to the fastest.
    FirstMajor,
    /// size[0] is the slowest axis of the field, and the fastest in memory.
    ColumnMajor,
    /// size = (E, S, N).
    BatchMajor,
}

/// One dimension of a descriptor: which axis of the field it is, and which stride belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dimension {
    pub(super) axis: usize,
    pub(super) stride: usize,
}

/// All dimensions of a descriptor, in the order of its sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dimensions {
    pub(super) each: Vec<Dimension>,
    /// Whether the sizes stand in the order of a C array's shape (else reversed).
    pub(super) c_order: bool,
}

/// What a layout means for a field with these axes; reports and returns `None` where it does not fit.
pub(super) fn dimensions(
    issues: &mut Issues,
    path: &Path,
    layout: DataLayout,
    all_sizes_zero: bool,
    axes: &[Axis],
    is_sequence: bool,
) -> Option<Dimensions> {
    let here = path.then("layout");
    let (rank, order) = match layout {
        DataLayout::UNSPECIFIED if is_sequence => (3, Order::LastMajor),
        DataLayout::UNSPECIFIED if all_sizes_zero => (axes.len(), Order::FirstMajor),
        _ => match parse(layout) {
            Some(Parsed::Usable(rank, order)) if is_sequence_layout(layout) <= is_sequence => {
                (rank, order)
            }
            Some(_) => {
                issues.push(here, Code::UnsupportedLayout, accepted(axes, is_sequence), hex(layout));
                return None;
            }
            None => {
                issues.push(here, Code::UnknownLayout, accepted(axes, is_sequence), hex(layout));
                return None;
            }
        },
    };
    let Some(kept) = kept_axes(rank, axes) else {
        issues.push(here, Code::RankMismatch, shape_text(axes), format!("{rank} dimensions"));
        return None;
    };
    Some(assign(order, &kept))
}

enum Parsed {
    Usable(usize, Order),
    OfAnotherLayer,
}

fn parse(layout: DataLayout) -> Option<Parsed> {
    let rank = (layout.0 >> 16) as usize;
    Some(match layout {
        DataLayout::VECTOR | DataLayout::ROW_MAJOR_MATRIX | DataLayout::SNE => {
            Parsed::Usable(rank, Order::LastMajor)
        }
        DataLayout::COLUMN_MAJOR_MATRIX => Parsed::Usable(rank, Order::ColumnMajor),
        DataLayout::NSE => Parsed::Usable(rank, Order::BatchMajor),
        DataLayout::IMAGE_CHW
        | DataLayout::CONVOLUTION_WEIGHTS_OIHW
        | DataLayout::CONVOLUTION_WEIGHTS_OIHRWR
        | DataLayout::CONVOLUTION_WEIGHTS_IOHRWR
        | DataLayout::CONVOLUTION_WEIGHTS_OIHW_PACK32 => Parsed::OfAnotherLayer,
        _ if rank >= 1 && layout.0 & 0xffff == 0x8000 => Parsed::Usable(rank, Order::LastMajor),
        _ if rank >= 1 && layout.0 & 0xffff == 0x8001 => Parsed::Usable(rank, Order::FirstMajor),
        _ => return None,
    })
}

fn is_sequence_layout(layout: DataLayout) -> bool {
    matches!(layout, DataLayout::SNE | DataLayout::NSE)
}

/// The axes that a descriptor of this rank has: all, or all but leading ones of extent 1.
pub(super) fn kept_axes(rank: usize, axes: &[Axis]) -> Option<Vec<usize>> {
    let mut surplus = axes.len().checked_sub(rank)?;
    let mut kept = Vec::new();
    for (position, axis) in axes.iter().enumerate() {
        if surplus > 0 && axis.optional && axis.extent == 1 {
            surplus -= 1;
        } else {
            kept.push(position);
        }
    }
    (surplus == 0).then_some(kept)
}

fn assign(order: Order, kept: &[usize]) -> Dimensions {
    let rank = kept.len();
    let each: Vec<Dimension> = match order {
        Order::LastMajor => kept
            .iter()
            .rev()
            .enumerate()
            .map(|(stride, &axis)| Dimension { axis, stride })
            .collect(),
        Order::FirstMajor => kept
            .iter()
            .enumerate()
            .map(|(position, &axis)| Dimension { axis, stride: rank - 1 - position })
            .collect(),
        Order::ColumnMajor => kept
            .iter()
            .enumerate()
            .map(|(stride, &axis)| Dimension { axis, stride })
            .collect(),
        // The axes of a sequence are [S, N, E]; the sizes are (E, S, N).
        Order::BatchMajor => [2, 0, 1]
            .into_iter()
            .enumerate()
            .map(|(stride, axis)| Dimension { axis, stride })
            .collect(),
    };
    Dimensions { each, c_order: order == Order::FirstMajor }
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
    let least = axes.iter().filter(|axis| !axis.optional).count();
    format!("a vector, matrix or First/LastMajor layout of {least} to {} dimensions", axes.len())
}
