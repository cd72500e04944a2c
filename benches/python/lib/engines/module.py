"""`bl.LSTM`, as most users call it: streams, batches with lengths, training with a tape."""

from __future__ import annotations

import bnns_lstm as bl
import numpy as np
from cases import Array, Arrays, Way
from rows import Row

DISTRIBUTION = "bnns-lstm"
SUFFIXES = ("", "_reverse")


def ways(row: Row, arrays: Arrays, threads: int) -> list[Way]:
    """See `engines`."""
    lstm = bl.LSTM(
        row.width,
        row.hidden,
        row.layers,
        bidirectional=row.bidirectional,
        peephole="diagonal" if row.kind == "peephole" else None,
        proj_size=row.projection,
        batch_first=row.form == "batch_first",
        num_threads=threads,
    )
    lstm.load_state_dict(state_dict(arrays))
    if row.kind == "step":
        return [step(row, arrays, lstm)]
    return [train(row, arrays, lstm) if row.kind == "train" else forward(row, arrays, lstm)]


def state_dict(arrays: Arrays) -> dict[str, Array]:
    """The weights by PyTorch's names."""
    found = {}
    for layer, directions in enumerate(arrays.weights):
        for weights, suffix in zip(directions, SUFFIXES, strict=False):
            place = f"l{layer}{suffix}"
            found[f"weight_ih_{place}"] = weights.w
            found[f"weight_hh_{place}"] = weights.r
            found[f"bias_ih_{place}"] = weights.b
            found[f"bias_hh_{place}"] = np.zeros_like(weights.b)
            if weights.hr is not None:
                found[f"weight_hr_{place}"] = weights.hr
            if weights.p is not None:
                found[f"weight_ch_{place}"] = weights.p
    return found


def step(row: Row, arrays: Arrays, lstm: bl.LSTM) -> Way:
    """One step of a stream."""
    stream = lstm.stream(row.batch)
    x = arrays.x[0]
    found: dict[str, Array] = {}

    def call() -> None:
        found["y"] = stream.step(x)

    def results() -> dict[str, Array]:
        return {"y": found["y"][np.newaxis], "h": stream.state.h[0], "c": stream.state.c[0]}

    return Way(call, results, "stream")


def forward(row: Row, arrays: Arrays, lstm: bl.LSTM) -> Way:
    """A call, with lengths where samples have some, in the form of the row."""
    found: dict[str, Array] = {}
    lengths = arrays.lengths if row.shortest else None
    is_turned = row.form == "batch_first"
    x = np.ascontiguousarray(arrays.x.swapaxes(0, 1)) if is_turned else arrays.x
    out = None
    if row.form == "out":
        out = np.empty((row.seq_len, row.batch, row.directions * row.outputs), np.float32)

    def call() -> None:
        found["y"], _ = lstm(x, lengths=lengths, out=out)

    def results() -> dict[str, Array]:
        y = found["y"]
        return {"y": arrays.masked(y.swapaxes(0, 1) if is_turned else y)}

    return Way(call, results, row.form or "call")


def train(row: Row, arrays: Arrays, lstm: bl.LSTM) -> Way:
    """Forward with a tape, then backward; `update` packs the weights anew."""
    lengths = arrays.lengths if row.shortest else None
    found: dict[str, Array] = {}

    def call() -> None:
        lstm.update()
        y, _, tape = lstm.forward(arrays.x, lengths=lengths, training=True)
        gradients = lstm.backward(tape, arrays.dy)
        found.update(gradients.parameters, y=y, dx=gradients.input)

    def results() -> dict[str, Array]:
        named = {"y": arrays.masked(found["y"]), "dx": found["dx"]}
        for layer, directions in enumerate(arrays.weights):
            for direction, suffix in enumerate(SUFFIXES[: len(directions)]):
                place = f"l{layer}{suffix}"
                if directions[direction].hr is not None:
                    named[f"dhr{layer}.{direction}"] = found[f"weight_hr_{place}"]
                named[f"dw{layer}.{direction}"] = found[f"weight_ih_{place}"]
                named[f"dr{layer}.{direction}"] = found[f"weight_hh_{place}"]
                named[f"db{layer}.{direction}"] = found[f"bias_ih_{place}"]
        return named

    return Way(call, results, "tape")
