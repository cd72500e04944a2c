//! Apple's enumerations, as the plain integers that a caller may write.
//!
//! In: nothing. Out: newtypes over `u32` with Apple's values as constants, so that a wrong value can exist
//! and be reported by `check`. They do not know which values a field accepts.

use std::ops::{BitOr, BitOrAssign};

/// `BNNSDataLayout`: what the dimensions of a descriptor mean. The high 16 bits are the rank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct DataLayout(pub u32);

impl DataLayout {
    /// No layout given; see [`crate::NDArrayDescriptor::layout`].
    pub const UNSPECIFIED: Self = Self(0);
    /// One dimension.
    pub const VECTOR: Self = Self(0x10000);
    /// As [`VECTOR`](Self::VECTOR).
    pub const LAST_MAJOR_1D: Self = Self(0x18000);
    /// As [`VECTOR`](Self::VECTOR).
    pub const FIRST_MAJOR_1D: Self = Self(0x18001);
    /// size = (columns, rows).
    pub const ROW_MAJOR_MATRIX: Self = Self(0x20000);
    /// size = (rows, columns).
    pub const COLUMN_MAJOR_MATRIX: Self = Self(0x20001);
    /// Two dimensions, the last index slowest.
    pub const LAST_MAJOR_2D: Self = Self(0x28000);
    /// Two dimensions, the first index slowest.
    pub const FIRST_MAJOR_2D: Self = Self(0x28001);
    /// Images; not used by the LSTM.
    pub const IMAGE_CHW: Self = Self(0x30000);
    /// size = (elements, batch, steps): a C array `[seq_len][batch][elements]`.
    pub const SNE: Self = Self(0x30001);
    /// size = (elements, steps, batch): a C array `[batch][seq_len][elements]`.
    pub const NSE: Self = Self(0x30002);
    /// Three dimensions, the last index slowest.
    pub const LAST_MAJOR_3D: Self = Self(0x38000);
    /// Three dimensions, the first index slowest.
    pub const FIRST_MAJOR_3D: Self = Self(0x38001);
    /// Convolution weights; not used by the LSTM.
    pub const CONVOLUTION_WEIGHTS_OIHW: Self = Self(0x40000);
    /// Convolution weights; not used by the LSTM.
    pub const CONVOLUTION_WEIGHTS_OIHRWR: Self = Self(0x40001);
    /// Convolution weights; not used by the LSTM.
    pub const CONVOLUTION_WEIGHTS_IOHRWR: Self = Self(0x40002);
    /// Convolution weights; not used by the LSTM.
    pub const CONVOLUTION_WEIGHTS_OIHW_PACK32: Self = Self(0x40010);
    /// Four dimensions, the last index slowest.
    pub const LAST_MAJOR_4D: Self = Self(0x48000);
    /// Four dimensions, the first index slowest: a C array.
    pub const FIRST_MAJOR_4D: Self = Self(0x48001);

    /// The C order of `rank` dimensions (`kDFirstMajor`), 1 to 8.
    pub fn first_major(rank: usize) -> Self {
        Self((rank.min(0xffff) as u32) << 16 | 0x8001)
    }
}

/// `BNNSDataType`: class bit and width.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct DataType(pub u32);

impl DataType {
    /// No type given: only an absent array has it.
    pub const UNSPECIFIED: Self = Self(0);
    /// IEEE half precision.
    pub const FLOAT16: Self = Self(0x10010);
    /// IEEE single precision.
    pub const FLOAT32: Self = Self(0x10020);
    /// The upper half of a single.
    pub const BFLOAT16: Self = Self(0x18010);
    /// Signed, 1 bit.
    pub const INT1: Self = Self(0x20001);
    /// Signed, 2 bits.
    pub const INT2: Self = Self(0x20002);
    /// Signed, 4 bits.
    pub const INT4: Self = Self(0x20004);
    /// Signed, 8 bits.
    pub const INT8: Self = Self(0x20008);
    /// Signed, 16 bits.
    pub const INT16: Self = Self(0x20010);
    /// Signed, 32 bits.
    pub const INT32: Self = Self(0x20020);
    /// Signed, 64 bits.
    pub const INT64: Self = Self(0x20040);
    /// Unsigned, 1 bit.
    pub const UINT1: Self = Self(0x40001);
    /// Unsigned, 2 bits.
    pub const UINT2: Self = Self(0x40002);
    /// Unsigned, 4 bits.
    pub const UINT4: Self = Self(0x40004);
    /// Unsigned, 8 bits.
    pub const UINT8: Self = Self(0x40008);
    /// Unsigned, 16 bits.
    pub const UINT16: Self = Self(0x40010);
    /// Unsigned, 32 bits.
    pub const UINT32: Self = Self(0x40020);
    /// Unsigned, 64 bits.
    pub const UINT64: Self = Self(0x40040);
    /// Index of 1 bit into a table of 2.
    pub const INDEXED1: Self = Self(0x80001);
    /// Index of 2 bits into a table of 4.
    pub const INDEXED2: Self = Self(0x80002);
    /// Index of 4 bits into a table of 16.
    pub const INDEXED4: Self = Self(0x80004);
    /// Index of 8 bits into a table of 256.
    pub const INDEXED8: Self = Self(0x80008);
    /// One byte, 0 or 1.
    pub const BOOLEAN: Self = Self(0x10_0008);

    /// Apple's name of the type, `None` for a value that does not exist.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::FLOAT16 => "Float16",
            Self::FLOAT32 => "Float32",
            Self::BFLOAT16 => "BFloat16",
            Self::INT1 => "Int1",
            Self::INT2 => "Int2",
            Self::INT4 => "Int4",
            Self::INT8 => "Int8",
            Self::INT16 => "Int16",
            Self::INT32 => "Int32",
            Self::INT64 => "Int64",
            Self::UINT1 => "UInt1",
            Self::UINT2 => "UInt2",
            Self::UINT4 => "UInt4",
            Self::UINT8 => "UInt8",
            Self::UINT16 => "UInt16",
            Self::UINT32 => "UInt32",
            Self::UINT64 => "UInt64",
            Self::INDEXED1 => "Indexed1",
            Self::INDEXED2 => "Indexed2",
            Self::INDEXED4 => "Indexed4",
            Self::INDEXED8 => "Indexed8",
            Self::BOOLEAN => "Boolean",
            _ => return None,
        })
    }

    /// Whether values are looked up in a table.
    pub fn is_indexed(self) -> bool {
        self.0 & 0x80000 != 0
    }
}

/// The `lstm_flags` of a layer, a set of bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct LayerFlags(pub u32);

impl LayerFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// Two directions.
    pub const LSTM_BIDIRECTIONAL: Self = Self(1);
    /// Sigmoid for input, forget and output gate, tanh for candidate and hidden; the five activation
    /// fields are not looked at.
    pub const LSTM_DEFAULT_ACTIVATIONS: Self = Self(2);

    /// Whether all bits of `other` are set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits of both, as by `|`, for constants.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOr for LayerFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl BitOrAssign for LayerFlags {
    fn bitor_assign(&mut self, other: Self) {
        *self = self.union(other);
    }
}

/// The `flags` of an array descriptor: what a gradient output does with what is there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct NDArrayFlags(pub u32);

impl NDArrayFlags {
    /// Overwrite.
    pub const BACKPROP_SET: Self = Self(0);
    /// Add.
    pub const BACKPROP_ACCUMULATE: Self = Self(1);
}
