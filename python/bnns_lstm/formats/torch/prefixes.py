"""Where in a larger set of entries there are LSTMs, for the error of one that is not where it is looked for.

In: names. Out: the prefixes under which there are LSTMs, cells and quantised ones. It reads no values.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from bnns_lstm import codes
from bnns_lstm._show import listed
from bnns_lstm.errors import WeightsError
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.torch.source import Source

__all__ = ["holds_lstm", "is_cell", "no_lstm", "refuse_quantised"]

# The matrix of a lowest layer, with what parametrisations put around its name.
LOWEST = re.compile(
    r"(.*?)(?:parametrizations\.)?(?<!_packed_)weight_ih(_l0)?(?:_g|_v|_orig|\.original[01]?)?",
    re.DOTALL,
)
# What modules hold instead of weights after `quantize_dynamic`.
QUANTISED = re.compile(
    r"(.*?)(?:_all_weight_values\.\d+\.param|_packed_weight_(?:ih|hh))", re.DOTALL
)


def holds_lstm(names: Iterable[str], prefix: str = "") -> bool:
    """Whether there is an LSTM, or what quantisation left of one, under names that begin with a prefix."""
    return any(
        name.startswith(prefix) and (LOWEST.fullmatch(name) or QUANTISED.fullmatch(name))
        for name in names
    )


def is_cell(names: Iterable[str]) -> bool:
    """Whether these names, without a prefix, are those of an `nn.LSTMCell`, parametrised ones included."""
    matches = (LOWEST.fullmatch(name) for name in names)
    return any(match is not None and not match[1] and not match[2] for match in matches)


def refuse_quantised(source: Source, prefix: str) -> None:
    """Raise the error of a dynamically quantised LSTM if the entries under the prefix are of one."""
    for name in source.under(prefix):
        match = QUANTISED.fullmatch(name)
        if match is not None and not match[1]:
            expected = "weights of float numbers: give the model before `quantize_dynamic`"
            actual = "a dynamically quantised LSTM, whose weights are packed"
            raise fail(prefix + name, expected, actual, codes.UNSUPPORTED_HERE)


def no_lstm(source: Source, prefix: str) -> WeightsError:
    """An error that lists the prefixes under which there are LSTMs."""
    under = [name for name in source.names if name.startswith(prefix)]
    found = f"only {listed(under)}" if under else "no entry with this prefix"
    prefixes = _matching(LOWEST, source.names)
    quantised = _matching(QUANTISED, source.names)
    if prefixes:
        found = f"LSTMs under the prefixes {listed(prefixes)} alone"
    elif quantised:
        found = f"dynamically quantised LSTMs alone, under the prefixes {listed(quantised)}"
    expected = f"entries {prefix + 'weight_ih_l0'!r} and so on"
    return fail("source", expected, found, codes.MISSING_ENTRY)


def _matching(pattern: re.Pattern[str], names: Collection[str]) -> list[str]:
    """The first group of each name that matches, once."""
    matches = (pattern.fullmatch(name) for name in names)
    return list(dict.fromkeys(match[1] for match in matches if match is not None))
