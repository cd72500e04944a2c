"""What the names and shapes of PyTorch's weights say about an LSTM, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bnns_lstm import codes
from bnns_lstm._show import listed, shown
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.stored import Floats, Peephole, StoredLSTM, shapes

__all__ = ["Source", "stored_of"]

NAME = re.compile(
    r"(weight_ih|weight_hh|weight_ch|bias_ih|bias_hh)_l(0|[1-9][0-9]{0,4})(_reverse)?"
)
# How many surplus entries get an issue of their own.
MOST = 20


@dataclass(frozen=True)
class Source:
    """Entries of any origin.

    Attributes:
        prefix: What the names of the LSTM's entries begin with.
        shapes: The shapes of all entries under their full names.
        read: The values of one entry.
        batch_first: As of :class:`StoredLSTM`.
        dropout: As of :class:`StoredLSTM`.
    """

    prefix: str
    shapes: Mapping[str, tuple[int, ...]]
    read: Callable[[str], Floats]
    batch_first: bool = False
    dropout: float = 0.0


def stored_of(source: Source) -> StoredLSTM:
    """The network that the entries under the prefix make up.

    Raises:
        WeightsError: Naming everything that is missing, surplus, of another shape or not supported.
    """
    prefix = source.prefix
    found = {
        name.removeprefix(prefix): shape
        for name, shape in source.shapes.items()
        if name.startswith(prefix)
    }
    if "weight_ih_l0" not in found and "weight_hh_l0" not in found:
        raise _no_lstm(source)
    own = {name: match for name in found if (match := NAME.fullmatch(name))}
    layers = len({match[2] for match in own.values()})
    peephole: Peephole = None
    if any(match[1] == "weight_ch" for match in own.values()):
        peephole = "full" if len(found.get("weight_ch_l0", ())) == 2 else "diagonal"
    input_size, hidden_size = _sizes(source, found)
    bidirectional = any(match[3] for match in own.values())
    bias = any(match[1].startswith("bias") for match in own.values())
    expected = shapes(
        input_size, hidden_size, layers, bidirectional=bidirectional, bias=bias, peephole=peephole
    )
    issues = list(_issues(prefix, found, expected))
    if issues:
        raise WeightsError(tuple(issues))
    arrays = {name: source.read(prefix + name) for name in expected}
    return StoredLSTM(
        input_size=input_size, hidden_size=hidden_size, num_layers=layers, bidirectional=bidirectional,
        bias=bias, batch_first=source.batch_first, dropout=source.dropout, peephole=peephole,
        activations=None, parameters=arrays,
    )  # fmt: skip


def _no_lstm(source: Source) -> WeightsError:
    """An error that lists the prefixes under which there are LSTMs."""
    ending = "weight_ih_l0"
    prefixes = [name.removesuffix(ending) for name in source.shapes if name.endswith(ending)]
    under = [name for name in source.shapes if name.startswith(source.prefix)]
    found = f"only {listed(under)}" if under else "no entry with this prefix"
    if prefixes:
        found = f"LSTMs under the prefixes {listed(prefixes)} alone"
    expected = f"entries {source.prefix + ending!r} and so on"
    return fail("source", expected, found, codes.MISSING_ENTRY)


def _sizes(source: Source, found: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
    """Input and hidden size, as the lowest layer's matrices have them."""
    prefix = source.prefix
    recurrent, below = found.get("weight_hh_l0"), found.get("weight_ih_l0")
    if recurrent is None or below is None:
        missing = "weight_hh_l0" if recurrent is None else "weight_ih_l0"
        raise fail(prefix + missing, "a matrix", "no such entry", codes.MISSING_ENTRY)
    hidden = recurrent[-1] if len(recurrent) == 2 else 0
    if hidden < 1 or recurrent[0] != 4 * hidden:
        others = {hidden: "an RNN", 3 * hidden: "a GRU"} if hidden else {}
        actual, code = str(list(recurrent)), codes.SIZE_MISMATCH
        if "weight_hr_l0" in found:
            actual += " and a projection 'weight_hr_l0', which is not supported"
            code = codes.UNSUPPORTED_HERE
        elif recurrent[:1] and recurrent[0] in others:
            actual += f", {others[recurrent[0]]}"
        raise fail(f"{prefix}weight_hh_l0", "[4*hidden, hidden]", actual, code)
    if len(below) != 2 or below[1] < 1:
        raise fail(
            f"{prefix}weight_ih_l0", f"[{4 * hidden}, input]", str(list(below)), codes.SIZE_MISMATCH
        )
    return below[1], hidden


def _issues(
    prefix: str, found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]
) -> Iterable[WeightsIssue]:
    """Everything that is missing, of another shape, or surplus."""
    for name, shape in expected.items():
        if name not in found:
            wanted = f"an array of shape {list(shape)}"
            yield WeightsIssue(prefix + name, wanted, "no such entry", codes.MISSING_ENTRY)
        elif found[name] != shape:
            wanted, actual = str(list(shape)), str(list(found[name]))
            yield WeightsIssue(prefix + name, wanted, actual, codes.SIZE_MISMATCH)
    surplus = [name for name in found if name not in expected]
    known = f"only {listed([prefix + name for name in expected])}"
    for name in surplus[:MOST]:
        wanted, actual, code = known, "an unexpected entry", codes.UNEXPECTED_ENTRY
        if name.startswith("weight_hr"):
            wanted, actual = "an LSTM without a projection", "a projection, which is not supported"
            code = codes.UNSUPPORTED_HERE
        yield WeightsIssue(shown(prefix + name).strip("'"), wanted, actual, code)
    if len(surplus) > MOST:
        actual = f"{len(surplus) - MOST} more unexpected entries"
        yield WeightsIssue(f"entries under {prefix!r}", known, actual, codes.UNEXPECTED_ENTRY)
