"""PyTorch: `nn.LSTM`, for steps `nn.LSTMCell` as well; the only peer that computes gradients.

Samples of different lengths are a packed sequence, packed outside of the timing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from cases import Array, Arrays, Unsupported, Way
from rows import Row
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

DISTRIBUTION = "torch"


def module(row: Row, arrays: Arrays) -> Any:
    """`nn.LSTM` with the row's weights; its gates have our order, its second biases are zeros."""
    lstm = torch.nn.LSTM(
        row.width,
        row.hidden,
        row.layers,
        bidirectional=row.bidirectional,
        proj_size=row.projection,
    )
    with torch.no_grad():
        for layer, directions in enumerate(arrays.weights):
            for weights, suffix in zip(directions, ("", "_reverse"), strict=False):
                place = f"l{layer}{suffix}"
                getattr(lstm, f"weight_ih_{place}").copy_(torch.from_numpy(weights.w))
                getattr(lstm, f"weight_hh_{place}").copy_(torch.from_numpy(weights.r))
                getattr(lstm, f"bias_ih_{place}").copy_(torch.from_numpy(weights.b))
                getattr(lstm, f"bias_hh_{place}").zero_()
                if weights.hr is not None:
                    getattr(lstm, f"weight_hr_{place}").copy_(torch.from_numpy(weights.hr))
    return lstm


def ways(row: Row, arrays: Arrays, threads: int) -> list[Way]:
    """See `engines`."""
    if row.kind == "peephole":
        raise Unsupported("no peepholes")
    torch.set_num_threads(threads)
    lstm = module(row, arrays)
    if row.kind == "step":
        return [step_way(row, arrays, lstm), step_way(row, arrays, cell(row, lstm))]
    if row.kind == "train":
        return [train_way(row, arrays, lstm)]
    x = packed(arrays.x, arrays) if row.shortest else torch.from_numpy(arrays.x)
    last: list[Any] = [None]

    def call() -> None:
        with torch.inference_mode():
            last[0] = lstm(x)[0]

    return [Way(call, lambda: {"y": padded(last[0], row)}, "LSTM")]


def packed(values: Array, arrays: Arrays) -> PackedSequence:
    """An array `[T, B, ...]` as a packed sequence."""
    return pack_padded_sequence(torch.from_numpy(values), torch.tensor(arrays.lengths))


def padded(values: Any, row: Row) -> Array:
    """A packed sequence, or a tensor, as an array `[T, B, ...]`."""
    if isinstance(values, PackedSequence):
        values = pad_packed_sequence(values, total_length=row.seq_len)[0]
    array: Array = values.detach().numpy()
    return array


def cell(row: Row, lstm: Any) -> Any:
    """`nn.LSTMCell` with the weights of the only layer."""
    made = torch.nn.LSTMCell(row.width, row.hidden)
    for name, value in lstm.named_parameters():
        setattr(made, name.removesuffix("_l0"), value)
    return made


def step_way(row: Row, arrays: Arrays, lstm: Any) -> Way:
    """One step of the module; the states are replaced by the new ones."""
    is_cell = isinstance(lstm, torch.nn.LSTMCell)
    x = torch.from_numpy(arrays.x[0] if is_cell else arrays.x)
    zeros = torch.zeros((1, row.hidden) if is_cell else (1, 1, row.hidden))
    state = [(zeros, zeros)]

    def call() -> None:
        with torch.inference_mode():
            state[0] = lstm(x, state[0]) if is_cell else lstm(x, state[0])[1]

    def results() -> dict[str, Array]:
        h, c = (value.numpy().reshape(1, row.hidden) for value in state[0])
        return {"y": h[None], "h": h, "c": c}

    return Way(call, results, type(lstm).__name__)


def train_way(row: Row, arrays: Arrays, lstm: Any) -> Way:
    """Outputs, then gradients of the inputs and of all weights."""
    run, leaf, dy = trainable(row, arrays, lstm)
    names = [name for name, _ in lstm.named_parameters()]
    leaves = [leaf, *lstm.parameters()]
    last: list[Any] = [None, None]

    def call() -> None:
        y = run()
        last[1] = y
        last[0] = torch.autograd.grad(y.data if row.shortest else y, leaves, dy)

    def results() -> dict[str, Array]:
        dx, *weights = last[0]
        if row.shortest:
            dx = PackedSequence(dx, last[1].batch_sizes)
        found = {"y": padded(last[1], row), "dx": padded(dx, row)}
        for name, value in zip(names, weights, strict=True):
            short = {
                "weight_ih": "dw",
                "weight_hh": "dr",
                "bias_ih": "db",
                "weight_hr": "dhr",
            }.get(name[:-3])
            if short:
                found[f"{short}{name[-1]}.0"] = value.numpy()
        return found

    return Way(call, results, "LSTM")


def trainable(row: Row, arrays: Arrays, lstm: Any) -> tuple[Callable[[], Any], Any, Any]:
    """The forward call, the inputs as a leaf, and the gradients of its outputs."""
    if row.bidirectional:
        raise Unsupported("gradients of both directions are not named here")
    if not row.shortest:
        x = torch.from_numpy(arrays.x).clone().requires_grad_()
        return lambda: lstm(x)[0], x, torch.from_numpy(arrays.dy)
    sequence = packed(arrays.x, arrays)
    leaf = sequence.data.clone().requires_grad_()
    batch_sizes = sequence.batch_sizes
    return (
        lambda: lstm(PackedSequence(leaf, batch_sizes))[0],
        leaf,
        packed(arrays.dy, arrays).data,
    )
