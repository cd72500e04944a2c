"""ONNX models with small changes: of bytes, and of messages, fields and names in them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import onnx_tools
from bnns_lstm.formats import StoredLSTM, read_onnx
from formats_tools import random_stored
from mutated_messages import change, messages_of
from mutated_values import ODD, mutated_bytes
from onnx import TensorProto, helper

TESTS = Path(__file__).parents[2]
TEXTS = (
    "", "x", "y", "W", "LSTM", "GRU", "Reshape", "Transpose", "Squeeze", "Concat", "Shape", "Slice", "Gather",
    "Cast", "If", "Loop", "Constant", "ConstantOfShape", "Expand", "Identity", "Dropout", "reverse",
    "bidirectional", "com.x", "com.microsoft", "\0", "\x1b[31m", "a" * 3000, "Tanh", "Affine",
)  # fmt: skip
ODD_NAMES = (None, 7, b"x")
NAMES = (None, None, None, "one", "y", "low", ["low", "high"], ["one"], "none", [])


@cache
def seeds() -> list[bytes]:
    """One node, stacks, constants of several kinds, weights as inputs, and what exporters wrote."""
    stacked = random_stored(2, num_layers=2)
    way = (
        [
            onnx_tools.make("Transpose", "y", "a", perm=[0, 2, 1, 3]),
            onnx_tools.make("Reshape", "a shape", "z"),
        ],
        {"shape": onnx_tools.ints(0, 0, -1)},
    )
    made = [
        onnx_tools.one_node(random_stored(state=True)),
        onnx_tools.one_node(
            random_stored(bidirectional=True), activations=["LeakyRelu", "Affine", "Elu"] * 2,
            activation_alpha=[0.5, 2.0, 1.0] * 2, activation_beta=[1.0, 1.0],
        ),
        onnx_tools.stack(stacked, way),
        onnx_tools.stack(
            stacked, ([onnx_tools.make("Squeeze", "y axes", "z")], {"axes": onnx_tools.ints(1)})
        ),
        *(
            onnx_tools.of_inputs(random_stored(**kind), number)[0]
            for kind in ({}, {"bias": False}, {"state": True, "bidirectional": True}, {"peephole": "diagonal"})
            for number in (TensorProto.FLOAT, TensorProto.DOUBLE)
        ),
    ]  # fmt: skip
    files = sorted(TESTS.rglob("*.onnx"))
    return [one.SerializeToString() for one in made] + [path.read_bytes() for path in files]


def case(seed: bytes, random: Random) -> tuple[bytes, Callable[[Path], StoredLSTM]]:
    """A changed model, and how it is read: by the name of a node, with values for inputs, or as it is."""
    node, inputs = random.choice(NAMES), _inputs(seed, random)
    content = mutated_bytes(seed, random) if random.randrange(3) == 0 else _changed(seed, random)
    return content, lambda path: read_onnx(path, node, inputs=inputs)


def _inputs(seed: bytes, random: Random) -> Any:
    """Values for inputs that nodes of the unchanged model read as weights or states, often all right."""
    if random.randrange(16) == 0:
        return random.choice(ODD)
    model = onnx.ModelProto()
    model.ParseFromString(seed)
    read = {name for node in model.graph.node if node.op_type == "LSTM" for name in node.input[1:]}
    found: dict[Any, Any] = {
        value.name: _given(value.type.tensor_type, random)
        for value in model.graph.input
        if value.name in read
    }
    if not found or random.randrange(4) == 0:
        return None
    if random.randrange(4) == 0:
        found[random.choice((*found, *TEXTS, *ODD_NAMES))] = random.choice((*ODD, *found.values()))
    if random.randrange(4) == 0:
        del found[random.choice(list(found))]
    return found


def _given(declared: Any, random: Random) -> Any:
    """An array as an input declares it, or nearly so."""
    sizes = [dim.dim_value or random.randrange(1, 4) for dim in declared.shape.dim]
    if sizes and random.randrange(20) == 0:
        sizes[random.randrange(len(sizes))] = random.randrange(6)
    kind = helper.tensor_dtype_to_np_dtype(declared.elem_type or TensorProto.FLOAT)
    value = np.full(sizes, random.choice((0, 1, 1, 2)), kind)
    return (
        value.astype(random.choice((np.float16, np.int64))) if random.randrange(20) == 0 else value
    )


def _changed(seed: bytes, random: Random) -> bytes:
    """A model in which one to four fields are others."""
    model = onnx.ModelProto()
    model.ParseFromString(seed)
    for _ in range(random.choice((1, 1, 2, 4))):
        messages = messages_of(model)
        message = random.choice(messages)
        if message.DESCRIPTOR.name == "ModelProto" and random.random() < 0.9:
            message = message.graph
        change(message, messages, random, TEXTS)
    return bytes(model.SerializeToString())
