"""The messages of Core ML's ML programs, as far as they are read.

In: nothing. Out: the table, as `schema` has it. Source of numbers, names and types: MIL.proto, which Apple
publishes with coremltools. A map of names to messages stands here as the entries that it is in a file.
"""

from __future__ import annotations

__all__ = ["PROGRAMS"]

PROGRAMS = {
    "Program": "2 functions FunctionEntry*",
    "FunctionEntry": "1 key string, 2 value Function",
    "Function": "2 opset string, 3 block_specializations BlockEntry*",
    "BlockEntry": "1 key string, 2 value Block",
    "Block": "2 outputs string*, 3 operations Operation*",
    "Operation": (
        "1 type string, 2 inputs ArgumentEntry*, 3 outputs Output*, 4 blocks Block*, "
        "5 attributes ValueEntry*"
    ),
    "ArgumentEntry": "1 key string, 2 value Argument",
    "Argument": "1 arguments Binding*",
    "Binding": "| 1 name string, 2 value Value",
    "Output": "1 name string",
    "ValueEntry": "1 key string, 2 value Value",
    "Value": "2 type ValueType | 3 immediateValue Immediate, 5 blobFileValue Blob",
    "ValueType": "| 1 tensorType TensorType",
    "TensorType": "1 dataType int32, 2 rank int64, 3 dimensions Dimension*",
    "Dimension": "| 1 constant Size, 2 unknown bytes",
    "Size": "1 size uint64",
    "Immediate": "| 1 tensor Tensor, 2 tuple bytes, 3 list bytes, 4 dictionary bytes",
    "Tensor": (
        "| 1 floats Floats, 2 ints Ints, 3 bools Bools, 4 strings Strings, 5 longInts bytes, "
        "6 doubles bytes, 7 bytes Bytes"
    ),
    "Floats": "1 values float*",
    "Ints": "1 values int32*",
    "Bools": "1 values bool*",
    "Strings": "1 values string*",
    "Bytes": "1 values bytes",
    "Blob": "1 fileName string, 2 offset uint64",
}
