"""Keras' LSTM layers to :class:`StoredLSTM`.

Lists of arrays need nothing, files need h5py: `pip install bnns-lstm[keras]`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm._look import is_a, sequence
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats import order
from bnns_lstm.formats.convert import as_array, fail, to_float32
from bnns_lstm.formats.files import is_path, path_of
from bnns_lstm.formats.keras.config import Config, config_of
from bnns_lstm.formats.keras.files import KerasLayer, layers_in
from bnns_lstm.formats.stack import stacked
from bnns_lstm.formats.stored import Floats, StoredLSTM

__all__ = ["read_keras"]

NAMES = ("kernel", "recurrent_kernel", "bias")


def read_keras(
    source: str | os.PathLike[str] | Sequence[Any], layer: str | Sequence[str] | None = None
) -> StoredLSTM:
    """Take over an LSTM layer of Keras, or several as a stack.

    Args:
        source: The path of a `.keras`, `.weights.h5` or `.h5` file; or the arrays of one layer as
            `get_weights()` returns them: kernel, recurrent kernel and, unless it has none, bias; for
            `Bidirectional` those of the layer forward, then those of the layer backward.
        layer: The layer's name in the file; several names, the lowest first, for a stack. Not needed if there
            is one LSTM layer.

    Returns:
        The network, with `batch_first`, as Keras has it. Activations are those of the configuration; lists
        of arrays and files of weights alone have none, and sigmoid and tanh are assumed.

    Raises:
        ExtraError: If h5py is needed and not installed.
        WeightsError: Naming everything that cannot be taken over.
        OSError: If the file cannot be read.
    """
    if layer is not None and not is_a(layer, str) and sequence(layer) is None:
        raise fail(
            "layer", "a name, a sequence of names or None", type(layer).__name__, codes.WRONG_TYPE
        )
    if is_path(source):
        path = path_of(source, "source")
        with layers_in(path) as found:
            chosen = _chosen(str(path), found, layer)
            configs = [_config(one) for one in chosen]
            for one, config in list(zip(chosen, configs, strict=True))[:-1]:
                if not config.sequences:
                    expected = "true for all layers of a stack but the last"
                    raise fail(
                        f"{one.name}: return_sequences", expected, "false", codes.STACK_MISMATCH
                    )
            return stacked(
                [
                    (one.name, _stored(one, config))
                    for one, config in zip(chosen, configs, strict=True)
                ]
            )
    arrays = sequence(source)
    if arrays is None:
        expected = "a path, or a list of arrays as get_weights() returns it"
        raise fail("source", expected, type(source).__name__, codes.WRONG_TYPE)
    return _listed(arrays, layer)


def _listed(source: Sequence[Any], layer: object) -> StoredLSTM:
    """The network of the arrays of one layer."""
    if layer is not None:
        raise fail(
            "layer", "None, as a list of arrays is one layer", repr(layer), codes.UNKNOWN_CHOICE
        )
    if len(source) not in {2, 3, 4, 6}:
        expected = "2 or 3 arrays, or 4 or 6 for both directions"
        raise fail("source", expected, str(len(source)), codes.SIZE_MISMATCH)
    arrays = [as_array(f"source[{i}]", array) for i, array in enumerate(source)]
    paths = [f"source[{i}]" for i in range(len(arrays))]
    _check(paths, [array.shape for array in arrays])
    return _made(paths, [to_float32(*pair) for pair in zip(paths, arrays, strict=True)], Config())


def _chosen(
    path: str, found: list[KerasLayer], layer: str | Sequence[str] | None
) -> list[KerasLayer]:
    """The layers that are meant."""
    if not found:
        raise fail(
            path,
            "a model with LSTM layers that are not in another layer or model",
            "none",
            codes.MISSING_ENTRY,
        )
    names = ", ".join(repr(one.name) for one in found)
    if layer is None:
        if len(found) > 1:
            raise fail(
                "layer",
                f"the name of one of the LSTM layers {names}, or a list of names",
                "none",
                codes.AMBIGUOUS_CHOICE,
            )
        return found
    wanted = [layer] if isinstance(layer, str) else list(layer)
    chosen = [[one for one in found if one.name == name] for name in wanted]
    if not chosen or any(len(matches) != 1 for matches in chosen):
        code = codes.AMBIGUOUS_CHOICE if chosen and all(chosen) else codes.UNKNOWN_CHOICE
        raise fail("layer", f"names of LSTM layers, {names}", repr(layer), code)
    return [matches[0] for matches in chosen]


def _config(layer: KerasLayer) -> Config:
    """A layer's configuration; where the file has none, nothing is known but the defaults."""
    if layer.config is None:
        return Config()
    return config_of(layer.name, layer.config, layer.version)


def _stored(layer: KerasLayer, config: Config) -> StoredLSTM:
    """One layer of a file."""
    weights, count = layer.weights, len(layer.weights)
    counts = {2, 3, 4, 6}
    if config.use_bias is not None:
        counts = {(2 + config.use_bias) * (1 + config.bidirectional)}
    if count not in counts:
        expected = f"{' or '.join(map(str, sorted(counts)))} arrays"
        raise fail(layer.name, expected, str(count), codes.SIZE_MISMATCH)
    paths = [array.path for array in weights]
    hidden, is_cudnn = _check(paths, [array.shape for array in weights])
    if config.units is not None and config.units != hidden:
        raise fail(
            paths[1],
            f"{config.units} units, as the configuration says",
            str(hidden),
            codes.SIZE_MISMATCH,
        )
    if config.is_cudnn and not is_cudnn:
        raise fail(
            paths[-1],
            f"[{8 * hidden}], as a CuDNNLSTM has it",
            f"[{4 * hidden}]",
            codes.SIZE_MISMATCH,
        )
    return _made(paths, [array.read() for array in weights], config)


def _check(paths: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> tuple[int, bool]:
    """Compare the arrays' shapes with each other; the units, and whether they are as cuDNN has them."""
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


def _made(paths: Sequence[str], arrays: Sequence[Floats], config: Config) -> StoredLSTM:
    """The network of one layer's arrays, whose shapes are right."""
    directions = 2 if len(arrays) > 3 else 1
    step = len(arrays) // directions
    hidden, is_cudnn = _check(paths, [array.shape for array in arrays])
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
        activations=config.activations, parameters=parameters,
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
