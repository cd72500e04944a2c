"""ONNX models with small changes: of bytes, and of messages, fields and names in them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import onnx
import onnx_tools
from bnns_lstm.formats import StoredLSTM, read_onnx
from formats_tools import random_stored
from mutated_messages import change, messages_of
from mutated_values import mutated_bytes

TESTS = Path(__file__).parents[2]
TEXTS = (
    "", "x", "y", "W", "LSTM", "GRU", "Reshape", "Transpose", "Squeeze", "Concat", "Shape", "Slice", "Gather",
    "Cast", "If", "Loop", "Constant", "ConstantOfShape", "Expand", "Identity", "Dropout", "reverse",
    "bidirectional", "com.x", "com.microsoft", "\0", "\x1b[31m", "a" * 3000, "Tanh", "Affine",
)  # fmt: skip
NAMES = (None, None, None, "one", "y", "low", ["low", "high"], ["one"], "none", [])


@cache
def seeds() -> list[bytes]:
    """One node, stacks, constants of several kinds, and what exporters wrote."""
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
    ]  # fmt: skip
    files = sorted(TESTS.rglob("*.onnx"))
    return [one.SerializeToString() for one in made] + [path.read_bytes() for path in files]


def case(seed: bytes, random: Random) -> tuple[bytes, Callable[[Path], StoredLSTM]]:
    """A changed model, and how it is read."""
    node = random.choice(NAMES)
    content = mutated_bytes(seed, random) if random.randrange(3) == 0 else _changed(seed, random)
    return content, lambda path: read_onnx(path, node)


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
