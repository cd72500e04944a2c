"""The arrays of training calls, in memory of earlier ones where nobody holds that.

In: sizes, how the caller's arrays lie, memory. Out: :class:`TrainingArrays` and :class:`Slopes`, which stand
where the caller gets them if nothing has to be moved for that. Nothing is computed here.
"""

from __future__ import annotations

import numpy as np

from bnns_lstm.config import LSTMConfig
from bnns_lstm.module.inputs import Batch
from bnns_lstm.module.memory import Spares, memory_for
from bnns_lstm.module.merge import Output, Parts
from bnns_lstm.module.results import LSTMState
from bnns_lstm.module.samples import Floats, SampleOrder, lendable
from bnns_lstm.module.structure import CallArrays, GradientArrays

__all__ = ["Slopes", "TrainingArrays"]

F = np.float32


class TrainingArrays(CallArrays):
    """What one training call reads and writes: the input and initial states as copies, the results unwritten.

    Attributes:
        direct: The output as the caller gets it, where that is the memory of `y` itself.
    """

    def __init__(
        self, config: LSTMConfig, batch: Batch, spares: Spares, target: Parts | None
    ) -> None:
        """Take the arrays of a call over.

        Raises:
            ComputeError: If there is no memory for them.
        """
        self.merge = config.merge
        samples, steps, rows = batch.samples, batch.steps, batch.rows
        self.direct: Floats | None = None
        with memory_for(f"x: {steps} steps of {rows} samples"):
            self.x = spares.floats("x", (steps, rows, config.input_size))
            np.copyto(self.x, batch.x)
            stack, outputs, units = _sizes(config, rows)
            if batch.state is None:
                self.h0, self.c0 = np.zeros((*stack, outputs), F), np.zeros((*stack, units), F)
            else:
                self.h0, self.c0 = (np.array(state, order="C") for state in batch.state)
            self.hn, self.cn = np.empty((*stack, outputs), F), np.empty((*stack, units), F)
            if config.merge == "concat" and samples.is_in_place:
                shape = samples.shape_of(steps, rows, config.layer_size)
                given = None if target is None else target[0]
                if given is None or lendable(given) is given:
                    self.direct = spares.floats("y", shape) if given is None else given
            if self.direct is None:
                self.y = spares.floats("y", (steps, rows, config.layer_size))
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
        self, config: LSTMConfig, steps: int, rows: int, samples: SampleOrder, spares: Spares
    ) -> None:
        """Memory for them.

        Raises:
            ComputeError: If there is none.
        """
        self.direct: Floats | None = None
        with memory_for(f"gradients of x: {steps} steps of {rows} samples"):
            if samples.is_in_place:
                self.direct = spares.floats("dx", samples.shape_of(steps, rows, config.input_size))
                self.x = samples.to_rows(self.direct)
            else:
                self.x = spares.floats("dx", (steps, rows, config.input_size))
            stack, outputs, units = _sizes(config, rows)
            self.h, self.c = np.empty((*stack, outputs), F), np.empty((*stack, units), F)

    def results(self, samples: SampleOrder) -> tuple[Floats, LSTMState]:
        """As the caller knows them."""
        if self.direct is None:
            return super().results(samples)
        return self.direct, _state(self.h, self.c, samples)


def _sizes(config: LSTMConfig, rows: int) -> tuple[tuple[int, int, int], int, int]:
    """All extents of a state but the last, and the last of hidden and cell state."""
    return (config.num_layers, config.directions, rows), config.outputs, config.units


def _state(h: Floats, c: Floats, samples: SampleOrder) -> LSTMState:
    """States whose rows are the caller's samples as the caller knows them, without a copy."""
    rows = h.shape[2:3] if samples.is_batched else ()
    return LSTMState(h.reshape(-1, *rows, h.shape[3]), c.reshape(-1, *rows, c.shape[3]))
