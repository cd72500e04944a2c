"""What class a layer's configuration is of, and which layers are LSTMs, also within other layers.

In: configurations as Keras stores them. Out: names of classes, and the LSTM without what is around it. What the
fields of an LSTM say is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "CELL", "CELLS", "LSTMS", "PAIR", "RNN", "TIMES", "Wrapped", "cells_of", "fields_of", "inner_of", "is_lstm",
    "kind_of", "lstm_in",
]  # fmt: skip

LSTMS = {"LSTM", "CuDNNLSTM"}
RNN, CELL, CELLS, PAIR, TIMES = (
    "RNN", "LSTMCell", "StackedRNNCells", "Bidirectional", "TimeDistributed",
)  # fmt: skip
# What works where a model has no layers by name.
BY_ARRAYS = "of a model of its own class, the arrays of a layer's get_weights() can be read"
# The packages whose classes are Keras' own; Keras 2 names none.
PACKAGES = {"keras", "tensorflow", "tf_keras"}


@dataclass(frozen=True)
class Wrapped:
    """An LSTM and what is around it.

    Attributes:
        distributed: In how many `TimeDistributed` it is.
        pair: The configuration of `Bidirectional`; None if it reads in one direction.
        layer: Its own configuration; of `Bidirectional`, that of the layer forward.
    """

    distributed: int
    pair: Mapping[str, Any] | None
    layer: Mapping[str, Any]


def kind_of(layer: Mapping[str, Any]) -> str:
    """The name of a layer's class; with its module if it is none of Keras' own."""
    name, module = str(layer.get("class_name")), layer.get("module")
    if module is None or str(module).partition(".")[0] in PACKAGES:
        return name
    return f"{module}.{name}"


def fields_of(layer: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a layer's configuration; none if something else stands in their place."""
    found = layer.get("config")
    return found if isinstance(found, dict) else {}


def inner_of(layer: Mapping[str, Any], name: str = "layer") -> Mapping[str, Any]:
    """The configuration of a layer within a layer; empty if there is none."""
    found = fields_of(layer).get(name)
    return found if isinstance(found, dict) else {}


def lstm_in(layer: Mapping[str, Any]) -> Wrapped | None:
    """The LSTM that a layer is, or that it is around; None if it is something else."""
    distributed, pair = 0, None
    while kind_of(layer) == TIMES:
        distributed, layer = distributed + 1, inner_of(layer)
    if kind_of(layer) == PAIR:
        pair, layer = layer, inner_of(layer)
    return Wrapped(distributed, pair, layer) if _is_one(layer) else None


def is_lstm(layer: Mapping[str, Any]) -> bool:
    """Whether a layer is an LSTM, or around one."""
    return lstm_in(layer) is not None


def cells_of(layer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The configurations of the cells of an RNN, the lowest first."""
    cell = inner_of(layer, "cell")
    if kind_of(cell) != CELLS:
        return [cell]
    found = fields_of(cell).get("cells")
    cells = found if isinstance(found, list) else []
    return [one if isinstance(one, dict) else {} for one in cells]


def _is_one(layer: Mapping[str, Any]) -> bool:
    if kind_of(layer) == RNN:
        return any(kind_of(cell) == CELL for cell in cells_of(layer))
    return kind_of(layer) in LSTMS
