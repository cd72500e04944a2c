"""PyTorch's weights: a module, a state dict or a safetensors file to :class:`StoredLSTM`, and back.

PyTorch is never imported: a module is what has `state_dict()`, a tensor what has `detach()`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from bnns_lstm import codes
from bnns_lstm._look import attempt, is_a, mapping, reason
from bnns_lstm._show import show
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.convert import as_array, fail, to_float32
from bnns_lstm.formats.files import is_path, path_of
from bnns_lstm.formats.safetensors.files import SafetensorsFile
from bnns_lstm.formats.stored import Floats, StoredLSTM
from bnns_lstm.formats.torch.names import Source, stored_of

__all__ = ["read_torch", "write_state_dict"]

# How files of other kinds begin, and why they are not taken.
OTHERS = {
    b"PK\x03\x04": "a PyTorch checkpoint, whose loading could run code: give the state dict that "
    "`torch.load(path, weights_only=True)` returns, or save as safetensors",
    b"\x80": "a pickle, whose loading could run code: give the state dict that "
    "`torch.load(path, weights_only=True)` returns, or save as safetensors",
    b"\x93NUMPY": "an array of NumPy: give a mapping of names to arrays",
    b"\x89HDF": "an HDF5 file: `read_keras` takes those of Keras",
}


def read_torch(
    source: str | os.PathLike[str] | Mapping[str, Any] | Any, prefix: str = ""
) -> StoredLSTM:
    """Take over an `nn.LSTM`, or what was stored of one.

    Args:
        source: A module; a mapping from names to tensors or arrays; or the path of a safetensors file.
        prefix: What stands before the LSTM's own names, for example `"encoder.lstm."`. All entries that
            begin with it must belong to the LSTM.

    Returns:
        The network. Sizes, layers, directions and biases follow from names and shapes; `batch_first` and
        `dropout` are a module's, and False and 0 for other sources, which do not say.

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
    if not is_a(prefix, str):
        raise fail("prefix", "a string", type(prefix).__name__, codes.WRONG_TYPE)
    if is_path(source):
        with _file(path_of(source, "source")) as file:
            sizes = {name: entry.shape for name, entry in file.entries.items()}
            return stored_of(Source(prefix, sizes, file.read))
    given: Any = source
    if callable(_attribute(given, "state_dict", None)):
        return stored_of(_module(given, prefix))
    entries = mapping(given)
    if entries is not None:
        return stored_of(_mapping(entries, prefix))
    expected = "a module, a mapping of names to tensors, or the path of a safetensors file"
    raise fail("source", expected, type(source).__name__, codes.WRONG_TYPE)


def write_state_dict(stored: StoredLSTM) -> dict[str, Floats]:
    """The weights under PyTorch's names and in PyTorch's order, as new arrays.

    `{name: torch.from_numpy(array) ...}` is what `nn.LSTM.load_state_dict` takes. Initial states are no
    part of it: PyTorch gives them to the call.

    Raises:
        WeightsError: If the network has peepholes, other activations or another `merge` than PyTorch's.
    """
    issues = []
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


@contextmanager
def _file(path: Path) -> Iterator[SafetensorsFile]:
    """An open safetensors file, or an error that says what it is instead."""
    with path.open("rb") as opened:
        begin = opened.read(9)
    for magic, kind in OTHERS.items():
        # A safetensors file may begin with any eight bytes, but then its header follows.
        if begin.startswith(magic) and begin[8:] != b"{":
            raise fail(str(path), "a safetensors file", kind, codes.FOREIGN_FILE)
    with closing(SafetensorsFile(path)) as file:
        yield file


def _mapping(entries: Mapping[str, Any], prefix: str) -> Source:
    """The entries of a mapping; only those under the prefix are looked at."""
    for name in entries:
        if not isinstance(name, str):
            raise fail("source", "names that are strings", show(name), codes.WRONG_TYPE)
    chosen = {
        name: as_array(name, value) for name, value in entries.items() if name.startswith(prefix)
    }
    sizes = {name: chosen[name].shape if name in chosen else () for name in entries}
    return Source(prefix, sizes, lambda name: to_float32(name, chosen[name]))


def _attribute(owner: object, name: str, default: Any) -> Any:
    """An attribute, or the default where there is none or it cannot be read."""
    found = attempt(lambda: getattr(owner, name))
    return default if isinstance(found, Exception) else found


def _module(module: Any, prefix: str) -> Source:
    """The entries of a module, and what the LSTM that the prefix leads to says about itself."""
    given = attempt(module.state_dict)
    entries = mapping(given)
    if entries is None:
        found = reason(given) if isinstance(given, Exception) else type(given).__name__
        raise fail("source.state_dict()", "a mapping of names to tensors", found, codes.WRONG_TYPE)
    source = _mapping(entries, prefix)
    lstm = module
    for step in prefix.removesuffix(".").split(".") if prefix else ():
        lstm = _attribute(lstm, step, None)
    mode = _attribute(lstm, "mode", "LSTM")
    if mode != "LSTM":
        raise fail("source.mode", "'LSTM'", show(mode), codes.UNSUPPORTED_HERE)
    projection = _attribute(lstm, "proj_size", 0)
    if projection != 0:
        raise fail(
            "source.proj_size",
            "0: there is no projection here",
            show(projection),
            codes.UNSUPPORTED_HERE,
        )
    batch_first, dropout = _attribute(lstm, "batch_first", False), _attribute(lstm, "dropout", 0.0)
    # Other modules may have such attributes for other purposes.
    if type(batch_first) is not bool or not isinstance(dropout, float | int):
        return source
    return Source(prefix, source.shapes, source.read, batch_first, float(dropout))
