//! Every array field, every form of its descriptor, and where the specification puts each element.

use crate::layouts::layouts;
use crate::model::{Descriptor, Params, Sizes, described, memory};
use bnns_lstm::binding::{Arrays, Strided};
use bnns_lstm::{Data, DataLayout, Lent, Memory, NDArrayDescriptor, Path};
use ndarray::{ArrayViewD, Dimension, IxDyn, ShapeBuilder};

/// An array field of the structure.
#[derive(Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    /// Extents in C order; leading ones of layers and directions may be left out where they are 1.
    pub axes: fn(&Sizes) -> Vec<usize>,
    pub leading: usize,
    pub is_sequence: bool,
    pub is_output: bool,
    pub desc: fn(&mut Params) -> &mut Descriptor,
    pub checked: fn(&Arrays) -> Option<&Strided>,
}

const SEQUENCE: Field = Field {
    name: "",
    axes: |s| vec![s.steps, s.batch, s.input],
    leading: 0,
    is_sequence: true,
    is_output: false,
    desc: |p| &mut p.input_descriptor.data_desc,
    checked: |a| a.input.data.given(),
};

const STATE: Field = Field {
    axes: |s| vec![s.layers, s.directions, s.batch, s.hidden],
    leading: 2,
    is_sequence: false,
    ..SEQUENCE
};

const MATRIX: Field = Field { axes: |s| vec![s.layers, s.directions, s.hidden, s.hidden], ..STATE };

const VECTOR: Field = Field { axes: |s| vec![s.layers, s.directions, s.hidden], ..MATRIX };

/// All fields of the input gate's weights and one of each other gate; the diagonal is a field of its own.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    Field { name: "input_descriptor.data_desc", ..SEQUENCE },
    Field { name: "input_descriptor.hidden_desc", desc: |p| &mut p.input_descriptor.hidden_desc,
        checked: |a| a.input.hidden.given(), ..STATE },
    Field { name: "input_descriptor.cell_state_desc", desc: |p| &mut p.input_descriptor.cell_state_desc,
        checked: |a| a.input.cell.given(), ..STATE },
    Field { name: "output_descriptor.data_desc", desc: |p| &mut p.output_descriptor.data_desc,
        axes: |s| vec![s.steps, s.batch, s.directions * s.hidden],
        checked: |a| a.output.data.as_ref(), is_output: true, ..SEQUENCE },
    Field { name: "output_descriptor.hidden_desc", desc: |p| &mut p.output_descriptor.hidden_desc,
        checked: |a| a.output.hidden.as_ref(), is_output: true, ..STATE },
    Field { name: "output_descriptor.cell_state_desc", desc: |p| &mut p.output_descriptor.cell_state_desc,
        checked: |a| a.output.cell.as_ref(), is_output: true, ..STATE },
    Field { name: "input_gate.iw_desc[0]", desc: |p| &mut p.input_gate.iw_desc[0],
        axes: |s| vec![1, s.directions, s.hidden, s.input],
        checked: |a| a.weights.gates.input.iw.as_ref(), ..MATRIX },
    Field { name: "input_gate.iw_desc[1]", desc: |p| &mut p.input_gate.iw_desc[1],
        axes: |s| vec![s.layers - 1, s.directions, s.hidden, s.directions * s.hidden],
        checked: |a| a.weights.gates.input.iw_upper.as_ref(), ..MATRIX },
    Field { name: "input_gate.hw_desc", desc: |p| &mut p.input_gate.hw_desc,
        checked: |a| a.weights.gates.input.hw.as_ref(), ..MATRIX },
    FULL_PEEPHOLE,
    DIAGONAL_PEEPHOLE,
    Field { name: "input_gate.b_desc", desc: |p| &mut p.input_gate.b_desc,
        checked: |a| a.weights.gates.input.b.as_ref(), ..VECTOR },
    Field { name: "forget_gate.hw_desc", desc: |p| &mut p.forget_gate.hw_desc,
        checked: |a| a.weights.gates.forget.hw.as_ref(), ..MATRIX },
    Field { name: "candidate_gate.cw_desc", desc: |p| &mut p.candidate_gate.cw_desc,
        checked: |a| a.weights.gates.candidate.cw.as_ref(), ..MATRIX },
    Field { name: "output_gate.b_desc", desc: |p| &mut p.output_gate.b_desc,
        checked: |a| a.weights.gates.output.b.as_ref(), ..VECTOR },
];

pub const FULL_PEEPHOLE: Field = Field {
    name: "input_gate.cw_desc",
    desc: |p| &mut p.input_gate.cw_desc,
    checked: |a| a.weights.gates.input.cw.as_ref(),
    ..MATRIX
};

pub const DIAGONAL_PEEPHOLE: Field = Field { axes: VECTOR.axes, ..FULL_PEEPHOLE };

/// One way to describe a field.
#[derive(Debug, Clone)]
pub struct Form {
    pub layout: DataLayout,
    /// The field's extents in C order, without the axes that are left out.
    pub kept: Vec<usize>,
    pub has_sizes: bool,
}

impl Form {
    /// All forms of a field: each rank that its extents allow, each layout of that rank, sizes given or 0.
    pub fn all(field: &Field, sizes: &Sizes) -> Vec<Self> {
        let axes = (field.axes)(sizes);
        if axes.contains(&0) {
            return Vec::new();
        }
        let ones = axes[..field.leading].iter().filter(|&&extent| extent == 1).count();
        let mut forms = Vec::new();
        for left_out in 0..=ones {
            let mut kept = axes.clone();
            for _ in 0..left_out {
                kept.remove(kept.iter().position(|&extent| extent == 1).unwrap());
            }
            for &layout in layouts(kept.len(), field.is_sequence) {
                for has_sizes in [true, false] {
                    forms.push(Self { layout, kept: kept.clone(), has_sizes });
                }
            }
        }
        let layout = DataLayout::UNSPECIFIED;
        forms.push(Self { layout, kept: axes.clone(), has_sizes: false });
        if field.is_sequence {
            forms.push(Self { layout, kept: axes, has_sizes: true });
        }
        forms
    }

    /// The numbers of `kept`, fastest first as the layout says: what `stride` refers to.
    fn in_memory_order<T: Copy>(&self, kept: &[T]) -> Vec<T> {
        match self.layout {
            DataLayout::COLUMN_MAJOR_MATRIX => kept.to_vec(),
            DataLayout::NSE => vec![kept[2], kept[0], kept[1]],
            _ => kept.iter().rev().copied().collect(),
        }
    }

    /// Strides in memory order as strides of the kept axes.
    pub fn by_axis(&self, strides: &[usize]) -> Vec<usize> {
        match self.layout {
            DataLayout::COLUMN_MAJOR_MATRIX => strides.to_vec(),
            DataLayout::NSE => vec![strides[1], strides[2], strides[0]],
            _ => strides.iter().rev().copied().collect(),
        }
    }

    /// What `size` holds.
    fn size(&self) -> Vec<usize> {
        let is_first_major = self.layout.0 & 0xffff == 0x8001;
        match self.layout {
            _ if !self.has_sizes => Vec::new(),
            _ if is_first_major => self.kept.clone(),
            _ => self.in_memory_order(&self.kept),
        }
    }

    /// Strides in memory order with `gap` elements between the rows of every dimension.
    pub fn strides(&self, first: usize, gap: usize) -> Vec<usize> {
        let mut strides = Vec::new();
        let mut next = first;
        for extent in self.in_memory_order(&self.kept) {
            strides.push(next);
            next = next * extent + gap;
        }
        strides
    }

    /// Elements from the first to the last.
    pub fn count(&self, strides: &[usize]) -> usize {
        let extents = self.in_memory_order(&self.kept);
        1 + extents.iter().zip(strides).map(|(extent, stride)| (extent - 1) * stride).sum::<usize>()
    }

    /// A descriptor over a buffer of `len` elements.
    pub fn in_buffer(&self, place: usize, len: usize, strides: &[usize]) -> Descriptor {
        described(place, len, self.layout, &self.size()).with_strides(strides)
    }

    /// A descriptor over an array with these strides (in memory order), which it does not repeat.
    pub fn along_array(&self, place: usize, strides: &[usize]) -> Descriptor {
        let shape: Vec<usize> = self.in_memory_order(&self.kept).into_iter().rev().collect();
        let mut array = memory(place, &shape);
        array.byte_strides = strides.iter().rev().map(|&stride| 4 * stride.cast_signed()).collect();
        let mut desc = described(place, 0, self.layout, &self.size());
        desc.data = Data::Lent(array);
        desc
    }
}

/// Bind what was checked to a real array that holds its own indices, and compare the place of every element
/// with the sum of index times stride.
pub fn assert_elements(
    what: &str,
    strided: &Strided,
    desc: &NDArrayDescriptor<'_>,
    axes: &[usize],
    axis_strides: &[usize],
) {
    assert_eq!(strided.shape(), axes, "{what}");
    let Data::Lent(array) = &desc.data else { panic!("{what}: not lent") };
    let backing: Vec<f32> = (0..elements_of(array)).map(|index| index as f32).collect();
    let own: Vec<usize> =
        array.byte_strides.iter().map(|&bytes| bytes.unsigned_abs() / 4).collect();
    let shape = IxDyn(&array.shape).strides(IxDyn(&own));
    let view = ArrayViewD::from_shape(shape, &backing).unwrap();
    let view = strided.bind::<IxDyn>(|| Path::field("seed"), Lent::Strided(view)).unwrap();
    let left_out = axes.len() - axis_strides.len();
    // Axes that are left out have extent 1, so it does not matter which of them these are.
    let kept: Vec<usize> = {
        let mut positions: Vec<usize> = (0..axes.len()).collect();
        for _ in 0..left_out {
            let surplus = positions.iter().position(|&position| axes[position] == 1).unwrap();
            positions.remove(surplus);
        }
        positions
    };
    for (index, &value) in view.indexed_iter() {
        let index = index.as_array_view();
        let expected: usize =
            kept.iter().zip(axis_strides).map(|(&axis, stride)| index[axis] * stride).sum();
        assert_eq!(value.to_bits(), (expected as f32).to_bits(), "{what} at {index}");
    }
}

/// Elements from the first to the last of an array with positive strides.
fn elements_of(array: &Memory) -> usize {
    let reach = |(&extent, &bytes): (&usize, &isize)| (extent - 1) * (bytes.unsigned_abs() / 4);
    1 + array.shape.iter().zip(&array.byte_strides).map(reach).sum::<usize>()
}
