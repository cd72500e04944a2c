"""ONNX files: the model in one, and the numbers in its tensors, external ones included.

No memory is asked for by a size that the file merely claims, and external data is read only from the folder
of the file and the folders in it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._look import is_a
from bnns_lstm._show import named, shown
from bnns_lstm.formats.convert import fail, widen_bfloat16
from bnns_lstm.formats.extras import need
from bnns_lstm.formats.files import is_path, path_of
from bnns_lstm.formats.foreign import ONNX, kind_of
from bnns_lstm.formats.onnx.data_types import BFLOAT16, BOOL, DATA_TYPES, FLOAT16

__all__ = ["BATCH_FIRST", "Model", "open_model"]

# The key in a model's metadata under which the writer says that inputs and outputs have the batch first.
BATCH_FIRST = "bnns_lstm.batch_first"

# Of TensorProto.DataLocation.
EXTERNAL = 1
LARGEST_RANK = 8


@dataclass
class Model:
    """A model, and where its external data may lie.

    Attributes:
        proto: The `onnx.ModelProto`.
        folder: The folder of its file; None for a model that was given as an object.
        loaded: Bytes of tensors that were read.
        given: Values of the graph's inputs that the caller gave, by their names.
    """

    proto: Any
    folder: Path | None
    loaded: int = 0
    given: dict[str, npt.NDArray[Any]] = field(default_factory=dict)

    def give(self, values: dict[str, npt.NDArray[Any]]) -> None:
        """Take values for inputs of the graph, which then count as its constants."""
        self.given = values
        self.loaded += sum(value.nbytes for value in values.values())

    def array(self, tensor: Any) -> npt.NDArray[Any]:
        """The numbers of a `TensorProto`; bfloat16 comes as float32.

        Raises:
            WeightsError: If the type is none of those that weights, sizes and lengths have, if there are
                more or fewer numbers than the shape says, or if external data is missing or elsewhere; or if
                an attribute that should be a tensor is none.
        """
        if not is_a(tensor, need("onnx", "onnx").TensorProto):
            raise fail("value", "a tensor", shown(tensor), codes.WRONG_TYPE)
        path, shape = named(tensor.name), list(tensor.dims)
        if tensor.data_type not in DATA_TYPES:
            names = dict(map(reversed, need("onnx", "onnx").TensorProto.DataType.items()))
            found = names.get(tensor.data_type, str(tensor.data_type))
            readable = [one.name for one in DATA_TYPES.values()]
            raise fail(
                path,
                f"{', '.join(readable[:-1])} or {readable[-1]}",
                found,
                codes.UNSUPPORTED_DATA_TYPE,
            )
        if len(shape) > LARGEST_RANK or any(size < 0 for size in shape):
            raise fail(
                path, f"up to {LARGEST_RANK} sizes of at least 0", shown(shape), codes.DAMAGED_FILE
            )
        flat = self._numbers(path, tensor)
        self.loaded += flat.nbytes
        if flat.size != prod(shape):
            raise fail(
                path,
                f"{prod(shape)} numbers for the shape {shape}",
                f"{flat.size} numbers",
                codes.DAMAGED_FILE,
            )
        if tensor.data_type == BOOL:
            flat = flat != 0
        elif tensor.data_type == FLOAT16:
            flat = flat.view(np.float16)
        elif tensor.data_type == BFLOAT16:
            flat = widen_bfloat16(flat)
        return flat.reshape(shape)

    def _numbers(self, path: str, tensor: Any) -> npt.NDArray[Any]:
        """The numbers without their shape; 16-bit floats as their bits."""
        kind, field = DATA_TYPES[tensor.data_type].raw, DATA_TYPES[tensor.data_type].field
        if tensor.data_location == EXTERNAL:
            raw = self._external(path, tensor, np.dtype(kind).itemsize)
        elif tensor.HasField("raw_data"):
            raw = tensor.raw_data
        else:
            values = np.array(getattr(tensor, field))
            numbers = values.astype(np.dtype(kind).newbyteorder("="), casting="unsafe")
            wrong = values[numbers != values] if kind in {"|u1", "|i1"} else values[:0]
            if wrong.size:
                expected = f"numbers of {np.dtype(kind).name}"
                raise fail(path, expected, str(wrong[0]), codes.DAMAGED_FILE)
            return numbers
        size = np.dtype(kind).itemsize
        if len(raw) % size:
            raise fail(
                path,
                f"raw data in multiples of {size} bytes",
                f"{len(raw)} bytes",
                codes.DAMAGED_FILE,
            )
        return np.frombuffer(raw, kind).astype(np.dtype(kind).newbyteorder("="))

    def _external(self, path: str, tensor: Any, size: int) -> bytes:
        """The bytes of a tensor that lies in another file."""
        words = {entry.key: entry.value for entry in tensor.external_data}
        if self.folder is None:
            raise fail(
                path,
                "data in the model: give the path of the file instead",
                "external data",
                codes.MISSING_ENTRY,
            )
        place = shown(words.get("location", ""))
        folder = Path(os.path.realpath(self.folder))
        try:
            file = Path(os.path.realpath(folder / words.get("location", "")))
            inside = file.is_relative_to(folder) and file.is_file()
        except (OSError, ValueError):
            inside = False
        if not inside:
            raise fail(
                f"{path}: external data",
                "a file in the folder of the model",
                place,
                codes.INVALID_PATH,
            )
        numbers = [words.get("offset", "0"), words.get("length", str(size * prod(tensor.dims)))]
        if not all(text.isascii() and text.isdigit() and len(text) < 19 for text in numbers):
            raise fail(
                f"{path}: external data",
                "offset and length as decimal numbers",
                shown(numbers),
                codes.DAMAGED_FILE,
            )
        offset, length = map(int, numbers)
        end = file.stat().st_size
        if offset + length > end:
            found = f"a file of {end} bytes"
            raise fail(
                f"{path}: external data", f"{length} bytes from {offset}", found, codes.DAMAGED_FILE
            )
        with file.open("rb") as opened:
            opened.seek(offset)
            return opened.read(length)


def open_model(source: str | os.PathLike[str] | Any) -> Model:
    """A model from a path, or one that was given as an `onnx.ModelProto`.

    Raises:
        ExtraError: If the package `onnx` is not installed.
        WeightsError: If the source is neither, or the file holds no model.
        OSError: If the file cannot be read.
    """
    onnx = need("onnx", "onnx")
    if is_a(source, onnx.ModelProto):
        return Model(source, None)
    if not is_path(source):
        raise fail(
            "source", "a path or an onnx.ModelProto", type(source).__name__, codes.WRONG_TYPE
        )
    path, proto = path_of(source, "source"), onnx.ModelProto()
    try:
        proto.ParseFromString(path.read_bytes())
    except need("google.protobuf.message", "onnx").DecodeError as error:
        kind = kind_of(path, ONNX) or f"none ({error})"
        raise fail(str(path), "an ONNX model", kind, codes.FOREIGN_FILE) from None
    if not proto.HasField("graph"):
        kind = kind_of(path, ONNX) or "none (there is no graph in it)"
        raise fail(str(path), "an ONNX model", kind, codes.FOREIGN_FILE)
    return Model(proto, path.parent)
