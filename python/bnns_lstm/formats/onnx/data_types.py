"""The types of numbers in ONNX' tensors that are read, in one table.

In: a number of `TensorProto.DataType`. Out: its names, and how such numbers are stored. It knows no tensor.
Source: onnx.proto, `TensorProto.DataType` and the comments of the fields of `TensorProto`.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "BFLOAT16", "BOOL", "DATA_TYPES", "FLOAT", "FLOAT16", "FLOATS", "INT32", "NUMBERS", "DataType",
]  # fmt: skip


class DataType(NamedTuple):
    """A type of numbers.

    Attributes:
        name: Its name in ONNX.
        numpy: NumPy's name of the numbers; bfloat16, which NumPy has not, is read as float32.
        raw: NumPy's type of the raw bytes; that of the bits where it is a float of 16 bits.
        field: The field of a tensor that holds the numbers where there are no raw bytes.
    """

    name: str
    numpy: str
    raw: str
    field: str


FLOAT, UINT8, INT8, INT32, INT64, BOOL, FLOAT16, DOUBLE, BFLOAT16 = 1, 2, 3, 6, 7, 9, 10, 11, 16
DATA_TYPES = {
    FLOAT: DataType("FLOAT", "float32", "<f4", "float_data"),
    FLOAT16: DataType("FLOAT16", "float16", "<u2", "int32_data"),
    BFLOAT16: DataType("BFLOAT16", "bfloat16", "<u2", "int32_data"),
    DOUBLE: DataType("DOUBLE", "float64", "<f8", "double_data"),
    INT8: DataType("INT8", "int8", "|i1", "int32_data"),
    UINT8: DataType("UINT8", "uint8", "|u1", "int32_data"),
    INT32: DataType("INT32", "int32", "<i4", "int32_data"),
    INT64: DataType("INT64", "int64", "<i8", "int64_data"),
    BOOL: DataType("BOOL", "bool", "|u1", "int32_data"),
}
# Those of weights and states; in what order errors name them.
FLOATS = (FLOAT, FLOAT16, DOUBLE, BFLOAT16)
# Those that sizes and shapes are cast to.
NUMBERS = (FLOAT, INT32, INT64, FLOAT16, DOUBLE)
