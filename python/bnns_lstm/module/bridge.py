"""From a structure back to a module.

In: a structure of the level below. Out: a configuration, the gates' arrays and the projection, with all of
their axes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm.activation import Activation
from bnns_lstm.config import LSTMConfig, Peephole, activations_of, gates_of
from bnns_lstm.descriptors import LayerParametersLSTM, LSTMExtensions, NDArrayDescriptor
from bnns_lstm.enums import LayerFlags
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.functions import validate
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.results import Floats

__all__ = ["copy", "read"]

Arrays = dict[str, Floats | None]


def read(params: LayerParametersLSTM) -> tuple[LSTMConfig, dict[str, Arrays], Floats | None]:
    """The configuration of a structure, for each gate `iw`, `iw_upper`, `hw`, `cw` and `b`, the projection."""
    validate(params)
    flags = LayerFlags(params.lstm_flags)
    directions = 2 if LayerFlags.LSTM_BIDIRECTIONAL in flags else 1
    layers = params.num_layers
    more = params.extensions or LSTMExtensions()
    units, proj_size = params.hidden_size, more.projection_size or 0
    outputs = proj_size or units
    upper = (layers - 1, directions, units, directions * outputs)
    issues: list[Issue] = []
    gates: dict[str, Arrays] = {}
    for name in gates_of(more.coupled):
        gate: Any = getattr(params, f"{name}_gate")
        path = f"{name}_gate"
        pair = gate.iw_desc if isinstance(gate.iw_desc, tuple | list) else (gate.iw_desc, None)
        lowest = (1, directions, units, params.input_size)
        both, rest = pair[0], pair[1]
        is_split = layers > 1 and _array(rest) is not None and _array(rest) is not _array(both)
        joint = None
        if layers > 1 and not is_split:
            joint = _full(both, f"{path}.iw_desc[0]", (layers, *lowest[1:]), issues)
        gates[name] = {
            "iw": _full(both, f"{path}.iw_desc[0]", lowest, issues) if joint is None else joint[:1],
            "iw_upper": joint[1:]
            if joint is not None
            else (_full(rest, f"{path}.iw_desc[1]", upper, issues) if is_split else None),
            "hw": _full(
                gate.hw_desc, f"{path}.hw_desc", (layers, directions, units, outputs), issues
            ),
            "cw": _peephole(gate.cw_desc, f"{path}.cw_desc", (layers, directions, units), issues),
            "b": _full(gate.b_desc, f"{path}.b_desc", (layers, directions, units), issues),
        }
    path, shape = "extensions.projection_desc", (layers, directions, outputs, units)
    projection = _full(more.projection_desc, path, shape, issues)
    if issues:
        raise ArgumentError(tuple(issues))
    forms = [arrays["cw"].ndim for arrays in gates.values() if arrays["cw"] is not None]
    peephole: Peephole = None if not forms else "full" if 4 in forms else "diagonal"
    has_bias = any(arrays["b"] is not None for arrays in gates.values())
    config = LSTMConfig(
        params.input_size, params.hidden_size, layers, bias=has_bias, dropout=float(params.dropout),
        bidirectional=directions == 2, peephole=peephole, activations=_functions(params, flags, tuple(gates)),
        cell_clip=more.cell_clip, gate_clip=more.gate_clip, gate_clip_hidden=more.gate_clip_hidden,
        direction="reverse" if more.reverse else "forward", coupled=more.coupled,
        proj_size=proj_size,
    )  # fmt: skip
    return config, gates, projection


def copy(gates: dict[str, Arrays], projection: Floats | None, to: Weights) -> None:
    """Fill weights; what a gate has not is 0, diagonals become matrices where another gate has one."""
    if to.projection is not None:
        to.projection[...] = projection
    for block, name in enumerate(to.blocks):
        arrays = gates[name]
        to.lowest[:, :, block] = arrays["iw"]
        if to.upper is not None:
            to.upper[:, :, block] = arrays["iw_upper"]
        to.hidden[:, :, block] = arrays["hw"]
        if to.bias is not None and arrays["b"] is not None:
            to.bias[0, :, :, block] = arrays["b"]
        seen = arrays["cw"]
        if to.peephole is not None and seen is not None:
            if seen.ndim < to.peephole[:, :, block].ndim:
                seen = seen[..., np.newaxis] * np.eye(seen.shape[-1], dtype=np.float32)
            to.peephole[:, :, block] = seen


def _functions(
    params: LayerParametersLSTM, flags: LayerFlags, gates: tuple[str, ...]
) -> tuple[Any, ...]:
    if LayerFlags.LSTM_DEFAULT_ACTIVATIONS in flags:
        return ()
    named: dict[str, Activation] = {
        name: getattr(params, f"{name}_gate").activation for name in gates
    }
    return activations_of(named | {"hidden": params.hidden_activation})


def _array(desc: Any) -> Any:
    return desc.data if isinstance(desc, NDArrayDescriptor) else desc


def _peephole(
    desc: Any, path: str, diagonal: tuple[int, ...], issues: list[Issue]
) -> Floats | None:
    array = _array(desc)
    if array is None:
        return None
    is_full = array.size == int(np.prod(diagonal)) * diagonal[-1]
    if diagonal[-1] == 1:  # both are one number for each layer and direction: only the axes tell
        is_full = np.ndim(array) > len(diagonal)
    return _full(desc, path, (*diagonal, diagonal[-1]) if is_full else diagonal, issues)


def _full(desc: Any, path: str, shape: tuple[int, ...], issues: list[Issue]) -> Floats | None:
    """The array of a descriptor with all of its axes; only plain arrays in C order have one."""
    array = _array(desc)
    if array is None:
        return None
    if isinstance(desc, NDArrayDescriptor) and desc != NDArrayDescriptor(array):
        expected = "a NumPy array whose axes are in C order"
        issues.append(Issue(path, codes.UNSUPPORTED_HERE, expected, "a descriptor with a layout"))
        return None
    found: Floats = np.asarray(array).reshape(shape)
    return found
