"""The arrays of training calls, in memory of earlier ones where nobody holds that.

In: sizes, how the caller's arrays lie, memory. Out: :class:`TrainingArrays` and :class:`Slopes`, which stand
where the caller gets them if nothing has to be moved for that. Nothing is computed here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bnns_lstm.config import LSTMConfig, Merge
from bnns_lstm.module.inputs import Batch
from bnns_lstm.module.memory import FLOAT32, Spares, memory_for
from bnns_lstm.module.merge import Output, Parts
from bnns_lstm.module.results import LSTMState
from bnns_lstm.module.samples import Floats, SampleOrder, is_lendable
from bnns_lstm.module.structure import CallArrays, GradientArrays

__all__ = ["Slopes", "TrainingArrays", "Widths"]


class Widths(NamedTuple):
    """What the arrays of a configuration's calls have in common, which takes a while to be asked."""

    merge: Merge
    layers: int
    directions: int
    input_size: int
    layer_size: int
    outputs: int
    units: int

    @classmethod
    def of(cls, config: LSTMConfig) -> Widths:
        """Those of a configuration."""
        return cls(
            config.merge, config.num_layers, config.directions, config.input_size,
            config.layer_size, config.outputs, config.units,
        )  # fmt: skip

    def states(self, rows: int) -> tuple[Floats, Floats]:
        """Memory for hidden and cell states, whatever it holds."""
        stack = (self.layers, self.directions, rows)
        return np.empty((*stack, self.outputs), FLOAT32), np.empty((*stack, self.units), FLOAT32)


class TrainingArrays(CallArrays):
    """What one training call reads and writes: the input and initial states as copies, the results unwritten.

    Attributes:
        direct: The output as the caller gets it, where that is the memory of `y` itself.
    """

    def __init__(self, widths: Widths, batch: Batch, spares: Spares, target: Parts | None) -> None:
        """Take the arrays of a call over.

        Raises:
            ComputeError: If there is no memory for them.
        """
        self.merge = widths.merge
        samples, steps, rows = batch.samples, batch.steps, batch.rows
        self.direct: Floats | None = None
        with memory_for(f"x: {steps} steps of {rows} samples"):
            self.x = spares.floats("x", (steps, rows, widths.input_size))
            np.copyto(self.x, batch.x)
            if batch.state is None:
                self.h0, self.c0 = widths.states(rows)
                self.h0.fill(0)
                self.c0.fill(0)
            else:
                self.h0, self.c0 = (np.array(state, order="C") for state in batch.state)
            self.hn, self.cn = widths.states(rows)
            if widths.merge == "concat" and samples.is_in_place:
                shape = samples.shape_of(steps, rows, widths.layer_size)
                given = None if target is None else target[0]
                if given is None or is_lendable(given):
                    self.direct = spares.floats("y", shape) if given is None else given
            if self.direct is None:
                self.y = spares.floats("y", (steps, rows, widths.layer_size))
            else:
                self.y = samples.to_rows(self.direct)

    def results(
        self, samples: SampleOrder, target: Parts | None = None
    ) -> tuple[Output, LSTMState]:
        """Output and final states as the caller knows them."""
        if self.direct is None or (target is not None and target[0] is not self.direct):
            return super().results(samples, target)
        return self.direct, _state(self.hn, self.cn, samples)


class Slopes(GradientArrays):
    """Gradients of the input and of the initial states, unwritten."""

    def __init__(
        self, widths: Widths, sizes: tuple[int, int], samples: SampleOrder, spares: Spares
    ) -> None:
        """Memory for them.

        Raises:
            ComputeError: If there is none.
        """
        self.direct: Floats | None = None
        steps, rows = sizes
        with memory_for(f"gradients of x: {steps} steps of {rows} samples"):
            if samples.is_in_place:
                self.direct = spares.floats("dx", samples.shape_of(steps, rows, widths.input_size))
                self.x = samples.to_rows(self.direct)
            else:
                self.x = spares.floats("dx", (steps, rows, widths.input_size))
            self.h, self.c = widths.states(rows)

    def results(self, samples: SampleOrder) -> tuple[Floats, LSTMState]:
        """As the caller knows them."""
        if self.direct is None:
            return super().results(samples)
        return self.direct, _state(self.h, self.c, samples)


def _state(h: Floats, c: Floats, samples: SampleOrder) -> LSTMState:
    """States whose rows are the caller's samples as the caller knows them, without a copy."""
    rows = h.shape[2:3] if samples.is_batched else ()
    return LSTMState(h.reshape(-1, *rows, h.shape[3]), c.reshape(-1, *rows, c.shape[3]))
