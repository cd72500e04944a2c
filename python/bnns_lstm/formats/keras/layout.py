"""Where Keras' files have the arrays of a layer: in the groups of Keras 3, or listed by Keras 2.

In: groups of a file. Out: arrays in the order of `get_weights()`. What a configuration says is known by names
of layers alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bnns_lstm import codes
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.keras.h5 import Array, Group

__all__ = ["Found", "arrays_of", "layer_names", "listed", "lstms_in"]

# Where models have their layers; the second name is that of Keras before 3.0.5.
MODEL = ("layers", "_layer_checkpoint_dependencies")
PAIR = ("forward_layer", "backward_layer")
# What the group of an LSTM's cell has: weights, cells of a stack, and the state of what draws dropout masks.
OF_CELL = {"vars", "cells", "seed_generator"}
INNER = "layer"


@dataclass(frozen=True)
class Found:
    """What is or may be an LSTM.

    Attributes:
        path: Its name, after those of the models that it is in; the groups' names in older files.
        arrays: Its arrays, as `get_weights()` gives them.
        directions: 2 of a `Bidirectional`.
        cells: How many cells an RNN has.
        more: Paths of groups with more weights in its cells, which those of an `LSTM` have not.
    """

    path: str
    arrays: list[Array]
    directions: int
    cells: int
    more: list[str]

    def weights(self) -> list[Array]:
        """Its arrays.

        Raises:
            WeightsError: Naming the groups of more weights.
        """
        if self.more:
            expected = "vars alone, as an LSTMCell has (normalised cells and others cannot be read)"
            raise WeightsError(
                tuple(
                    WeightsIssue(path, expected, "a group of weights", codes.UNSUPPORTED_HERE)
                    for path in self.more
                )
            )
        return self.arrays


def arrays_of(root: Group, steps: Sequence[tuple[str, str]]) -> list[Array]:
    """The arrays of a layer; none if there is no such layer.

    Args:
        root: The group of the whole model.
        steps: Name and group name of each layer on the way from there; :data:`INNER` leads into a layer that is
            around another one.

    Raises:
        WeightsError: If its cells have more weights than those of an LSTM.
    """
    group: Group | None = root
    for name, key in steps:
        if group is not None:
            group = group.group(INNER) if (name, key) == ("", INNER) else _child(group, name, key)
    found = None if group is None else _lstm("", group)
    return [] if found is None else found.weights()


def lstms_in(root: Group) -> Iterator[Found]:
    """What may be an LSTM in a model and the models in it."""
    waiting, seen = [("", root)], {root.address}
    while waiting:
        path, model = waiting.pop()
        inner = []
        for key, group in _layers(model):
            if group.address in seen:
                raise fail(group.path, "a group of its own", "another one's", codes.DAMAGED_FILE)
            seen.add(group.address)
            here = f"{path}{_name(group) or key}"
            found = _lstm(here, group)
            if found is not None:
                yield found
            else:
                inner.append((f"{here}/", _innermost(group)))
        waiting += reversed(inner)


def layer_names(root: Group) -> list[str]:
    """The names of a model's layers, whatever they are."""
    return [_name(group) or key for key, group in _layers(root)]


def listed(
    arrays: Sequence[Array], group: str, steps: Sequence[tuple[str, str]], *, is_alone: bool
) -> list[Array]:
    """The arrays of a layer among those that Keras 2 lists of the uppermost layer that it is in.

    Args:
        arrays: All of them.
        group: The path of their group, which theirs begin with.
        steps: As in :func:`arrays_of`.
        is_alone: Whether no other layer in the uppermost one has this name, so that the names of models around
            it are not needed.
    """
    names = [name for name, _ in steps[1:] if name]
    ways = [one.path.removeprefix(f"{group}/").split("/")[:-1] for one in arrays]
    for wanted in (names, names[-1:]) if is_alone else (names,):
        found = [one for one, way in zip(arrays, ways, strict=True) if _passes(way, wanted)]
        if found:
            return found
    return []


def _passes(way: Iterable[str], names: Sequence[str]) -> bool:
    """Whether a way goes through these names, in this order."""
    rest = iter(way)
    return all(name in rest for name in names)


def _layers(model: Group) -> Iterator[tuple[str, Group]]:
    """The groups of a model's layers, by name."""
    for name in MODEL:
        outer = model.group(name)
        for key in () if outer is None else outer.names():
            group = None if outer is None else outer.group(key)
            if group is not None:
                yield key, group


def _name(group: Group) -> str | None:
    """The name of the layer of a group; older files have none."""
    own = group.group("vars")
    return None if own is None else own.text("name")


def _child(model: Group, name: str, key: str) -> Group | None:
    """The group of a layer by its name, or by its group's name where the file has no names."""
    groups = list(_layers(model))
    named = [group for _, group in groups if _name(group) == name]
    return named[0] if len(named) == 1 else dict(groups).get(key)


def _innermost(group: Group) -> Group:
    """What stands in layers that are around another one."""
    inner = group.group(INNER)
    return group if inner is None else _innermost(inner)


def _lstm(path: str, group: Group) -> Found | None:
    """The arrays of an LSTM, of two in a `Bidirectional`, or of the cells of an RNN, whatever is around it."""
    group = _innermost(group)
    ways = [group.group(part) for part in PAIR]
    halves = [one for one in ways if one is not None] or [group]
    cells = [_cells(half) for half in halves]
    arrays = [array for half in cells for cell in half for array in cell]
    if not arrays:
        return None
    if len({len(half) for half in cells}) != 1:
        raise fail(group.path, "as many cells forward as backward", "others", codes.SIZE_MISMATCH)
    more = [path for half in halves for path in _more(half.group("cell"))]
    return Found(path, arrays, len(halves), len(cells[0]), more)


def _more(cell: Group | None) -> list[str]:
    """Groups in a cell, or in the cells of a stack, that an LSTM has not, and that are not empty."""
    if cell is None:
        return []
    found = [group for name in cell.names() if name not in OF_CELL and (group := cell.group(name))]
    several = cell.group("cells")
    stacked = [] if several is None else [several.group(name) for name in several.names()]
    return [one.path for one in found if _has_weights(one)] + [
        path for inner in stacked for path in _more(inner)
    ]


def _has_weights(group: Group) -> bool:
    """Whether there is an array in a group, or in one in it."""
    inner = [group.group(name) for name in group.names()]
    return any(one is None or _has_weights(one) for one in inner)


def _cells(layer: Group) -> list[list[Array]]:
    """The arrays of each cell of a layer."""
    cell = layer.group("cell")
    if cell is None:
        return []
    own = _arrays(cell)
    several = cell.group("cells")
    if own or several is None:
        return [own] if own else []
    found = (several.group(name) for name in sorted(several.names(), key=_number))
    return [_arrays(one) for one in found if one is not None]


def _number(name: str) -> tuple[int, str]:
    """The place of a group among those that Keras has numbered: `lstm_cell`, `lstm_cell_1` and so on."""
    end = re.search(r"_(\d{1,9})$", name)
    return (int(end[1]) if end else 0, name)


def _arrays(group: Group) -> list[Array]:
    """The arrays `0`, `1` and so on of a group's `vars`."""
    own = group.group("vars")
    found: list[Array] = []
    while own is not None and (array := own.array(str(len(found)))) is not None:
        found.append(array)
    return found
