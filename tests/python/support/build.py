"""From arrays to the structure, and back: golden cases, random layers, one call."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
from hypothesis import reject
from reference import GATES, Array, Layer, forward

GOLDEN = Path(__file__).parents[2] / "golden"
DEFAULT = {
    "input": bl.Activation.sigmoid(),
    "forget": bl.Activation.sigmoid(),
    "candidate": bl.Activation.tanh(),
    "output": bl.Activation.sigmoid(),
    "hidden": bl.Activation.tanh(),
}
# Every element-wise activation, with parameters under which values stay moderate.
ELEMENTWISE = [
    bl.Activation.identity(), bl.Activation.relu(), bl.Activation.leaky_rectified_linear(0.2),
    bl.Activation.sigmoid(), bl.Activation.tanh(), bl.Activation.scaled_tanh(0.8, 0.7),
    bl.Activation.abs(), bl.Activation.linear(0.6), bl.Activation.clamp(-0.4, 0.7),
    bl.Activation.gelu_approximation(), bl.Activation.hard_sigmoid(), bl.Activation.softplus(),
    bl.Activation.softsign(), bl.Activation.elu(0.9),
    bl.Activation.clamped_leaky_rectified_linear(0.3, 0.5), bl.Activation.linear_with_bias(0.5, 0.1),
    bl.Activation.log_sigmoid(), bl.Activation.selu(), bl.Activation.celu(0.8),
    bl.Activation.hard_shrink(0.1), bl.Activation.soft_shrink(0.1), bl.Activation.tanh_shrink(),
    bl.Activation.threshold(-0.2, -0.1), bl.Activation.hard_swish(), bl.Activation.silu(),
]  # fmt: skip

# States beyond this have multiplied the rounding errors of f32 too often to compare.
LARGEST = 100


# Arrays of a golden case's layer that belong to no gate.
UNDOTTED = {"x", "h0", "c0", "batch_sizes", "projection"}


def golden_names() -> list[str]:
    return sorted(path.stem for path in GOLDEN.glob("*.npz"))


def load_golden(name: str) -> tuple[Layer, dict[str, Array]]:
    """A golden case: its layer, and everything in its file."""
    with np.load(GOLDEN / f"{name}.npz") as file:
        arrays = dict(file)
    meta = json.loads(str(arrays.pop("meta")))
    activations = {
        gate: bl.Activation(bl.ActivationFunction[_member(name)], alpha, beta)
        for gate, (name, alpha, beta) in meta["activations"].items()
    }
    inputs = {
        name: value
        for name, value in arrays.items()
        if not name.startswith("grad.") and ("." in name or name in UNDOTTED)
    }
    layers, directions, _, hidden = arrays["cn"].shape
    return Layer(inputs, activations, hidden, layers, directions), arrays


def _member(name: str) -> str:
    return name if name in bl.ActivationFunction.__members__ else name.upper()


def random_layer(seed: int, **fixed: Any) -> Layer:
    """A layer with anything in it, always the same from one seed; `fixed` overrides what is drawn."""
    random = np.random.default_rng(seed)

    def draw(name: str, *choices: Any) -> Any:
        choice = choices[random.integers(len(choices))]
        return fixed.get(name, choice)

    n, s = draw("batch", 1, 2, 3, 7), draw("seq_len", 1, 2, 5, 6)
    i, h = draw("input_size", 1, 2, 3, 9, 17), draw("hidden_size", 1, 2, 5, 8, 19)
    layers, directions = draw("num_layers", 1, 1, 2, 3), draw("directions", 1, 2)

    def array(*shape: int, scale: float = 1.0) -> Array:
        return random.uniform(-scale, scale, shape).astype(np.float32)

    arrays = {"x": array(s, n, i)}
    for state in ("h0", "c0"):
        if draw(state, True, False):
            arrays[state] = array(layers, directions, n, h)
    if draw("lengths", True, False):
        drawn = np.sort(random.integers(0, n + 1, s))[::-1].astype(np.uint32)
        drawn[0] = max(drawn[0], 1)
        arrays["batch_sizes"] = drawn
    for gate in GATES:
        arrays[f"{gate}.iw0"] = array(1, directions, h, i, scale=i**-0.5)
        if layers > 1:
            shape = (layers - 1, directions, h, directions * h)
            arrays[f"{gate}.iw1"] = array(*shape, scale=(directions * h) ** -0.5)
        arrays[f"{gate}.hw"] = array(layers, directions, h, h, scale=h**-0.5)
        peephole = draw("peephole", None, None, "diagonal", "full")
        if peephole == "full":
            arrays[f"{gate}.cw"] = array(layers, directions, h, h, scale=h**-0.5)
        elif peephole == "diagonal":
            arrays[f"{gate}.cw"] = array(layers, directions, h, scale=0.5)
        if draw("bias", True, True, False):
            arrays[f"{gate}.b"] = array(layers, directions, h, scale=0.5)
    activations = {gate: replace(activation) for gate, activation in DEFAULT.items()}
    if draw("any_activation", True, False):
        for gate in activations:
            activations[gate] = replace(ELEMENTWISE[random.integers(len(ELEMENTWISE))])
    return Layer(arrays, activations, h, layers, directions)


def with_extensions(layer: Layer, extensions: bl.LSTMExtensions) -> Layer:
    """The same layer with extensions; a gate that another one gives loses what it has."""
    gate = extensions.coupled
    arrays = {name: value for name, value in layer.arrays.items() if name.split(".")[0] != gate}
    activations = {name: value for name, value in layer.activations.items() if name != gate}
    return replace(layer, arrays=arrays, activations=activations, extensions=extensions)


def with_projection(layer: Layer, size: int | None, seed: int = 0) -> Layer:
    """The same layer with hidden states of so many values, at most those it has; None for the layer itself."""
    if size is None:
        return layer
    layers, directions, hidden = layer.num_layers, layer.directions, layer.hidden_size
    size = min(size, hidden)
    widths = {"hw": size, "iw1": directions * size, "h0": size}
    arrays = {
        name: np.ascontiguousarray(array[..., : widths.get(name.split(".")[-1])])
        for name, array in layer.arrays.items()
    }
    scale, random = hidden**-0.5, np.random.default_rng(seed)
    projection = random.uniform(-scale, scale, (layers, directions, size, hidden))
    return replace(layer, arrays=arrays | {"projection": projection.astype(np.float32)})


def extensions_of(layer: Layer, projection: Any) -> bl.LSTMExtensions | None:
    """What the structure of a layer has beyond BNNS, the projection here; None for nothing."""
    if "projection" in layer.arrays:
        return replace(layer.extensions, projection_size=layer.outputs, projection_desc=projection)
    return None if layer.extensions == bl.LSTMExtensions() else layer.extensions


def parameters(layer: Layer, **outputs: Any) -> bl.LayerParametersLSTM:
    """The structure of a layer, with these output arrays (`data_desc`, `hidden_desc`, ...)."""
    arrays = layer.arrays

    def gate(name: str) -> bl.LSTMGateDescriptor:
        return bl.LSTMGateDescriptor(
            iw_desc=(arrays.get(f"{name}.iw0"), arrays.get(f"{name}.iw1")),
            hw_desc=arrays.get(f"{name}.hw"),
            cw_desc=arrays.get(f"{name}.cw"),
            b_desc=arrays.get(f"{name}.b"),
            activation=layer.activations.get(name),
        )

    return bl.LayerParametersLSTM(
        input_size=arrays["x"].shape[2],
        hidden_size=layer.hidden_size,
        batch_size=layer.batch,
        num_layers=layer.num_layers,
        seq_len=layer.seq_len,
        lstm_flags=bl.LayerFlags.LSTM_BIDIRECTIONAL if layer.directions == 2 else 0,
        sequence_descriptor=arrays.get("batch_sizes"),
        input_descriptor=bl.LSTMDataDescriptor(arrays["x"], arrays.get("h0"), arrays.get("c0")),
        output_descriptor=bl.LSTMDataDescriptor(**outputs),
        input_gate=gate("input"),
        forget_gate=gate("forget"),
        candidate_gate=gate("candidate"),
        output_gate=gate("output"),
        hidden_activation=layer.activations["hidden"],
        extensions=extensions_of(layer, arrays.get("projection")),
    )


def outputs_of(layer: Layer) -> dict[str, Array]:
    """Room for all outputs, filled with NaN."""
    shape = (layer.seq_len, layer.batch, layer.directions * layer.outputs)
    nan = np.float32(np.nan)
    return {
        "data_desc": np.full(shape, nan),
        "hidden_desc": np.full(layer.hidden_shape, nan),
        "cell_state_desc": np.full(layer.state_shape, nan),
    }


def run(layer: Layer, n_threads: int = 0) -> tuple[Array, Array, Array]:
    """Output and final states, as the library computes them."""
    outputs = outputs_of(layer)
    params = parameters(layer, **outputs)
    bl.direct_apply_lstm_batch_training_caching(params, bl.FilterParameters(n_threads=n_threads))
    y, hn, cn = outputs.values()
    return y, hn, cn


def forward_or_reject(layer: Layer, mask: Array | None = None) -> tuple[Array, Array, Array]:
    """What the reference computes; hypothesis drops the example if a state is beyond `LARGEST`."""
    try:
        return forward(layer, mask, LARGEST)
    except OverflowError:
        reject()


def assert_close(found: Array, wanted: Array, tolerance: float, what: str = "") -> None:
    """Compare relative to max(1, |wanted|)."""
    error = np.abs(found - wanted) / np.maximum(1, np.abs(wanted))
    assert np.all(error <= tolerance), f"{what}: off by {np.max(error)}"
