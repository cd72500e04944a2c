"""Apple's enumerations, with Apple's values.

Members are spelled in capitals; the spelling of Apple's headers is an alias wherever it is an identifier
(`ActivationFunction.RectifiedLinear` is `ActivationFunction.RECTIFIED_LINEAR`). Values from the BNNS headers
of macOS 15. A field may hold any integer; whether it can be used is found out by validation.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

__all__ = ["ActivationFunction", "DataLayout", "DataType", "LayerFlags", "NDArrayFlags"]


class DataLayout(IntEnum):
    """`BNNSDataLayout`: what the dimensions of a descriptor mean. The high 16 bits are the rank.

    `LAST_MAJOR_3D` is Apple's `BNNSDataLayout3DLastMajor`: the last index is the slowest (Fortran order).
    `FIRST_MAJOR_3D` is `BNNSDataLayout3DFirstMajor`: the first index is the slowest (C order).

    Example:
        >>> import bnns_lstm as bl
        >>> bl.DataLayout.SNE.name, hex(bl.DataLayout.SNE)
        ('SNE', '0x30001')
    """

    VECTOR = 0x10000
    LAST_MAJOR_1D = 0x18000
    FIRST_MAJOR_1D = 0x18001
    ROW_MAJOR_MATRIX = 0x20000
    COLUMN_MAJOR_MATRIX = 0x20001
    LAST_MAJOR_2D = 0x28000
    FIRST_MAJOR_2D = 0x28001
    IMAGE_CHW = 0x30000
    SNE = 0x30001
    NSE = 0x30002
    LAST_MAJOR_3D = 0x38000
    FIRST_MAJOR_3D = 0x38001
    CONVOLUTION_WEIGHTS_OIHW = 0x40000
    CONVOLUTION_WEIGHTS_OIHRWR = 0x40001
    CONVOLUTION_WEIGHTS_IOHRWR = 0x40002
    CONVOLUTION_WEIGHTS_OIHW_PACK32 = 0x40010
    LAST_MAJOR_4D = 0x48000
    FIRST_MAJOR_4D = 0x48001
    LAST_MAJOR_5D = 0x58000
    FIRST_MAJOR_5D = 0x58001
    LAST_MAJOR_6D = 0x68000
    FIRST_MAJOR_6D = 0x68001
    LAST_MAJOR_7D = 0x78000
    FIRST_MAJOR_7D = 0x78001
    LAST_MAJOR_8D = 0x88000
    FIRST_MAJOR_8D = 0x88001

    Vector = VECTOR
    RowMajorMatrix = ROW_MAJOR_MATRIX
    ColumnMajorMatrix = COLUMN_MAJOR_MATRIX
    ImageCHW = IMAGE_CHW


class DataType(IntEnum):
    """`BNNSDataType`: class bit and width in bits.

    Example:
        >>> import bnns_lstm as bl
        >>> hex(bl.DataType.FLOAT32), bl.DataType.Float32 is bl.DataType.FLOAT32
        ('0x10020', True)
    """

    FLOAT16 = 0x10000 | 16
    FLOAT32 = 0x10000 | 32
    BFLOAT16 = 0x10000 | 0x8000 | 16
    INT1 = 0x20000 | 1
    INT2 = 0x20000 | 2
    INT4 = 0x20000 | 4
    INT8 = 0x20000 | 8
    INT16 = 0x20000 | 16
    INT32 = 0x20000 | 32
    INT64 = 0x20000 | 64
    UINT1 = 0x40000 | 1
    UINT2 = 0x40000 | 2
    UINT4 = 0x40000 | 4
    UINT8 = 0x40000 | 8
    UINT16 = 0x40000 | 16
    UINT32 = 0x40000 | 32
    UINT64 = 0x40000 | 64
    INDEXED1 = 0x80000 | 1
    INDEXED2 = 0x80000 | 2
    INDEXED4 = 0x80000 | 4
    INDEXED8 = 0x80000 | 8
    BOOLEAN = 0x100000 | 8

    Float16 = FLOAT16
    Float32 = FLOAT32
    BFloat16 = BFLOAT16
    Int1 = INT1
    Int2 = INT2
    Int4 = INT4
    Int8 = INT8
    Int16 = INT16
    Int32 = INT32
    Int64 = INT64
    UInt1 = UINT1
    UInt2 = UINT2
    UInt4 = UINT4
    UInt8 = UINT8
    UInt16 = UINT16
    UInt32 = UINT32
    UInt64 = UINT64
    Indexed1 = INDEXED1
    Indexed2 = INDEXED2
    Indexed4 = INDEXED4
    Indexed8 = INDEXED8
    Boolean = BOOLEAN


class ActivationFunction(IntEnum):
    """`BNNSActivationFunction`. Formulas stand at the class methods of :class:`bnns_lstm.Activation`.

    Integer, random, per-channel and whole-vector functions exist here, and validation refuses them.

    Example:
        >>> import bnns_lstm as bl
        >>> bl.Activation(bl.ActivationFunction.SCALED_TANH, 1.7159, 0.6667)
        Activation(SCALED_TANH, alpha=1.7159, beta=0.6667)
    """

    IDENTITY = 0
    RECTIFIED_LINEAR = 1
    LEAKY_RECTIFIED_LINEAR = 2
    SIGMOID = 3
    TANH = 4
    SCALED_TANH = 5
    ABS = 6
    LINEAR = 7
    CLAMP = 8
    INTEGER_LINEAR_SATURATE = 9
    INTEGER_LINEAR_SATURATE_PER_CHANNEL = 10
    SOFTMAX = 11
    GELU_APPROXIMATION = 12
    GUMBEL = 13
    GUMBEL_MAX = 14
    HARD_SIGMOID = 15
    SOFTPLUS = 16
    SOFTSIGN = 17
    ELU = 18
    CLAMPED_LEAKY_RECTIFIED_LINEAR = 19
    LINEAR_WITH_BIAS = 20
    LOG_SOFTMAX = 21
    LOG_SIGMOID = 22
    SELU = 23
    CELU = 24
    HARD_SHRINK = 25
    SOFT_SHRINK = 26
    TANH_SHRINK = 27
    THRESHOLD = 28
    PRELU_PER_CHANNEL = 29
    HARD_SWISH = 30
    SILU = 31

    Identity = IDENTITY
    RectifiedLinear = RECTIFIED_LINEAR
    LeakyRectifiedLinear = LEAKY_RECTIFIED_LINEAR
    Sigmoid = SIGMOID
    Tanh = TANH
    ScaledTanh = SCALED_TANH
    Abs = ABS
    Linear = LINEAR
    Clamp = CLAMP
    IntegerLinearSaturate = INTEGER_LINEAR_SATURATE
    IntegerLinearSaturatePerChannel = INTEGER_LINEAR_SATURATE_PER_CHANNEL
    Softmax = SOFTMAX
    GELUApproximation = GELU_APPROXIMATION
    Gumbel = GUMBEL
    GumbelMax = GUMBEL_MAX
    HardSigmoid = HARD_SIGMOID
    Softplus = SOFTPLUS
    Softsign = SOFTSIGN
    ClampedLeakyRectifiedLinear = CLAMPED_LEAKY_RECTIFIED_LINEAR
    LinearWithBias = LINEAR_WITH_BIAS
    LogSoftmax = LOG_SOFTMAX
    LogSigmoid = LOG_SIGMOID
    HardShrink = HARD_SHRINK
    SoftShrink = SOFT_SHRINK
    TanhShrink = TANH_SHRINK
    Threshold = THRESHOLD
    PReLUPerChannel = PRELU_PER_CHANNEL
    HardSwish = HARD_SWISH
    GELUApproximation2 = HARD_SWISH
    SiLU = SILU


class LayerFlags(IntFlag):
    """The `lstm_flags` of a layer.

    Example:
        >>> import bnns_lstm as bl
        >>> int(bl.LayerFlags.LSTM_BIDIRECTIONAL | bl.LayerFlags.LSTM_DEFAULT_ACTIVATIONS)
        3
    """

    LSTM_BIDIRECTIONAL = 1
    LSTM_DEFAULT_ACTIVATIONS = 2


class NDArrayFlags(IntEnum):
    """The `flags` of an array: what a gradient output does with what is there already.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> sums = np.zeros((1, 1, 4, 3), np.float32)
        >>> added = bl.NDArrayDescriptor(sums, flags=bl.NDArrayFlags.BACKPROP_ACCUMULATE)
    """

    BACKPROP_SET = 0
    BACKPROP_ACCUMULATE = 1
