"""The numbers of Core ML's weights: floats, half floats, and integers of up to eight bits.

In: a message `Weights`, and the shape that its numbers should have. Out: float32. Source: the message
`WeightParams` of NeuralNetwork.proto; that the bits of integers stand in a row, the highest first, is what
coremltools 9.0 writes. It knows no layer.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm.formats.convert import fail, to_float32
from bnns_lstm.formats.stored import Floats

__all__ = ["array_of"]

Array = npt.NDArray[Any]

FIELDS = ("floatValue", "float16Value", "rawValue", "int8RawValue")
MOST_BITS = 8


def array_of(path: str, weights: Any, shape: tuple[int, ...]) -> Floats:
    """The numbers of a message, in row-major order; nothing is allocated by a size that it merely claims.

    Args:
        path: What errors call it.
        weights: A message `Weights`.
        shape: How many numbers there should be: rows first, which scales are for.

    Raises:
        WeightsError: If there are none, more or fewer of them, or in a form that is not known.
    """
    found = [name for name in FIELDS if len(getattr(weights, name))]
    if len(found) != 1:
        code = codes.UNEXPECTED_ENTRY if found else codes.MISSING_ENTRY
        actual = " and ".join(found) or "none"
        raise fail(path, f"{prod(shape)} numbers in one of {', '.join(FIELDS[:3])}", actual, code)
    if found == ["int8RawValue"]:
        expected = (
            "floatValue, float16Value or rawValue, as an LSTM layer is not quantised as it runs"
        )
        raise fail(path, expected, "int8RawValue", codes.UNSUPPORTED_HERE)
    if found == ["rawValue"]:
        return _dequantized(path, weights, shape)
    if weights.quantization.ByteSize():
        expected = f"no quantization beside {found[0]}"
        raise fail(path, expected, "quantization", codes.UNEXPECTED_ENTRY)
    if found == ["floatValue"]:
        _check_size(path, len(weights.floatValue), prod(shape), "numbers")
        return np.fromiter(weights.floatValue, np.float32, prod(shape)).reshape(shape)
    _check_size(path, len(weights.float16Value), 2 * prod(shape), "bytes of float16")
    return to_float32(path, np.frombuffer(weights.float16Value, "<f2")).reshape(shape)


def _dequantized(path: str, weights: Any, shape: tuple[int, ...]) -> Floats:
    """Integers times scale plus bias, or what a table has in their places."""
    quantization = weights.quantization
    bits, kind = quantization.numberOfBits, quantization.WhichOneof("kind")
    if not 1 <= bits <= MOST_BITS:
        raise fail(f"{path}: numberOfBits", f"1 to {MOST_BITS}", str(bits), codes.INVALID_NUMBER)
    _check_size(path, len(weights.rawValue), -(-bits * prod(shape) // 8), f"bytes of {bits} bits")
    if kind == "lookupTableQuantization":
        values = quantization.lookupTableQuantization.floatValue
        _check_size(f"{path}: lookupTableQuantization", len(values), 1 << bits, "numbers")
        table = np.fromiter(values, np.float32, len(values))
        looked_up: Floats = table[_integers(weights.rawValue, bits, prod(shape))].reshape(shape)
        return looked_up
    if kind != "linearQuantization":
        expected = "linearQuantization or lookupTableQuantization"
        raise fail(f"{path}: quantization", expected, "neither", codes.MISSING_ENTRY)
    linear = quantization.linearQuantization
    scale = np.fromiter(linear.scale, np.float64, len(linear.scale))
    bias = np.fromiter(linear.bias, np.float64, len(linear.bias))
    if scale.size not in {1, shape[0]}:
        expected = f"one number, or {shape[0]}: one a row"
        raise fail(f"{path}: scale", expected, f"{scale.size} numbers", codes.SIZE_MISMATCH)
    if bias.size not in {0, scale.size}:
        expected = f"no number, or {scale.size} as of the scale"
        raise fail(f"{path}: bias", expected, f"{bias.size} numbers", codes.SIZE_MISMATCH)
    rows = _integers(weights.rawValue, bits, prod(shape)).reshape(shape[0], -1)
    with np.errstate(all="ignore"):  # scales may be infinite or NaN
        # A product of eight bits and a float32 is exact in f64.
        numbers = rows * scale[:, None] + (bias[:, None] if bias.size else 0.0)
    return to_float32(path, numbers).reshape(shape)


def _integers(raw: bytes, bits: int, count: int) -> Array:
    """Unsigned integers of some bits each, without padding between them, the highest bit first."""
    if bits == MOST_BITS:
        return np.frombuffer(raw, np.uint8)
    single = np.unpackbits(np.frombuffer(raw, np.uint8))[: count * bits].reshape(count, bits)
    padded = np.zeros((count, MOST_BITS), np.uint8)
    padded[:, MOST_BITS - bits :] = single
    return np.packbits(padded, axis=1)[:, 0]


def _check_size(path: str, found: int, wanted: int, what: str) -> None:
    if found != wanted:
        raise fail(path, f"{wanted} {what}", str(found), codes.SIZE_MISMATCH)
