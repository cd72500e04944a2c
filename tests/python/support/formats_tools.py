"""What the tests of formats share: random networks in the neutral form, and what they compute in f64."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bnns_lstm as bl
import numpy as np
from bnns_lstm.formats import StoredLSTM
from bnns_lstm.formats.activations import default_activations
from bnns_lstm.formats.stored import shapes
from reference import GATES, Array, Layer, forward

SCALE = 0.4


def random_stored(seed: int = 0, **fixed: Any) -> StoredLSTM:
    """A network of random weights; `fixed` overrides its fields, `state=True` gives it states of batch 3."""
    random = np.random.default_rng(seed)
    fields: dict[str, Any] = {
        "input_size": 3, "hidden_size": 4, "num_layers": 1, "bidirectional": False, "bias": True,
        "batch_first": False, "dropout": 0.0, "peephole": None, "activations": None, **fixed,
    }  # fmt: skip
    sizes = [fields[name] for name in ("input_size", "hidden_size", "num_layers")]
    kind = {name: fields[name] for name in ("bidirectional", "bias", "peephole")}
    kind |= {"coupled": fields.get("coupled"), "proj_size": fields.get("proj_size", 0)}
    arrays = {
        name: random.normal(0, SCALE, shape).astype(np.float32)
        for name, shape in shapes(*sizes, **kind).items()
    }
    state = None
    if fields.pop("state", False):
        rows = fields["num_layers"] * (1 + fields["bidirectional"])
        drawn = random.normal(0, 1, (2, rows, 3, fields["hidden_size"])).astype(np.float32)
        outputs = fields.get("proj_size") or fields["hidden_size"]
        state = (drawn[0, ..., :outputs], drawn[1])
    return StoredLSTM(**fields, parameters=arrays, state=state)


def computed(
    stored: StoredLSTM, x: Array, h0: Array | None = None, c0: Array | None = None
) -> tuple[Array, Array, Array]:
    """Output [S, N, D*P] and final states [L*D, N, P] and [L*D, N, H] in f64.

    `x` is [S, N, I] whatever `batch_first` says; P is H without a projection.
    """
    y, hn, cn = forward(layer_of(stored, x, h0, c0))
    stack = stored.num_layers * stored.directions
    return y, *(last.reshape(stack, *last.shape[2:]) for last in (hn, cn))


def layer_of(
    stored: StoredLSTM, x: Array, h0: Array | None = None, c0: Array | None = None
) -> Layer:
    """The reference's layer for a call with these arrays."""
    layers, directions, hidden = stored.num_layers, stored.directions, stored.hidden_size
    arrays: dict[str, Array] = {"x": x}
    states = stored.state or (None, None)
    for name, given, carried in (("h0", h0, states[0]), ("c0", c0, states[1])):
        value = carried if given is None else given
        if value is not None:
            arrays[name] = value.reshape(layers, directions, *value.shape[1:])
    suffixes = ("", "_reverse")[:directions]
    gates = [gate for gate in GATES if gate != stored.coupled]
    kinds = {"iw": "weight_ih", "hw": "weight_hh"}
    kinds |= {"b": "bias"} if stored.bias else {}
    kinds |= {"cw": "weight_ch"} if stored.peephole else {}
    for field, kind in kinds.items():
        for number, gate in enumerate(gates):
            parts = [
                [block(stored, kind, layer, suffix)[number] for suffix in suffixes]
                for layer in range(layers)
            ]
            if field == "iw":
                arrays[f"{gate}.iw0"] = np.array(parts[:1])
                if layers > 1:
                    arrays[f"{gate}.iw1"] = np.array(parts[1:])
            else:
                arrays[f"{gate}.{field}"] = np.array(parts)
    if stored.proj_size:
        arrays["projection"] = np.array(
            [
                [stored.parameters[f"weight_hr_l{layer}{suffix}"] for suffix in suffixes]
                for layer in range(layers)
            ]
        )
    activations: Mapping[str, bl.Activation] = stored.activations or default_activations()
    more = bl.LSTMExtensions(
        cell_clip=stored.cell_clip,
        gate_clip=stored.gate_clip,
        gate_clip_hidden=stored.gate_clip_hidden,
        coupled=stored.coupled,
        reverse=stored.direction == "reverse",
    )
    return Layer(arrays, dict(activations), hidden, layers, directions, more)


def block(stored: StoredLSTM, kind: str, layer: int, suffix: str) -> list[Array]:
    """The gates' parts of a parameter; the two biases added."""
    arrays = stored.parameters
    place = f"l{layer}{suffix}"
    if kind == "bias":
        found = arrays[f"bias_ih_{place}"].astype(np.float64) + arrays[f"bias_hh_{place}"]
    else:
        found = arrays[f"{kind}_{place}"]
    return np.split(found, 3 if stored.coupled else 4)


def assert_same(found: StoredLSTM, wanted: StoredLSTM, *, but: tuple[str, ...] = ()) -> None:
    """Compare two networks, every field bit for bit, but those named."""
    for name in StoredLSTM.__dataclass_fields__:
        if name in {*but, "parameters", "state"}:
            continue
        assert getattr(found, name) == getattr(wanted, name), name
    if "parameters" in but:
        return
    assert list(found.parameters) == list(wanted.parameters)
    for name, array in wanted.parameters.items():
        np.testing.assert_array_equal(found.parameters[name], array, name)
    if "state" not in but:
        assert (found.state is None) == (wanted.state is None)
        for one, other in zip(found.state or (), wanted.state or (), strict=True):
            np.testing.assert_array_equal(one, other)


def x_of(stored: StoredLSTM, steps: int = 5, batch: int = 3) -> Array:
    """Random input [S, N, I]."""
    random = np.random.default_rng(9)
    return random.normal(0, 1, (steps, batch, stored.input_size)).astype(np.float32)
