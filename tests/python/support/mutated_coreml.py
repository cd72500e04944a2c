"""Core ML models with small changes: of bytes, and of messages, fields and names in them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from bnns_lstm.formats import read_coreml, read_coreml_stack
from bnns_lstm.formats.coreml.schema import model_class
from coreml_tools import DATA, message
from mutated_messages import change, messages_of
from mutated_values import mutated_bytes

TEXTS = (
    "", "x", "y", "y0", "y1", "h", "c", "lstm", "lstm0", "lstm1", "between", "dense", "model0", "a/b", "/",
    "\0", "\x1b[31m", "a" * 3000, "\u2028",
)  # fmt: skip
NAMES = (
    None, None, None, "lstm", "lstm0", "lstm1", ["lstm0", "lstm1"], ["lstm"], ["lstm1", "lstm0"], "none", [],
    "model0/lstm",
)  # fmt: skip


@cache
def seeds() -> list[bytes]:
    """What coremltools wrote, and a pipeline and a loop of it."""
    found = [path.read_bytes() for path in sorted(DATA.glob("*.mlmodel"))]
    first, stack = message("pair"), message("stack")
    around = model_class()(specificationVersion=4)
    around.pipeline.models.extend([first, stack])
    around.pipeline.names.append("low")
    loop = stack.neuralNetwork.layers.add(name="loop", input=["x"], output=["z"])
    loop.loop.bodyNetwork.CopyFrom(first.neuralNetwork)
    return [*found, around.SerializeToString(), stack.SerializeToString()]


@cache
def programs() -> list[tuple[bytes, bytes]]:
    """ML programs, and their files with weights."""
    found = []
    for path in sorted(DATA.glob("program*.mlpackage")):
        folder = path / "Data" / "com.apple.CoreML"
        weights = (folder / "weights" / "weight.bin").read_bytes()
        found.append(((folder / "model.mlmodel").read_bytes(), weights))
    return found


def case(seed: bytes, random: Random) -> tuple[bytes, Callable[[Path], Any]]:
    """A changed model, and how it is read."""
    name, read = random.choice(NAMES), random.choice((read_coreml, read_coreml_stack))
    content = mutated_bytes(seed, random) if random.randrange(3) == 0 else _changed(seed, random)
    return content, lambda path: read(path, name)


def program_case(seed: tuple[bytes, bytes], random: Random) -> tuple[bytes, Callable[[Path], Any]]:
    """A changed ML program or file with weights, and how it is read."""
    model, weights = seed
    if random.randrange(3) == 0:
        weights = mutated_bytes(weights, random)
        made, name, read = model, None, read_coreml
    else:
        made, _ = case(model, random)
        name, read = (
            random.choice((None, "lstm", "lstm1")),
            random.choice((read_coreml, read_coreml_stack)),
        )

    def act(path: Path) -> Any:
        folder = path.parent / "weights"
        folder.mkdir(exist_ok=True)
        (folder / "weight.bin").write_bytes(weights)
        return read(path, name)

    return made, act


def _changed(seed: bytes, random: Random) -> bytes:
    """A model in which one to four fields are others."""
    model = model_class().FromString(seed)
    for _ in range(random.choice((1, 1, 2, 4))):
        messages = messages_of(model)
        change(random.choice(messages), messages, random, TEXTS)
    return bytes(model.SerializeToString())
