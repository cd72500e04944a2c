"""What the names and shapes of PyTorch's weights say about an LSTM, and what is wrong with them.

In: entries under a prefix, those of an `nn.LSTM` or of an `nn.LSTMCell`. Out: one network. It does not know
where the entries come from, and nothing of lists of cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bnns_lstm import codes
from bnns_lstm._show import listed, named
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.convert import fail
from bnns_lstm.formats.stored import Peephole, StoredLSTM, shapes
from bnns_lstm.formats.torch.prefixes import no_lstm
from bnns_lstm.formats.torch.source import Source, all_of

__all__ = ["spelled", "stored_of"]

# How many surplus entries get an issue of their own.
MOST = 20
# How weights of layer normalisation within a cell are called.
NORM = re.compile(r"(^|[._/])(ln|layer_?norm)", re.IGNORECASE)


class Spelling(NamedTuple):
    """How a class of PyTorch's names its weights.

    Attributes:
        names: What its names look like: kind, layer and direction, as far as they have these.
        without: What they lack of the names of an `nn.LSTM`.
    """

    names: re.Pattern[str]
    without: str

    def of(self, name: str) -> str:
        """The name of an `nn.LSTM` as this class has it."""
        return name.removesuffix(self.without)


LSTM = Spelling(
    re.compile(
        r"(weight_ih|weight_hh|weight_hr|weight_ch|bias_ih|bias_hh)_l(0|[1-9][0-9]{0,4})(_reverse)?"
    ),
    "",
)
CELL = Spelling(re.compile(r"(weight_ih|weight_hh|bias_ih|bias_hh)()()"), "_l0")


def spelled(found: Iterable[str]) -> Spelling | None:
    """The spelling in which there are matrices of a lowest layer; None if there are none."""
    names = set(found)
    for spelling in (LSTM, CELL):
        if not names.isdisjoint(map(spelling.of, ("weight_ih_l0", "weight_hh_l0"))):
            return spelling
    return None


def stored_of(source: Source, prefix: str) -> StoredLSTM:
    """The network that the entries under the prefix make up.

    Raises:
        WeightsError: Naming everything that is missing, surplus, of another shape or not supported.
    """
    names = source.under(prefix)
    spelling = spelled(names)
    if spelling is None:
        raise no_lstm(source, prefix)
    own = {name: match for name in names if (match := spelling.names.fullmatch(name))}
    found = {
        name.removeprefix(prefix): shape
        for name, shape in all_of((prefix + name for name in own), source.shape).items()
    }
    layers = len({match[2] for match in own.values()})
    peephole: Peephole = None
    if any(match[1] == "weight_ch" for match in own.values()):
        peephole = "full" if len(found.get("weight_ch_l0", ())) == 2 else "diagonal"
    is_projected = any(match[1] == "weight_hr" for match in own.values())
    input_size, hidden_size, outputs = _sizes(prefix, found, spelling, is_projected=is_projected)
    proj_size = outputs if is_projected else 0
    bidirectional = any(match[3] for match in own.values())
    bias = any(match[1].startswith("bias") for match in own.values())
    expected = shapes(
        input_size, hidden_size, layers, bidirectional=bidirectional, bias=bias, peephole=peephole,
        proj_size=proj_size,
    )  # fmt: skip
    wanted = {spelling.of(name): shape for name, shape in expected.items()}
    issues = list(_issues(prefix, names, found, wanted))
    if issues:
        raise WeightsError(tuple(issues))
    arrays = all_of((prefix + name for name in wanted), source.read)
    return StoredLSTM(
        input_size=input_size, hidden_size=hidden_size, num_layers=layers, bidirectional=bidirectional,
        bias=bias, batch_first=False, dropout=0.0, peephole=peephole, activations=None,
        parameters=dict(zip(expected, arrays.values(), strict=True)), proj_size=proj_size,
    )  # fmt: skip


def _sizes(
    prefix: str, found: Mapping[str, tuple[int, ...]], spelling: Spelling, *, is_projected: bool
) -> tuple[int, int, int]:
    """Inputs, units and outputs, as the lowest layer's matrices have them."""
    upper, lower = spelling.of("weight_hh_l0"), spelling.of("weight_ih_l0")
    recurrent, below = found.get(upper), found.get(lower)
    if recurrent is None or below is None:
        missing = upper if recurrent is None else lower
        raise fail(prefix + missing, "a matrix", "no such entry", codes.MISSING_ENTRY)
    rows, outputs = recurrent if len(recurrent) == 2 else (0, 0)
    units = rows // 4
    fits = outputs <= units if is_projected else outputs == units
    if outputs < 1 or rows != 4 * units or not fits:
        expected, actual = _recurrent(recurrent, is_projected=is_projected)
        raise fail(f"{prefix}{upper}", expected, actual, codes.SIZE_MISMATCH)
    if len(below) != 2 or below[1] < 1:
        wanted = f"[{rows}, input]"
        raise fail(f"{prefix}{lower}", wanted, str(list(below)), codes.SIZE_MISMATCH)
    return below[1], units, outputs


def _recurrent(shape: tuple[int, ...], *, is_projected: bool) -> tuple[str, str]:
    """What is expected of a recurrent matrix, and what one of another shape is."""
    if is_projected:
        return (
            "[4*hidden, proj] with proj of at most hidden, as weight_hr_l0 is there",
            f"{[*shape]}",
        )
    rows, columns = shape if len(shape) == 2 else (0, 0)
    if rows % 4 == 0 and 0 < columns < rows // 4:
        expected = "[4*hidden, hidden], or [4*hidden, proj] beside weight_hr_l0"
        return expected, f"{[*shape]} without weight_hr_l0"
    others = {columns: ", an RNN", 3 * columns: ", a GRU"} if columns else {}
    return "[4*hidden, hidden]", f"{[*shape]}{others.get(rows, '')}"


def _issues(
    prefix: str,
    names: Iterable[str],
    found: Mapping[str, tuple[int, ...]],
    expected: Mapping[str, tuple[int, ...]],
) -> Iterable[WeightsIssue]:
    """Everything that is missing, of another shape, or surplus."""
    for name, shape in expected.items():
        if name not in found:
            wanted = f"an array of shape {list(shape)}"
            yield WeightsIssue(prefix + name, wanted, "no such entry", codes.MISSING_ENTRY)
        elif found[name] != shape:
            wanted, actual = str(list(shape)), str(list(found[name]))
            yield WeightsIssue(prefix + name, wanted, actual, codes.SIZE_MISMATCH)
    surplus = [name for name in names if name not in expected]
    known = f"only {listed([prefix + name for name in expected])}"
    for name in surplus[:MOST]:
        text = known + (": an LSTM without layer normalisation" if NORM.search(name) else "")
        path, actual = named(prefix + name), "an unexpected entry"
        yield WeightsIssue(path, text, actual, codes.UNEXPECTED_ENTRY)
    if len(surplus) > MOST:
        actual = f"{len(surplus) - MOST} more unexpected entries, {listed(surplus[MOST:])}"
        yield WeightsIssue(f"entries under {prefix!r}", known, actual, codes.UNEXPECTED_ENTRY)
