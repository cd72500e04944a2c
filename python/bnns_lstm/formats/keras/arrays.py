"""The arrays of one LSTM of Keras, as `get_weights()` returns them, to :class:`StoredLSTM`.

In: kernel, recurrent kernel and, unless there is none, bias; twice for two directions. Out: a network of one
layer. Files, and which layer the arrays are of, are not known here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnns_lstm import codes
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats import order
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.keras.config import Config
from bnns_lstm.formats.stored import Floats, StoredLSTM

__all__ = ["check", "one_layer"]

NAMES = ("kernel", "recurrent_kernel", "bias")


def check(paths: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> tuple[int, bool]:
    """Compare the arrays' shapes with each other; the units, and whether they are as cuDNN has them.

    Raises:
        WeightsError: Naming each array that does not fit.
    """
    step = 3 if len(shapes) in {3, 6} else 2
    kernel, recurrent = shapes[0], shapes[1]
    hidden = recurrent[0] if len(recurrent) == 2 else 0
    if hidden < 1 or recurrent[1] != 4 * hidden:
        kind = ", a GRU" if hidden and recurrent[1] == 3 * hidden else ""
        kind = ", a simple RNN" if hidden and recurrent[1] == hidden else kind
        raise fail(paths[1], "[hidden, 4*hidden]", f"{list(recurrent)}{kind}", codes.SIZE_MISMATCH)
    rows = kernel[0] if len(kernel) == 2 and kernel[0] > 0 else 1
    is_cudnn = step == 3 and shapes[2] == (8 * hidden,)
    wanted = [(rows, 4 * hidden), (hidden, 4 * hidden), ((8 if is_cudnn else 4) * hidden,)][:step]
    issues = [
        WeightsIssue(path, str(list(expected)), str(list(shape)), codes.SIZE_MISMATCH)
        for path, shape, expected in zip(paths, shapes, wanted * (len(shapes) // step), strict=True)
        if shape != expected
    ]
    if issues:
        raise WeightsError(tuple(issues))
    return hidden, is_cudnn


def one_layer(paths: Sequence[str], arrays: Sequence[Floats], config: Config) -> StoredLSTM:
    """The network of one layer's arrays, whose shapes are right."""
    directions = 2 if len(arrays) > 3 else 1
    step = len(arrays) // directions
    hidden, is_cudnn = check(paths, [array.shape for array in arrays])
    parameters: dict[str, Floats] = {}
    for direction, suffix in enumerate(("", "_reverse")[:directions]):
        own = dict(zip(NAMES, arrays[direction * step : (direction + 1) * step], strict=False))
        rows = {"weight_ih": _rows(own["kernel"], is_cudnn=is_cudnn)}
        rows["weight_hh"] = _rows(own["recurrent_kernel"], is_cudnn=is_cudnn)
        if is_cudnn:
            rows["bias_ih"], rows["bias_hh"] = np.split(own["bias"], 2)
        elif "bias" in own:
            rows["bias_ih"], rows["bias_hh"] = own["bias"], np.zeros_like(own["bias"])
        for name, array in rows.items():
            parameters[f"{name}_l0{suffix}"] = order.reorder(array, order.KERAS, order.TORCH)
    return StoredLSTM(
        input_size=arrays[0].shape[0], hidden_size=hidden, num_layers=1, bidirectional=directions == 2,
        bias=step == 3, batch_first=config.batch_first, dropout=0.0, peephole=None,
        activations=config.activations, parameters=parameters, merge=config.merge,
        direction=config.direction,
    )  # fmt: skip


def _rows(array: Floats, *, is_cudnn: bool) -> Floats:
    """Keras' [inputs, 4*hidden] as [4*hidden, inputs].

    In cuDNN's format each gate's block of columns holds, in C order, the rows as they shall be.
    """
    rows: Floats = array.T
    if is_cudnn:
        blocks: list[Floats] = np.split(array, 4, axis=1)
        rows = np.concatenate([block.reshape(block.shape[::-1]) for block in blocks])
    return rows
