"""The arguments of a stack of LSTMs, checked.

In: whatever a caller gives. Out: the LSTMs; for a call the lowest one's :class:`Batch` and the initial states
of all; or findings that name the argument and the number of the LSTM. Nothing is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from bnns_lstm import codes
from bnns_lstm._fit import misfits
from bnns_lstm._look import is_a, sequence
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module.arguments import gathered, refuse
from bnns_lstm.module.inputs import Batch, read_batch, read_state, state_rows
from bnns_lstm.module.lstm import LSTM
from bnns_lstm.module.merge import Parts
from bnns_lstm.module.outputs import output_of
from bnns_lstm.module.samples import Floats, SampleOrder

__all__ = ["Call", "read_call", "read_lstms", "read_states"]

States = list[tuple[Floats, Floats] | None]


class Call(NamedTuple):
    """One call.

    Attributes:
        batch: That of the lowest LSTM.
        states: Initial states of each LSTM as the caller has them; None for zeros.
        target: Where the output of the last one goes, if it is said.
    """

    batch: Batch
    states: States
    target: Parts | None

    def of(self, lstm: LSTM, number: int, below: Any) -> Batch:
        """The call of one LSTM, whose input is the output of the one below."""
        samples = self.batch.samples
        state = state_rows(lstm.config, self.states[number], samples)
        x = self.batch.x if number == 0 else samples.to_rows(below)
        return replace(self.batch, x=x, state=state)


def read_lstms(given: Any) -> tuple[LSTM, ...]:
    """LSTMs that can stand upon each other, the lowest first.

    Raises:
        ArgumentError: With everything that is none, or does not fit.
    """
    lstms = sequence(given)
    if lstms is None:
        expected = "a list of LSTMs, the lowest first"
        actual = type(given).__name__
        raise ArgumentError((Issue("lstms", codes.WRONG_TYPE, expected, actual),))
    issues: list[Issue] = []
    if not lstms:
        issues.append(Issue("lstms", codes.MISSING_ENTRY, "at least one LSTM", "an empty list"))
    places: dict[int, int] = {}
    for number, lstm in enumerate(lstms):
        path = f"lstms[{number}]"
        if not is_a(lstm, LSTM):
            issues.append(Issue(path, codes.WRONG_TYPE, "an LSTM", type(lstm).__name__))
        elif places.setdefault(id(lstm), number) != number:
            expected = "an LSTM with weights of its own, such as copy.deepcopy makes"
            actual = f"lstms[{places[id(lstm)]}] again"
            issues.append(Issue(path, codes.UNSUPPORTED_HERE, expected, actual))
    if not issues:
        issues += [
            Issue(f"lstms[{number}].{field}", codes.STACK_MISMATCH, expected, actual)
            for number, field, expected, actual in misfits([lstm.config for lstm in lstms])
        ]
    refuse(issues)
    return tuple(lstms)


def read_call(
    lstms: Sequence[LSTM],
    x: Any,
    state: Any,
    real: tuple[Any, Any],
    *,
    out: Any,
    issues: list[Issue],
) -> Call:
    """The arguments of a call; `real` is lengths and mask.

    Raises:
        ArgumentError: With every argument that is wrong, and the findings that there were.
    """
    lowest, convert = lstms[0].config, lstms[0]._engine.convert
    batch = None
    with gathered(issues):
        batch = read_batch(lowest, x, None, *real, convert=convert)
    sized = batch
    if batch is None and any(one is not None for one in real):
        # Its sizes alone, so that the other arguments are looked at all the same.
        with gathered([]):
            sized = read_batch(lowest, x, None, None, convert=convert)
    states: States = [None] * len(lstms)
    if sized is not None:
        states = read_states(lstms, state, sized.samples, sized.rows, issues)
    target = None
    if out is not None:
        target = output_of(lstms[-1].config, sized, out, issues)
    refuse(issues)
    assert batch is not None  # noqa: S101  # or there was a finding
    return Call(batch, states, target)


def read_states(
    lstms: Sequence[LSTM],
    given: Any,
    samples: SampleOrder,
    rows: int,
    issues: list[Issue],
    *,
    name: str = "state",
) -> States:
    """States (h, c) of each LSTM as the caller has them; None where there is none, or something is wrong."""
    if given is None:
        return [None] * len(lstms)
    pairs = sequence(given)
    if pairs is None or len(pairs) != len(lstms):
        expected = f"{len(lstms)} pairs (h, c), one for each LSTM, or None"
        actual = type(given).__name__ if pairs is None else f"{len(pairs)} entries"
        issues.append(Issue(name, codes.WRONG_TYPE, expected, actual))
        return [None] * len(lstms)
    return [
        read_state(
            lstm.config,
            pair,
            samples,
            rows,
            issues,
            convert=lstm._engine.convert,
            name=f"{name}[{number}]",
        )
        for number, (lstm, pair) in enumerate(zip(lstms, pairs, strict=True))
    ]
