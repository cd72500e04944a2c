"""Which nodes of an ONNX graph are LSTMs, and what they read.

In: a node. Out: its kind, its name, the names of what it reads. It knows no graph and no values.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "DOMAINS",
    "INPUTS",
    "input_count",
    "input_of",
    "is_lstm",
    "is_quantized",
    "label",
]

# What an LSTM node reads, in order, and what a quantised one reads beyond that.
PLAIN_INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
INPUTS = (*PLAIN_INPUTS, "W_scale", "W_zero_point", "R_scale", "R_zero_point")
DOMAINS = {"", "ai.onnx"}


def label(node: Any) -> str:
    """A node's name, or that of its first output if it has none."""
    return node.name or next((name for name in node.output if name), "a node without a name")


def is_quantized(node: Any) -> bool:
    """Whether a node is ONNX Runtime's operator of quantised weights."""
    return bool(node.op_type == "DynamicQuantizeLSTM" and node.domain == "com.microsoft")


def is_lstm(node: Any) -> bool:
    """Whether a node is an LSTM, a quantised one included."""
    return (node.op_type == "LSTM" and node.domain in DOMAINS) or is_quantized(node)


def input_count(node: Any) -> int:
    """How many of :data:`INPUTS` an LSTM node can have."""
    return len(INPUTS if is_quantized(node) else PLAIN_INPUTS)


def input_of(node: Any, name: str) -> str:
    """The value that a node reads as one of :data:`INPUTS`; empty if it has none."""
    place = INPUTS.index(name)
    return str(node.input[place]) if place < len(node.input) else ""
