"""All weights of a model as one vector, the arrays within it by name, and the structure they make.

The optimiser sees the vector, the LSTM the arrays; they share their memory. Names and shapes are those of
the embedded model and of saved ones: one input, one layer, diagonal peepholes on three gates, a linear head.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

import bnns_lstm as bl

__all__ = ["initial", "layer", "shapes", "views"]

Floats = npt.NDArray[np.float32]

GATES = ("input", "forget", "candidate", "output")
# The gates that see the cell state: Gers and Schmidhuber, "Recurrent nets that time and count" (2000).
PEEPHOLES = ("input", "forget", "output")


def shapes(hidden: int) -> dict[str, tuple[int, ...]]:
    """The shape of every array by name, in the vector's order."""
    table: dict[str, tuple[int, ...]] = {}
    for gate in GATES:
        table[f"{gate}.iw0"] = (1, 1, hidden, 1)
        table[f"{gate}.hw"] = (1, 1, hidden, hidden)
        table[f"{gate}.b"] = (1, 1, hidden)
        if gate in PEEPHOLES:
            table[f"{gate}.cw"] = (1, 1, hidden)
    table["head_weight"] = (hidden,)
    table["head_bias"] = (1,)
    return table


def views(vector: Floats, hidden: int) -> dict[str, Floats]:
    """The arrays within a vector, by name; nothing is copied."""
    arrays: dict[str, Floats] = {}
    start = 0
    for name, shape in shapes(hidden).items():
        end = start + math.prod(shape)
        arrays[name] = vector[start:end].reshape(shape)
        start = end
    return arrays


def initial(hidden: int, random: np.random.Generator) -> Floats:
    """A vector of weights to start from.

    The gates' matrices are uniform within 1 / sqrt(hidden), the forget gate's bias is 1, so that the cell
    remembers before it has learnt what to forget. All else is 0, the head as well: the first predictions
    are then the mean, and the head never has to unlearn a random one.
    """
    vector = np.zeros(sum(map(math.prod, shapes(hidden).values())), np.float32)
    limit = 1 / math.sqrt(hidden)
    for name, array in views(vector, hidden).items():
        if name.endswith((".iw0", ".hw")):
            array[...] = random.uniform(-limit, limit, array.shape)
        elif name == "forget.b":
            array[...] = 1
    return vector


def layer(
    arrays: dict[str, Floats],
    steps: int,
    *,
    inputs: bl.LSTMDataDescriptor | None = None,
    outputs: bl.LSTMDataDescriptor,
) -> bl.LayerParametersLSTM:
    """The structure of one call over one sequence: arrays by name, of weights or of their gradients."""
    gates = {
        gate: bl.LSTMGateDescriptor(
            iw_desc=arrays[f"{gate}.iw0"],
            hw_desc=arrays[f"{gate}.hw"],
            cw_desc=arrays.get(f"{gate}.cw"),
            b_desc=arrays[f"{gate}.b"],
        )
        for gate in GATES
    }
    return bl.LayerParametersLSTM(
        input_size=1,
        hidden_size=arrays["head_weight"].size,
        batch_size=1,
        num_layers=1,
        seq_len=steps,
        lstm_flags=bl.LayerFlags.LSTM_DEFAULT_ACTIVATIONS,
        input_descriptor=inputs or bl.LSTMDataDescriptor(),
        output_descriptor=outputs,
        input_gate=gates["input"],
        forget_gate=gates["forget"],
        candidate_gate=gates["candidate"],
        output_gate=gates["output"],
    )
