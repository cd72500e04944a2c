"""Which layers of a file are meant.

In: the layers of a file, and the names that a caller gave. Out: one layer for each name. What layers hold is
not known here.
"""

from __future__ import annotations

from collections.abc import Sequence

from bnns_lstm import codes
from bnns_lstm._look import is_a
from bnns_lstm._show import shown
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.keras.files import KerasFile, KerasLayer
from bnns_lstm.formats.keras.wrappers import BY_ARRAYS

__all__ = ["choose"]

# How many layers an error names.
MOST = 40


def choose(path: str, found: KerasFile, layer: str | Sequence[str] | None) -> list[KerasLayer]:
    """The layers that are meant, in the order of their names.

    Args:
        path: What errors call the file.
        found: What it has.
        layer: A name, several, or None for the only LSTM. The names of models that a layer is in stand before
            its own, with `/` between; those that are not needed to tell it from others may be left out.

    Raises:
        WeightsError: If there is no LSTM, none of a name, or several.
    """
    if not found.layers:
        actual = f"{_some(found.others)} alone" if found.others else f"none ({BY_ARRAYS})"
        raise fail(path, "a model with LSTM layers", actual, codes.MISSING_ENTRY)
    names = _some([shown(one.name) for one in found.layers])
    if layer is None:
        if len(found.layers) > 1:
            expected = f"the name of one of the LSTM layers {names}, or a list of names"
            raise fail("layer", expected, "none", codes.AMBIGUOUS_CHOICE)
        return found.layers
    wanted = [layer] if isinstance(layer, str) else list(layer)
    chosen = [_named(found.layers, name) for name in wanted]
    if not chosen or any(len(matches) != 1 for matches in chosen):
        code = codes.AMBIGUOUS_CHOICE if chosen and all(chosen) else codes.UNKNOWN_CHOICE
        known = {other.partition(" (")[0]: other for other in found.others}
        is_other = [known[shown(name)] for name in wanted if shown(name) in known]
        actual = f"{shown(layer)}: {', '.join(is_other)}" if is_other else shown(layer)
        raise fail("layer", f"names of LSTM layers, {names}", actual, code)
    return [matches[0] for matches in chosen]


def _named(layers: Sequence[KerasLayer], name: object) -> list[KerasLayer]:
    """The layers of this name, else those whose name ends with it after a `/`."""
    if not is_a(name, str):
        return []
    same = [one for one in layers if one.name == name]
    return same or [one for one in layers if one.name.endswith(f"/{name}")]


def _some(names: Sequence[str]) -> str:
    """Names with commas between, the first of many."""
    return ", ".join(names[:MOST]) + (f" and {len(names) - MOST} more" if names[MOST:] else "")
