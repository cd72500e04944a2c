"""The orders in which libraries keep the gates of an LSTM, and the way from one order to another.

The only place that knows them; the gates' names are those of `bnns_lstm.config`. Sources: PyTorch's
documentation of `nn.LSTM`; ONNX's of the operator LSTM (weights `iofc`, peepholes `iof`); Keras'
`LSTMCell.call`, which splits into i, f, c, o; coremltools' of the operator `lstm` of ML programs.
"""

from __future__ import annotations

import numpy as np

from bnns_lstm.config import GATES
from bnns_lstm.typing import Floats

__all__ = ["COREML", "KERAS", "ONNX", "ONNX_PEEPHOLES", "TORCH", "reorder"]

INPUT, FORGET, CANDIDATE, OUTPUT = GATES

TORCH = GATES
"""PyTorch's, and this package's wherever gates stand in one array."""

KERAS = (INPUT, FORGET, CANDIDATE, OUTPUT)
"""Keras', cuDNN's too; its weights are transposed in addition."""

ONNX = (INPUT, OUTPUT, FORGET, CANDIDATE)
"""ONNX' for weights and biases."""

ONNX_PEEPHOLES = (INPUT, OUTPUT, FORGET)
"""ONNX' for peepholes; its candidate gate has none."""


COREML = (INPUT, FORGET, OUTPUT, CANDIDATE)
"""That of Core ML's ML programs; layers of its neural networks have arrays of their own for each gate."""


def reorder(array: Floats, source: tuple[str, ...], target: tuple[str, ...]) -> Floats:
    """Blocks along the first axis in another order; a gate that the source lacks becomes zeros.

    Args:
        array: One block of rows for each gate of `source`.
        source: The gates as they stand.
        target: The gates as they shall stand; those of the source that it lacks are left out.

    Returns:
        A new array in C order with one block for each gate of `target`.
    """
    blocks = dict(zip(source, np.split(array, len(source)), strict=True))
    absent = np.zeros_like(next(iter(blocks.values())))
    return np.ascontiguousarray(np.concatenate([blocks.get(gate, absent) for gate in target]))
