"""Where Keras' models have their LSTM layers: in the configuration, and in the groups of Keras 3's files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bnns_lstm import codes
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.keras.config import is_lstm
from bnns_lstm.formats.keras.h5 import Array, Group

__all__ = ["cells_of", "lstms_of", "matching"]

# Where the weights of an LSTM's cell are, and those of a pair's.
CELL = ("cell",)
PAIR = ("forward_layer", "backward_layer")


def lstms_of(path: str, model: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Name, group name in Keras 3's files, and configuration of the LSTM layers of a model."""
    config = model.get("config")
    # The oldest Sequential models are lists.
    layers = config.get("layers") if isinstance(config, dict) else config
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise fail(path, "a model with a list of layers", "none", codes.MISSING_ENTRY)
    found = []
    counts: dict[str, int] = {}
    for layer in layers:
        key = _snake(str(layer.get("class_name")))
        number = counts[key] = counts.get(key, -1) + 1
        fields = layer.get("config")
        name = fields.get("name") if isinstance(fields, dict) else None
        if is_lstm(layer):
            found.append((str(name), f"{key}_{number}" if number else key, layer))
    return found


def _snake(name: str) -> str:
    """A class's name as Keras makes names of groups of it."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def cells_of(root: Group) -> list[tuple[str, str, list[Array]]]:
    """Group name, layer name (empty in older files) and arrays of what may be an LSTM in Keras 3's format."""
    found: list[tuple[str, str, list[Array]]] = []
    for outer in ("layers", "_layer_checkpoint_dependencies"):
        group = root.group(outer)
        for key in () if group is None else group.names():
            layer = None if group is None else group.group(key)
            if layer is None:
                continue
            weights = _arrays(layer, CELL)
            if not weights:
                weights = [a for part in PAIR for a in _arrays(layer, (part, *CELL))]
            own = layer.group("vars")
            name = None if own is None else own.text("name")
            if weights:
                found.append((key, name or "", weights))
    return found


def _arrays(layer: Group, way: Sequence[str]) -> list[Array]:
    """The arrays `0`, `1` and so on of `vars` at the end of a way through groups."""
    group: Group | None = layer
    for name in (*way, "vars"):
        group = None if group is None else group.group(name)
    found: list[Array] = []
    while group is not None and (array := group.array(str(len(found)))) is not None:
        found.append(array)
    return found


def matching(cells: list[tuple[str, str, list[Array]]], name: str, key: str) -> list[Array]:
    """The arrays of a layer by its name, or by its group where the file has no names."""
    named = [weights for _, own, weights in cells if own == name]
    if len(named) == 1:
        return named[0]
    return next((weights for group, _, weights in cells if group == key), [])
