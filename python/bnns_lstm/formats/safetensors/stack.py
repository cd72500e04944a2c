"""Files of safetensors that hold LSTMs upon each other.

The configuration in the metadata is a list with that of each LSTM, the lowest first; arrays have the number of
their LSTM before their names, as in `0.weight_ih_l0`. `entries` knows the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from os import PathLike
from typing import Any

from bnns_lstm import codes
from bnns_lstm._show import named, shown
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.files import path_of, replace_with
from bnns_lstm.formats.safetensors.content import encode
from bnns_lstm.formats.safetensors.entries import described, fields_of, stored_of
from bnns_lstm.formats.safetensors.files import STACK, configuration_of, metadata_of, opened
from bnns_lstm.formats.separate import gathered, networks_of, refuse_misfits
from bnns_lstm.formats.stored import StoredLSTM

__all__ = ["load_stack", "save_stack"]


def save_stack(path: str | PathLike[str], stack: Sequence[StoredLSTM]) -> None:
    """Write LSTMs, the lowest first. What was there before stays until the new file is complete.

    Raises:
        WeightsError: If the path is none, or one does not fit on the one below.
        OSError: If it cannot be written.

    Example:
        >>> import bnns_lstm as bl, os, tempfile
        >>> from bnns_lstm.formats import StoredLSTM, load_stack, save_stack
        >>> lstms = bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)
        >>> stack = [StoredLSTM.from_config(lstm.config, lstm.state_dict()) for lstm in lstms]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model")
        ...     save_stack(path, stack)
        ...     [stored.hidden_size for stored in load_stack(path)]
        [8, 4]
    """
    parts = [described(stored) for stored in networks_of(stack)]
    arrays = {
        f"{number}.{name}": array
        for number, (_, own) in enumerate(parts)
        for name, array in own.items()
    }
    metadata = metadata_of([config for config, _ in parts], STACK)
    replace_with(path_of(path), encode(arrays, metadata))


def load_stack(path: str | PathLike[str]) -> list[StoredLSTM]:
    """Read a file that :func:`save_stack` wrote.

    Raises:
        WeightsError: With the reason, if it is another file or a damaged one.
        OSError: If it cannot be read.

    Example:
        >>> import bnns_lstm as bl, os, tempfile
        >>> from bnns_lstm.formats import StoredLSTM, load_stack, save_stack
        >>> lstms = bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)
        >>> stack = [StoredLSTM.from_config(lstm.config, lstm.state_dict()) for lstm in lstms]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model")
        ...     save_stack(path, stack)
        ...     [stored.hidden_size for stored in load_stack(path)]
        [8, 4]
    """
    with closing(opened(path)) as file:
        configs = configuration_of(str(path), file.metadata, STACK, list)
        _check(str(path), configs, list(file.entries))
        names: list[list[str]] = [[] for _ in configs]
        for entry in file.entries:
            number, _, name = entry.partition(".")
            names[int(number)].append(name)
        paths = [f"{path}: lstms[{number}]" for number in range(len(configs))]
        counts = map(len, names)
        fields = gathered(
            partial(fields_of, *one) for one in zip(paths, configs, counts, strict=True)
        )
        parts = [
            {name: file.read(f"{number}.{name}") for name in own}
            for number, own in enumerate(names)
        ]
    stack = gathered(partial(stored_of, *one) for one in zip(paths, fields, parts, strict=True))
    refuse_misfits(list(zip(paths, stack, strict=True)))
    return stack


def _check(path: str, configs: Sequence[Any], entries: Sequence[str]) -> None:
    """Refuse a list of something else than LSTMs with arrays, and arrays of none of them.

    Raises:
        WeightsError: With everything that is wrong.
    """
    if not 1 <= len(configs) <= max(len(entries), 1):
        actual = f"{len(configs)} with {len(entries)} arrays"
        expected = "at least one LSTM, and at most one for each array"
        raise fail(f"{path}: config", expected, actual, codes.MISSING_ENTRY)
    issues = [
        WeightsIssue(f"{path}: config[{number}]", "an object in JSON", shown(one), codes.WRONG_TYPE)
        for number, one in enumerate(configs)
        if not isinstance(one, dict)
    ]
    numbers = {str(number) for number in range(len(configs))}
    expected = f"names that begin with the number of one of {len(configs)} LSTMs and a dot"
    issues += [
        WeightsIssue(
            f"{path}: {named(one)}", expected, "an unexpected entry", codes.UNEXPECTED_ENTRY
        )
        for one in entries
        if "." not in one or one.partition(".")[0] not in numbers
    ]
    if issues:
        raise WeightsError(tuple(issues))
