"""PyTorch's weights: modules, state dicts and safetensors files to :class:`StoredLSTM`, and back.

In: what a caller gave. Out: one network. `modules` and `checkpoint` know the kinds of sources, `parametrized`,
`duplicates`, `cells` and `names` what stands in them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._look import is_a, mapping, sequence
from bnns_lstm._show import show, shown
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.convert import as_array, fail, to_float32
from bnns_lstm.formats.files import is_path, path_of
from bnns_lstm.formats.foreign import SAFETENSORS, kind_of
from bnns_lstm.formats.plain import variant_issues
from bnns_lstm.formats.safetensors.files import SafetensorsFile
from bnns_lstm.formats.stack import stacked
from bnns_lstm.formats.stored import Floats, StoredLSTM, refuse_others
from bnns_lstm.formats.torch.cells import numbered
from bnns_lstm.formats.torch.checkpoint import state_dict_in
from bnns_lstm.formats.torch.duplicates import refuse_differing, seconds_of
from bnns_lstm.formats.torch.modules import (
    entries_of,
    functions_of,
    is_module,
    options_of,
    refuse_other_projection,
)
from bnns_lstm.formats.torch.names import stored_of
from bnns_lstm.formats.torch.parametrized import folded
from bnns_lstm.formats.torch.prefixes import refuse_quantised
from bnns_lstm.formats.torch.source import Source

__all__ = ["read_torch", "write_state_dict"]

Prefixes = tuple[str, ...]


def read_torch(
    source: str | os.PathLike[str] | Mapping[str, Any] | Any, prefix: str | Sequence[str] = ""
) -> StoredLSTM:
    """Take over an `nn.LSTM`, an `nn.LSTMCell` or a list of cells, or what was stored of them.

    Args:
        source: A module; a mapping from names to tensors or arrays, or a checkpoint in which there is one;
            the path of a safetensors file; or a sequence of these, the lowest layer first, for a stack.
        prefix: What stands before the LSTM's own names, for example `"encoder.lstm."`; before the numbers of
            an `nn.ModuleList` of cells, which is read as a stack; or several prefixes, the lowest layer first,
            for a stack. All entries that begin with it must belong to the LSTM.

    Returns:
        The network. Sizes, layers, directions, biases and projections follow from names and shapes;
        `batch_first` and `dropout` are a module's, and False and 0 for other sources, which do not say. That
        each layer of a stack of cells reads the outputs of the one below, and nothing else, is the caller's to
        know.

    Raises:
        WeightsError: Naming everything that is missing, surplus, of another shape or not supported.
        OSError: If a file cannot be read.

    Example:
        >>> import numpy as np
        >>> from bnns_lstm.formats import read_torch
        >>> names = {"weight_ih_l0": (8, 3), "weight_hh_l0": (8, 2)}
        >>> read_torch({name: np.ones(shape) for name, shape in names.items()}).hidden_size
        2
    """
    prefixes = _prefixes(prefix)
    sources = None if is_module(source) else sequence(source)
    if sources is None:
        return _read(source, prefixes)
    if not sources:
        raise fail("source", "at least one layer", "an empty sequence", codes.MISSING_ENTRY)
    return _stack(
        [(f"source[{i}]", partial(_item, one, prefixes, i)) for i, one in enumerate(sources)]
    )


def write_state_dict(stored: StoredLSTM) -> dict[str, Floats]:
    """The weights under PyTorch's names and in PyTorch's order, as new arrays.

    `{name: torch.from_numpy(array) ...}` is what `nn.LSTM.load_state_dict` takes. Initial states are no
    part of it: PyTorch gives them to the call.

    Raises:
        WeightsError: If the network has peepholes, clips, other activations, another `merge` or `direction`
            than PyTorch's, or a projection that is not smaller than `hidden_size`.

    Example:
        >>> import bnns_lstm as bl
        >>> from bnns_lstm.formats import StoredLSTM, write_state_dict
        >>> stored = StoredLSTM.from_config(bl.LSTMConfig(3, 4), bl.LSTM(3, 4, seed=0).state_dict())
        >>> list(write_state_dict(stored))
        ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0']
    """
    refuse_others(stored)
    issues = [*variant_issues(stored, ", as in PyTorch", has_projection=True)]
    if stored.proj_size == stored.hidden_size:
        expected = f"0 or less than the hidden_size, {stored.hidden_size}, as in PyTorch"
        found = str(stored.proj_size)
        issues.append(WeightsIssue("proj_size", expected, found, codes.NOT_EXPRESSIBLE))
    if stored.peephole is not None:
        issues.append(
            WeightsIssue(
                "peephole", "None, as in PyTorch", repr(stored.peephole), codes.NOT_EXPRESSIBLE
            )
        )
    if stored.merge != "concat":
        expected = "'concat', as in PyTorch"
        issues.append(WeightsIssue("merge", expected, repr(stored.merge), codes.NOT_EXPRESSIBLE))
    if stored.activations is not None:
        found = ", ".join(f"{name}={show(item)}" for name, item in stored.activations.items())
        issues.append(
            WeightsIssue("activations", "None, as in PyTorch", found, codes.NOT_EXPRESSIBLE)
        )
    if issues:
        raise WeightsError(tuple(issues))
    return {name: array.copy() for name, array in stored.parameters.items()}


def _prefixes(given: object) -> Prefixes:
    """The prefixes of a stack, or the only one."""
    found = [given] if is_a(given, str) else sequence(given)
    if not found or not all(is_a(one, str) for one in found):
        expected = "a string, or a sequence of strings, the lowest layer first"
        actual = type(given).__name__ if found is None else shown(found)
        raise fail("prefix", expected, actual, codes.WRONG_TYPE)
    return tuple(found)


def _read(given: Any, prefixes: Prefixes) -> StoredLSTM:
    """One source, of which there may be several prefixes."""
    if is_path(given):
        path = path_of(given, "source")
        kind = kind_of(path, SAFETENSORS)
        if kind is not None:
            raise fail(str(path), "a safetensors file", kind, codes.FOREIGN_FILE)
        with closing(SafetensorsFile(path)) as file:
            shapes = {name: entry.shape for name, entry in file.entries.items()}
            return _network(Source(tuple(shapes), shapes.__getitem__, file.read), prefixes)
    if is_module(given):
        return _network(_mapping(_named(entries_of(given)), given), prefixes)
    entries = mapping(given)
    if entries is not None:
        return _network(_mapping(state_dict_in(entries, prefixes)), prefixes)
    expected = (
        "a module, a mapping of names to tensors, or the path of a safetensors file; or a sequence "
        "of these"
    )
    raise fail("source", expected, type(given).__name__, codes.WRONG_TYPE)


def _item(given: object, prefixes: Prefixes, number: int) -> StoredLSTM:
    """One of several sources, by whose number its issues are called."""
    try:
        return _read(given, prefixes)
    except WeightsError as error:
        name = f"source[{number}]"
        raise WeightsError(
            tuple(
                replace(i, path=name + i.path.removeprefix("source"))
                if i.path.startswith("source")
                else replace(i, path=f"{name}: {i.path}")
                for i in error.issues
            )
        ) from None


def _named(entries: Mapping[Any, Any]) -> Mapping[str, Any]:
    """Entries whose names are all strings."""
    for name in entries:
        if not isinstance(name, str):
            raise fail("source", "names that are strings", shown(name), codes.WRONG_TYPE)
    return entries


def _mapping(entries: Mapping[str, Any], module: object = None) -> Source:
    """The entries of a mapping, each converted when it is asked for."""
    known: dict[str, npt.NDArray[Any]] = {}

    def array(name: str) -> npt.NDArray[Any]:
        if name not in known:  # a tensor is brought from its device once
            known[name] = as_array(name, entries[name])
        return known[name]

    return Source(
        tuple(entries),
        lambda name: array(name).shape,
        lambda name: to_float32(name, array(name)),
        module,
    )


def _network(source: Source, prefixes: Prefixes) -> StoredLSTM:
    """The LSTM under one prefix, or the stack of several."""
    if len(prefixes) == 1:
        prefix = prefixes[0]
        cells = numbered(source, prefix)
        if not cells:
            return _one(source, prefix)
        prefixes = tuple(cells)
    return _stack(
        [(prefix.removesuffix("."), partial(_one, source, prefix)) for prefix in prefixes]
    )


def _one(source: Source, prefix: str) -> StoredLSTM:
    """The LSTM or the cell under a prefix."""
    refuse_quantised(source, prefix)
    options = options_of(source.module, prefix)
    whole = folded(source, prefix)
    seconds = seconds_of(whole, prefix)
    stored = stored_of(whole.with_instead(seconds, {}), prefix)
    refuse_other_projection(source.module, prefix, stored.proj_size)
    refuse_differing(whole, seconds, stored)
    functions = functions_of(source.module, prefix)
    return replace(stored, batch_first=options[0], dropout=options[1], activations=functions)


def _stack(layers: Sequence[tuple[str, Callable[[], StoredLSTM]]]) -> StoredLSTM:
    """The stack of layers of one layer each, which are read one after the other."""
    read: list[tuple[str, StoredLSTM]] = []
    issues: list[WeightsIssue] = []
    for name, ask in layers:
        try:
            stored = ask()
        except WeightsError as error:
            issues += error.issues
            continue
        if stored.num_layers > 1 and len(layers) > 1:
            expected = "1: a stack is made of cells, or of LSTMs of one layer each"
            found = str(stored.num_layers)
            issues.append(
                WeightsIssue(f"{name}: num_layers", expected, found, codes.STACK_MISMATCH)
            )
        read.append((name, stored))
    if issues:
        raise WeightsError(tuple(issues))
    if len(read) == 1:
        return read[0][1]
    return stacked(read, instead="each can be read and called by itself")
