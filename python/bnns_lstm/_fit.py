"""Which LSTMs can stand upon each other, each reading the output of the one below.

In: configurations, the lowest first. Out: what does not fit, by the number of the LSTM. It knows neither
weights nor what errors call an LSTM.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from bnns_lstm.config import LSTMConfig

__all__ = ["Misfit", "misfits"]


class Misfit(NamedTuple):
    """A field of an LSTM that does not fit."""

    number: int
    field: str
    expected: str
    actual: str


def misfits(configs: Sequence[LSTMConfig]) -> Iterator[Misfit]:
    """What does not fit, LSTM by LSTM."""
    first = configs[0]
    for number, (below, config) in enumerate(pairwise(configs), 1):
        if below.merge is None:
            expected = "'concat', 'sum', 'ave' or 'mul' where another LSTM stands above"
            yield Misfit(number - 1, "merge", expected, "None")
        elif config.input_size != below.output_size:
            expected = f"{below.output_size}, the output_size of the one below"
            yield Misfit(number, "input_size", expected, str(config.input_size))
        if config.batch_first != first.batch_first:
            expected = f"{first.batch_first}, as of the lowest"
            yield Misfit(number, "batch_first", expected, str(config.batch_first))
