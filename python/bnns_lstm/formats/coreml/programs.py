"""The functions of an ML program as networks of operators.

In: a message `Program`, and the folder that its file lies in. Out: a :class:`Network` for each function and
for each block in one. Source: MIL.proto, and coremltools' descriptions of operators. What an LSTM holds is not
known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bnns_lstm.formats.coreml.steps import Move, Network, Step
from bnns_lstm.formats.coreml.values import Values

__all__ = ["networks_of"]

# What an operator `lstm` reads and gives.
AXES = ("steps", "batch", "values")
MAIN = "main"
# Operators that give what they read, but for axes, and the input that says which ones.
MOVES = {
    "expand_dims": ("expand", "axes"),
    "squeeze": ("squeeze", "axes"),
    "transpose": ("transpose", "perm"),
}
FLOATS = {"fp16", "fp32"}


def networks_of(folder: Path, program: Any, prefix: str) -> list[Network]:
    """The networks of a program, those in blocks after the ones that they are in.

    Args:
        folder: Where files with weights are looked for.
        program: The message.
        prefix: What stands before all names.
    """
    functions = {entry.key: entry.value for entry in program.functions}
    found: list[Network] = []
    for name, function in functions.items():
        blocks = {entry.key: entry.value for entry in function.block_specializations}
        block = blocks.get(function.opset, next(iter(blocks.values()), None))
        own = prefix if name == MAIN or len(functions) == 1 else f"{prefix}{name}/"
        if block is not None:
            _collect(block, own, Values(folder), found)
    return found


def _collect(block: Any, prefix: str, values: Values, found: list[Network]) -> None:
    values.know(block)
    network = Network(prefix, [_step(one, values) for one in block.operations], AXES, values)
    found.append(network)
    for number, operation in enumerate(block.operations):
        for inner in operation.blocks:
            _collect(inner, f"{network.name(number)}/", values, found)


def _step(operation: Any, values: Values) -> Step:
    """An operator."""
    kind = operation.type
    outputs = [one.name for one in operation.outputs]
    name = values.text(values.attribute(operation, "name")) or (outputs[0] if outputs else "")
    is_lstm = kind == "lstm"
    gives_all = is_lstm and values.flag(values.argument(operation, "output_sequence")) is True
    return Step(
        name, kind, list(_inputs(operation, values)), outputs, set(_made_by(operation)), operation,
        _move(operation, values), is_lstm, gives_all,
    )  # fmt: skip


def _inputs(operation: Any, values: Values) -> Iterator[str]:
    """The values that an operator reads and that are no constants, those of an LSTM in their order."""
    arguments = {entry.key: list(entry.value.arguments) for entry in operation.inputs}
    first = [name for name in ("x", "initial_h", "initial_c") if name in arguments]
    for name in (*first, *sorted(arguments.keys() - set(first))):
        for binding in arguments[name]:
            is_name = binding.WhichOneof("kind") == "name"
            if is_name and (binding.name not in values.constants or name == "x"):
                yield binding.name


def _move(operation: Any, values: Values) -> Move | None:
    """What an operator does to axes, if that is all that it does."""
    kind = operation.type
    if kind == "identity":
        return Move("identity")
    if kind == "cast":
        is_float = values.text(values.argument(operation, "dtype")) in FLOATS
        return Move("identity") if is_float else None
    if kind not in MOVES:
        return None
    move, name = MOVES[kind]
    axes = values.argument(operation, name)
    if axes is None and kind == "squeeze":
        return Move(move, None)
    numbers = values.integers(axes)
    return None if numbers is None else Move(move, numbers)


def _made_by(operation: Any) -> Iterator[str]:
    """The values that an operator makes, those within its blocks too."""
    yield from (one.name for one in operation.outputs)
    for block in operation.blocks:
        for inner in block.operations:
            yield from _made_by(inner)
