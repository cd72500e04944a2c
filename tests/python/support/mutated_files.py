"""Valid files and state dicts of each format, and how one becomes many that are not.

A case follows from the name of a format and a number alone, so that what is found can be seen again.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import bnns_lstm as bl
import mutated_coreml
import mutated_keras
import mutated_onnx
import mutated_torch
from bnns_lstm.formats import load_lstm, load_stack, read_torch, save_lstm, save_stack
from bnns_lstm.formats.safetensors.content import encode
from formats_tools import random_stored
from mutated_values import mutated_bytes, mutated_tree

Read = Callable[[Path], object]


class Case(NamedTuple):
    """A file, or nothing where there is none, and what reads it."""

    content: bytes | None
    read: Read


class Format(NamedTuple):
    """A kind of source.

    Attributes:
        suffix: How its files end.
        seeds: What is valid.
        case: A changed seed, drawn from a random generator.
    """

    suffix: str
    seeds: Callable[[], Sequence[Any]]
    case: Callable[[Any, Random], Case]


KINDS: tuple[dict[str, Any], ...] = (
    {"state": True},
    {"num_layers": 2, "bidirectional": True, "dropout": 0.25, "batch_first": True},
    {"bias": False, "peephole": "diagonal"},
    {
        "peephole": "full", "hidden_size": 1,
        "activations": {name: bl.Activation.elu(0.5) for name in ("input", "forget", "output")}
        | {"candidate": bl.Activation.tanh(), "hidden": bl.Activation.rectified_linear()},
    },
)  # fmt: skip


@cache
def _safetensors_seeds() -> list[bytes]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, kind in enumerate(KINDS):
            path = Path(folder) / "a.safetensors"
            save_lstm(path, random_stored(number, **kind))
            found.append(path.read_bytes())
    return found


@cache
def _stack_seeds() -> list[bytes]:
    low = random_stored(0, bidirectional=True, merge="sum", state=True)
    middle = random_stored(1, input_size=4, hidden_size=2, num_layers=2, bias=False)
    high = random_stored(2, input_size=2, peephole="full", activations=KINDS[3]["activations"])
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for stack in ([low, middle, high], [middle]):
            path = Path(folder) / "a.safetensors"
            save_stack(path, stack)
            found.append(path.read_bytes())
    return found


def split(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and arrays of a safetensors file."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def joined(header: Any, data: bytes) -> bytes:
    """A safetensors file of a header, which may be anything, and arrays."""
    text = json.dumps(header).encode(errors="replace")
    return len(text).to_bytes(8, "little") + text + data


def mutated_safetensors(seed: bytes, random: Random) -> bytes:
    """Changed bytes, a changed header, a changed configuration in it, or changed arrays."""
    kind = random.randrange(5)
    header, data = split(seed)
    if kind == 0 and isinstance(header.get("__metadata__", {}).get("config"), str):
        config = json.loads(header["__metadata__"]["config"])
        text = json.dumps(mutated_tree(config, random))
        header["__metadata__"]["config"] = (
            text if random.random() < 0.9 else mutated_tree(config, random)
        )
        return joined(header, data)
    if kind == 1:
        return joined(header, mutated_bytes(data, random))
    if kind <= 3:
        return joined(mutated_tree(header, random), data)
    return mutated_bytes(seed, random)


def _safetensors_case(seed: bytes, random: Random) -> Case:
    return Case(
        mutated_safetensors(seed, random), random.choice((load_lstm, load_lstm, read_torch))
    )


def _stack_case(seed: bytes, random: Random) -> Case:
    return Case(mutated_safetensors(seed, random), load_stack)


def _torch_case(seed: dict[str, Any], random: Random) -> Case:
    if random.randrange(4) == 0:
        content = mutated_safetensors(encode(seed, {"format": "pt"}), random)
        return Case(content, read_torch)
    source, prefix = mutated_torch.mutated(seed, random)
    return Case(None, lambda _: read_torch(source, prefix))


FORMATS = {
    "safetensors": Format(".safetensors", _safetensors_seeds, _safetensors_case),
    "stack": Format(".safetensors", _stack_seeds, _stack_case),
    "torch": Format(".safetensors", mutated_torch.seeds, _torch_case),
    "onnx": Format(".onnx", mutated_onnx.seeds, lambda s, r: Case(*mutated_onnx.case(s, r))),
    "coreml": Format(
        ".mlmodel", mutated_coreml.seeds, lambda s, r: Case(*mutated_coreml.case(s, r))
    ),
    "mlprogram": Format(
        ".mlmodel", mutated_coreml.programs, lambda s, r: Case(*mutated_coreml.program_case(s, r))
    ),
    "keras": Format(
        ".keras", mutated_keras.archives, lambda s, r: Case(*mutated_keras.archive_case(s, r))
    ),
    "h5": Format(".h5", mutated_keras.h5_files, lambda s, r: Case(*mutated_keras.h5_case(s, r))),
}


def case_of(name: str, number: int) -> Case:
    """One changed file or state dict."""
    made = FORMATS[name]
    random = Random(f"{name} {number}")
    return made.case(random.choice(made.seeds()), random)
