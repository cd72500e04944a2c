"""State dicts inside of checkpoints: `{"epoch": 3, "model_state_dict": {...}, "optimizer": {...}}`.

In: a mapping. Out: it, or the one mapping inside of it that holds an LSTM. It reads no shapes and no values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bnns_lstm import codes
from bnns_lstm._look import mapping
from bnns_lstm._show import shown
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.torch.modules import is_module
from bnns_lstm.formats.torch.prefixes import holds_lstm

__all__ = ["state_dict_in"]

# How deep mappings are looked at, and how many: trainers put state dicts one or two levels deep.
DEEPEST, MOST = 3, 1000


def state_dict_in(entries: Mapping[Any, Any], prefixes: tuple[str, ...]) -> Mapping[str, Any]:
    """The mapping itself, or the only one in it that holds an LSTM.

    Args:
        entries: What the caller gave.
        prefixes: Where the LSTM is looked for. What has one there comes before what has one elsewhere.

    Raises:
        WeightsError: If a name is no string, or if several mappings hold LSTMs.
    """
    names = [name for name in entries if isinstance(name, str)]
    if not holds_lstm(names):
        inner = [(way, found) for way, found in _inside(entries) if holds_lstm(found)]
        there = [one for one in inner if any(holds_lstm(one[1], prefix) for prefix in prefixes)]
        chosen = there or inner
        if len(chosen) > 1:
            ways = " or ".join("".join(f"[{step!r}]" for step in way) for way, _ in chosen[:8])
            more = f" and {len(chosen) - 8} more" if len(chosen) > 8 else ""
            expected = "one mapping of names to tensors with an LSTM: give one of them"
            found = f"several in a checkpoint, {ways}{more}"
            raise fail("source", expected, found, codes.AMBIGUOUS_CHOICE)
        if chosen:
            entries = chosen[0][1]
        else:
            _refuse_modules(entries)
    for name in entries:
        if not isinstance(name, str):
            raise fail("source", "names that are strings", shown(name), codes.WRONG_TYPE)
    return entries


def _refuse_modules(entries: Mapping[Any, Any]) -> None:
    """Name the modules of a checkpoint without a state dict: what they say beside their weights would be lost.

    Raises:
        WeightsError: If there are any.
    """
    modules = [f"[{key!r}]" for key, value in entries.items() if is_module(value)]
    if modules:
        expected = "a module, or names of tensors: give the module itself"
        found = f"a checkpoint with modules inside, {' and '.join(modules[:8])}"
        raise fail("source", expected, found, codes.WRONG_TYPE)


def _inside(entries: Mapping[Any, Any]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """The mappings of names in a mapping, each with the keys that lead to it, the outer ones first."""
    waiting: list[tuple[tuple[str, ...], Mapping[Any, Any]]] = [((), entries)]
    seen = {id(entries)}
    while waiting and len(seen) < MOST:
        way, outer = waiting.pop(0)
        for key, value in outer.items():
            inner = mapping(value) if isinstance(key, str) and id(value) not in seen else None
            if inner is None:
                continue
            seen.add(id(value))
            if all(isinstance(name, str) for name in inner):
                yield (*way, key), inner
                if len(way) + 1 < DEEPEST:
                    waiting.append(((*way, key), inner))
