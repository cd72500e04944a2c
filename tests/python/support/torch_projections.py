"""What PyTorch computes with projections, and the file in `tests/python/data` that holds it.

`python tests/python/support/torch_projections.py` writes it again. That needs `pip install .[dev,oracles]`. The
file was written with PyTorch 2.11.0 and NumPy 2.4.6, as its metadata say.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from reference import Array

FILE = Path(__file__).parents[1] / "data" / "torch_projections.safetensors"
INPUTS, STEPS, BATCH = 3, 5, 3
# The arguments of each LSTM but for the input size; the widest projection that PyTorch takes among them.
CASES: dict[str, dict[str, Any]] = {
    "one layer": {"hidden_size": 4, "proj_size": 2},
    "widest": {"hidden_size": 5, "proj_size": 4, "batch_first": True},
    "one value": {"hidden_size": 4, "proj_size": 1, "bias": False, "num_layers": 2},
    "both directions": {
        "hidden_size": 5, "proj_size": 3, "num_layers": 2, "bidirectional": True,
    },
    "lengths": {"hidden_size": 4, "proj_size": 3, "num_layers": 2, "bidirectional": True},
}  # fmt: skip
LENGTHS = (3, 5, 1)


def case_of(name: str) -> dict[str, Array]:
    """The arrays of a case: `x`, `h0`, `y`, `dy`, …, weights by PyTorch's names, gradients as `grad.x`."""
    found = safetensors.numpy.load_file(FILE)
    start = f"{name}/"
    return {k.removeprefix(start): array for k, array in found.items() if k.startswith(start)}


def made(torch: Any, name: str) -> dict[str, Array]:
    """The arrays of a case, computed in f64 from numbers that float32 holds, and stored as float32."""
    words, random = CASES[name], np.random.default_rng(len(name))
    lstm = torch.nn.LSTM(INPUTS, **words).double()
    layers = words.get("num_layers", 1) * (1 + words.get("bidirectional", False))
    width = words["proj_size"] * (1 + words.get("bidirectional", False))

    def drawn(*shape: int) -> Array:
        return random.uniform(-1, 1, shape).astype(np.float32)

    def sequence(values: int) -> Array:
        rows = (BATCH, STEPS) if words.get("batch_first") else (STEPS, BATCH)
        return drawn(*rows, values)

    given = {"x": sequence(INPUTS), "h0": drawn(layers, BATCH, words["proj_size"])}
    given["c0"] = drawn(layers, BATCH, words["hidden_size"])
    given |= {key: drawn(*value.shape) for key, value in lstm.named_parameters()}
    leaves = {k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in given.items()}
    x, state = leaves["x"], (leaves["h0"], leaves["c0"])
    weights = {key: leaves[key] for key, _ in lstm.named_parameters()}
    if name == "lengths":
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, LENGTHS, enforce_sorted=False)
        y, (hn, cn) = torch.func.functional_call(lstm, weights, (packed, state))
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(y)
    else:
        y, (hn, cn) = torch.func.functional_call(lstm, weights, (x, state))
    incoming = {"dy": sequence(width), "dhn": drawn(*hn.shape), "dcn": drawn(*cn.shape)}
    loss = sum(
        (a * torch.tensor(b)).sum() for a, b in zip((y, hn, cn), incoming.values(), strict=True)
    )
    loss.backward()
    results = {"y": y, "hn": hn, "cn": cn} | {f"grad.{k}": v.grad for k, v in leaves.items()}
    found = {key: value.detach().numpy().astype(np.float32, "C") for key, value in results.items()}
    return given | incoming | found


if __name__ == "__main__":
    pytorch = import_module("torch")
    arrays = {f"{name}/{key}": a for name in CASES for key, a in made(pytorch, name).items()}
    versions = {"PyTorch": pytorch.__version__, "NumPy": np.__version__}
    safetensors.numpy.save_file(arrays, FILE, versions)
