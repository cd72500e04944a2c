//! Any array descriptor at all.
//!
//! In: bytes of a fuzzer. Out: a descriptor over measurements without memory, in which anything can be wrong.

use arbitrary::Arbitrary;
use bnns_lstm::binding::Memory;
use bnns_lstm::{Data, DataLayout, DataType, NDArrayDescriptor};

/// A number, mostly one that could be meant.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub enum Number {
    Zero,
    One,
    Two,
    Small(u8),
    Power(u8),
    Negative(u8),
    Any(usize),
}

impl Number {
    /// The number.
    pub fn get(self) -> usize {
        match self {
            Self::Zero => 0,
            Self::One => 1,
            Self::Two => 2,
            Self::Small(value) => value.into(),
            Self::Power(shift) => 1 << (shift % 64),
            Self::Negative(value) => usize::MAX - usize::from(value),
            Self::Any(value) => value,
        }
    }
}

/// What the descriptor says of its array.
#[derive(Debug, Default, Arbitrary)]
pub struct Described {
    layout: Layout,
    size: Option<[Number; 4]>,
    stride: Option<[Number; 4]>,
    data_type: Option<u32>,
    has_table: bool,
}

#[derive(Debug, Clone, Copy, Default, Arbitrary)]
pub enum Layout {
    #[default]
    Unspecified,
    Known(u8),
    FirstMajor(u8),
    Any(u32),
}

#[derive(Debug, Arbitrary)]
pub enum Array {
    Absent,
    InPlace,
    /// A large contiguous array: the descriptor decides.
    Large(Described),
    /// An array of this shape in C order, with gaps between rows.
    Shaped(Vec<Number>, u8, Described),
    Anything(Anything, Described),
}

#[derive(Debug, Arbitrary)]
pub struct Anything {
    address: Number,
    shape: Vec<Number>,
    byte_strides: Vec<Number>,
    element_bytes: Number,
    data_type: u32,
    is_read_only: bool,
}

const LAYOUTS: [DataLayout; 14] = [
    DataLayout::VECTOR,
    DataLayout::LAST_MAJOR_1D,
    DataLayout::FIRST_MAJOR_1D,
    DataLayout::ROW_MAJOR_MATRIX,
    DataLayout::COLUMN_MAJOR_MATRIX,
    DataLayout::LAST_MAJOR_2D,
    DataLayout::FIRST_MAJOR_2D,
    DataLayout::IMAGE_CHW,
    DataLayout::SNE,
    DataLayout::NSE,
    DataLayout::LAST_MAJOR_3D,
    DataLayout::FIRST_MAJOR_3D,
    DataLayout::LAST_MAJOR_4D,
    DataLayout::FIRST_MAJOR_4D,
];

impl Described {
    /// Say it.
    pub fn apply(&self, desc: &mut NDArrayDescriptor<'_>) {
        desc.layout = match self.layout {
            Layout::Unspecified => DataLayout::UNSPECIFIED,
            Layout::Known(index) => LAYOUTS[usize::from(index) % LAYOUTS.len()],
            Layout::FirstMajor(rank) => DataLayout::first_major(rank.into()),
            Layout::Any(value) => DataLayout(value),
        };
        let numbers = |given: &Option<[Number; 4]>, slots: &mut [usize; 8]| {
            for (slot, number) in slots.iter_mut().zip(given.iter().flatten()) {
                *slot = number.get();
            }
        };
        numbers(&self.size, &mut desc.size);
        numbers(&self.stride, &mut desc.stride);
        if let Some(value) = self.data_type {
            desc.data_type = DataType(value);
        }
        if self.has_table {
            desc.table_data = Data::from(&[0.0; 4][..]);
        }
    }
}

fn floats(address: usize, shape: Vec<usize>, byte_strides: Vec<isize>) -> Memory {
    Memory {
        address,
        shape,
        byte_strides,
        element_bytes: 4,
        data_type: DataType::FLOAT32,
        type_name: "float32".to_owned(),
        writable: true,
    }
}

impl Array {
    /// The descriptor of an array whose memory is at the `place`-th address.
    pub fn descriptor<'a>(&self, place: usize) -> NDArrayDescriptor<'a> {
        let address = (place + 1) << 24;
        let (memory, described) = match self {
            Self::Absent => return NDArrayDescriptor::absent(),
            Self::InPlace => return NDArrayDescriptor::in_place(),
            Self::Large(described) => (floats(address, vec![1 << 12], vec![4]), described),
            Self::Shaped(shape, gap, described) => {
                let shape: Vec<usize> = shape.iter().take(5).map(|extent| extent.get()).collect();
                let mut byte_strides = vec![0; shape.len()];
                let mut next = 4_isize;
                for (slot, &extent) in byte_strides.iter_mut().zip(&shape).rev() {
                    *slot = next;
                    let row = next.saturating_mul(extent.try_into().unwrap_or(isize::MAX));
                    next = row.saturating_add(4 * isize::from(gap % 3));
                }
                (floats(address, shape, byte_strides), described)
            }
            Self::Anything(anything, described) => {
                let memory = Memory {
                    address: anything.address.get(),
                    shape: anything.shape.iter().map(|extent| extent.get()).collect(),
                    byte_strides: anything
                        .byte_strides
                        .iter()
                        .map(|n| n.get().cast_signed())
                        .collect(),
                    element_bytes: anything.element_bytes.get(),
                    data_type: DataType(anything.data_type),
                    type_name: "anything".to_owned(),
                    writable: !anything.is_read_only,
                };
                (memory, described)
            }
        };
        let mut desc = NDArrayDescriptor::lent(memory);
        let shape = (desc.layout, desc.size);
        desc.size = [0; 8];
        described.apply(&mut desc);
        if desc.layout == DataLayout::UNSPECIFIED && !matches!(self, Self::Large(_)) {
            (desc.layout, desc.size) = shape;
        }
        desc
    }
}
