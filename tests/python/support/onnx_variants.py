"""Cases of variants that ONNX Runtime computed, in `tests/python/data/onnx_variants`.

`python tests/python/support/onnx_variants.py` writes them again, if ONNX Runtime and the reference agree.
That needs `onnxruntime` and `onnx`; reading the cases does not.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
from build import assert_close, load_golden, random_layer, with_extensions
from reference import Array, Layer, forward

FOLDER = Path(__file__).parents[1] / "data" / "onnx_variants"
# How far ONNX Runtime, which computes in f32, may be from the reference.
AGREEMENT = 1e-6
LIMIT = 0.3


@dataclass(frozen=True)
class Case:
    """A layer by what it has beyond the plain one.

    Attributes:
        attributes: Those of the node.
        peephole: Whether the gates see the cell state, unit by unit.
        lengths: Whether samples end at different steps.
        directions: 1 or 2.
        functions: ONNX' names of those of gates, candidate and hidden state.
    """

    attributes: dict[str, Any] = field(default_factory=dict)
    peephole: bool = False
    lengths: bool = False
    directions: int = 1
    functions: tuple[str, str, str] = ("Sigmoid", "Tanh", "Tanh")


COUPLED, REVERSE, CLIP = {"input_forget": 1}, {"direction": "reverse"}, {"clip": LIMIT}
ALL = {**COUPLED, **REVERSE, **CLIP}
SHARP = ("HardSigmoid", "Softsign", "Elu")
CASES = {
    "coupled": Case(COUPLED),
    "coupled_both": Case(COUPLED, peephole=True, lengths=True, directions=2),
    "coupled_peephole": Case(COUPLED, peephole=True, lengths=True),
    "reverse": Case(REVERSE),
    "reverse_peephole": Case(REVERSE, peephole=True, lengths=True),
    "clip": Case(CLIP),
    "clip_both": Case(CLIP, peephole=True, lengths=True, directions=2),
    "clip_functions": Case(CLIP, peephole=True, functions=SHARP),
    "clip_peephole": Case(CLIP, peephole=True, lengths=True),
    "all": Case(ALL),
    "all_functions": Case(ALL, peephole=True, lengths=True, functions=SHARP),
    "all_peephole": Case(ALL, peephole=True, lengths=True),
}


def load(name: str) -> tuple[Layer, dict[str, Array], dict[str, Any]]:
    """A case: its layer, everything in its file, and what the file says of it."""
    layer, arrays = load_golden(name, FOLDER)
    with np.load(FOLDER / f"{name}.npz") as file:
        return layer, arrays, json.loads(str(file["meta"]))


def _made(name: str) -> None:
    """Write a case."""
    oracle, runtime = (importlib.import_module(one) for one in ("onnx_oracle", "onnxruntime"))
    case = CASES[name]
    layer = random_layer(
        list(CASES).index(name), num_layers=1, directions=case.directions, any_activation=False, bias=True,
        peephole="diagonal" if case.peephole else None, h0=True, c0=True, lengths=False, batch=5, seq_len=6,
        input_size=3, hidden_size=19,
    )  # fmt: skip
    layer.arrays.pop("candidate.cw", None)
    # Many cell states are beyond the limit, and many are not.
    layer.arrays["c0"] *= np.float32(2)
    if case.lengths:
        layer.arrays["batch_sizes"] = np.array([5, 4, 4, 2, 1, 1], np.uint32)
    gates, candidate, hidden = (oracle.ACTIVATIONS[one][0] for one in case.functions)
    layer.activations.update(dict.fromkeys(("input", "forget", "output"), gates))
    layer.activations.update(candidate=candidate, hidden=hidden)
    outputs = oracle.onnx_layer(layer, case.functions, case.attributes)
    more = {
        "gate_clip": case.attributes.get("clip"),
        "gate_clip_hidden": "clip" not in case.attributes,
        "coupled": "forget" if "input_forget" in case.attributes else None,
        "reverse": "direction" in case.attributes,
    }
    layer = with_extensions(layer, bl.LSTMExtensions(**more))
    for found, wanted in zip(outputs, forward(layer), strict=True):
        assert_close(found, wanted, AGREEMENT, name)
    functions = {
        gate: [one.function.name, one.alpha, one.beta] for gate, one in layer.activations.items()
    }
    meta = {"activations": functions, "extensions": more, "case": asdict(case)}
    meta["versions"] = {"onnxruntime": runtime.__version__, "numpy": np.__version__}
    arrays = {**layer.arrays, **dict(zip(("y", "hn", "cn"), outputs, strict=True))}
    np.savez_compressed(FOLDER / f"{name}.npz", meta=np.array(json.dumps(meta)), **arrays)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for one in CASES:
        _made(one)
