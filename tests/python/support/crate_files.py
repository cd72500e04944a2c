"""LSTMs in files, with what their calls give: written by this package and by the Rust crate, checked by both.

In: the files of `tests/python/data/crate`. `NAME.safetensors` is an LSTM, `NAME.calls.safetensors` the arrays
of its calls: inputs (`x`, `lengths`, initial states and incoming gradients) and results. Those that begin with
`python` are written by this file, those with `rust` by `tests/rust/files`. Results are those of plain code, the
level "fallback", which has the same bits on every machine.

`BNNSLSTM_LEVEL=fallback python tests/python/support/crate_files.py` writes them anew; with `--compute FILE` it
writes what all calls give now.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import numpy.typing as npt
from bnns_lstm.formats.safetensors.content import arrays_of, encode, parse

FOLDER = Path(__file__).resolve().parents[1] / "data" / "crate"
Floats = npt.NDArray[np.float32]
Arrays = dict[str, Floats]

SOFT = bl.Activation(bl.ActivationFunction.SOFTPLUS, 0.5, 1.5)
BELOW = bl.Activation(bl.ActivationFunction.CLAMP, -np.inf, 0.75)

# What each LSTM is, and the steps of its samples (None: all of them).
CASES: dict[str, tuple[dict[str, Any], list[int] | None]] = {
    "python_plain": (
        {"num_layers": 2, "bidirectional": True, "dropout": 0.3, "batch_first": True},
        [2, 5, 0, 4],
    ),
    "python_variant": (
        {
            "num_layers": 2, "dropout": 0.25, "peephole": "diagonal", "cell_clip": 0.4, "gate_clip": 0.7,
            "gate_clip_hidden": False, "coupled": "forget", "direction": "reverse",
            "activations": {"output": "hard_sigmoid", "hidden": SOFT},
        },
        [5, 1, 5, 3],
    ),
    "python_merged": (
        {"bidirectional": True, "merge": "mul", "peephole": "full", "bias": False,
         "activations": {"candidate": BELOW}},
        None,
    ),
    "python_projected": (
        {"num_layers": 2, "bidirectional": True, "dropout": 0.2, "proj_size": 2, "peephole": "diagonal"},
        [4, 0, 5, 2],
    ),
}  # fmt: skip
STEPS, SEED = 5, 12345678901


def calls_of(lstm: bl.LSTM, given: Arrays) -> Arrays:
    """What the calls of a file give, from what they are given."""
    lengths = given["lengths"].astype(np.int64) if "lengths" in given else None
    state = (given["state.h"], given["state.c"])
    y, (h, c) = lstm(given["x"], state, lengths=lengths)
    found = {"y": y, "y.h": h, "y.c": c}
    y, (h, c), tape = lstm.forward(
        given["x"], state, lengths=lengths, training=True, dropout_seed=SEED
    )
    found |= {"train": y, "train.h": h, "train.c": c}
    gradients = lstm.backward(tape, given["dy"], (given["dh"], given["dc"]))
    found |= {"d.x": gradients.input, "d.h": gradients.state.h, "d.c": gradients.state.c}
    return found | {f"d.{name}": array for name, array in gradients.parameters.items()}


def load(name: str) -> bl.LSTM:
    """The LSTM of a file."""
    return bl.LSTM.load(FOLDER / f"{name}.safetensors")


def calls(name: str) -> Arrays:
    """The arrays of its calls."""
    return content(FOLDER / f"{name}.calls.safetensors")[1]


def content(path: Path) -> tuple[dict[str, Any], Arrays]:
    """The metadata and the arrays of a file."""
    metadata, header, data = parse(path.read_bytes())
    return metadata, arrays_of(header, data)


def names() -> list[str]:
    """All LSTMs, of both."""
    found = sorted(
        path.name.removesuffix(".calls.safetensors") for path in FOLDER.glob("*.calls.*")
    )
    assert len(found) == 8
    return found


def write() -> None:
    """Write this package's."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for number, (name, (options, lengths)) in enumerate(CASES.items()):
        lstm = bl.LSTM(3, 5, seed=number, **options)
        lstm.save(FOLDER / f"{name}.safetensors")
        (FOLDER / f"{name}.calls.safetensors").write_bytes(encode(made(lstm, lengths, number), {}))


def made(lstm: bl.LSTM, lengths: list[int] | None, seed: int) -> Arrays:
    """Calls with inputs that are drawn, and what they give."""
    random, config = np.random.default_rng(seed), lstm.config

    def draw(*shape: int) -> Floats:
        return random.standard_normal(shape, np.float32)

    given = {"x": draw(STEPS, 4, 3), "dy": draw(STEPS, 4, config.output_size)}
    if config.batch_first:
        given = {key: np.ascontiguousarray(array.swapaxes(0, 1)) for key, array in given.items()}
    stack = config.num_layers * config.directions
    widths = {
        "state.h": config.outputs,
        "state.c": config.units,
        "dh": config.outputs,
        "dc": config.units,
    }
    given |= {key: draw(stack, 4, width) for key, width in widths.items()}
    if lengths is not None:
        given["lengths"] = np.array(lengths, np.float32)
    return given | calls_of(lstm, given)


def main() -> None:
    """Write the files, or what all calls give."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--compute", type=Path)
    path = parser.parse_args().compute
    assert bl.info()["level"] == "fallback"
    warnings.simplefilter("error")
    if path is None:
        write()
        return
    found = {name: calls_of(load(name), calls(name)) for name in names()}
    everything: dict[str, Any] = {
        f"{name}/{key}": array for name, arrays in found.items() for key, array in arrays.items()
    }
    np.savez(path, **everything)


if __name__ == "__main__":
    main()
