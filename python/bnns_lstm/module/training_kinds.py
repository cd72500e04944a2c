"""Kinds of usual training calls: how the arrays of a caller lie in the structure.

In: the shape of an input, lengths; then the caller's arrays. Out: arrays in the order of the other side,
without a copy where nothing moves; or None for what is not as usual. It plans and computes nothing, since a
tape keeps its kind, and names nothing that is wrong.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bnns_lstm.config import LSTMConfig
from bnns_lstm.module.lengths import Counts, arranged
from bnns_lstm.module.memory import FLOAT32, MakeFloats, memory_for
from bnns_lstm.module.results import LSTMState
from bnns_lstm.module.samples import Floats, SampleOrder
from bnns_lstm.module.structure import states_of
from bnns_lstm.module.training_arrays import Widths

__all__ = ["Kind", "Room"]

Shape = tuple[int, ...]
# Gradients of an output, a hidden and a cell state.
Slopes = tuple[Floats | None, Floats | None, Floats | None]


class Room(NamedTuple):
    """Arrays that a call writes: a sequence and states.

    `given` is the sequence as the caller gets it, or None for a copy; `rows`, `h` and `c` are those of the
    structure.
    """

    given: Floats | None
    rows: Floats
    h: Floats
    c: Floats


class Kind:
    """Calls of one shape of the input, and of the same lengths.

    Attributes:
        samples: How the caller's arrays lie.
        sizes: Steps and rows.
        active: How many rows still run at each step, or None if all run to the end.
        what: What asks for memory.
        x: Shape of the input in the structure.
        y: Shape of the output as the caller knows it.
        zeros: Initial states in the structure, which nobody writes.
    """

    __slots__ = (
        "_dx", "_is_in_place", "_is_moved", "_layers", "_states", "_y", "active", "samples", "sizes",
        "what", "x", "y", "zeros",
    )  # fmt: skip

    def __init__(
        self,
        config: LSTMConfig,
        widths: Widths,
        samples: SampleOrder,
        sizes: tuple[int, int],
        active: Any,
    ) -> None:
        """Find all shapes.

        Raises:
            ComputeError: If there is no memory for such calls.
        """
        steps, rows = sizes
        self.samples, self.sizes, self.active = samples, sizes, active
        self._is_in_place = samples.is_in_place
        self._is_moved = samples.batch_first or not samples.is_batched or samples.rows is not None
        self.what = f"x: {steps} steps of {rows} samples"
        self.x: Shape = (steps, rows, widths.input_size)
        self._y: Shape = (steps, rows, widths.layer_size)
        self._dx = samples.shape_of(steps, rows, widths.input_size)
        self.y = samples.shape_of(steps, rows, widths.layer_size)
        self._layers, stack = widths.layers, widths.layers * widths.directions
        self._states = (
            samples.state_shape_of(stack, rows, widths.outputs),
            samples.state_shape_of(stack, rows, widths.units),
        )
        with memory_for(self.what):
            self.zeros = states_of(config, rows)

    @classmethod
    def of(
        cls, config: LSTMConfig, widths: Widths, shape: Shape, counts: Counts | None
    ) -> Kind | None:
        """Calls with an input of this shape; None for a shape or lengths that are not as usual.

        Raises:
            ComputeError: If there is no memory for such calls.
        """
        if len(shape) not in (2, 3) or shape[-1] != config.input_size or 0 in shape:
            return None
        samples = SampleOrder(config.batch_first, is_batched=len(shape) == 3)
        sizes, active = samples.sizes_of(shape), None
        if counts is not None:
            with memory_for(f"x: {sizes[0]} steps of {sizes[1]} samples"):
                found = arranged(samples, sizes, counts)
            if found is None:
                return None
            samples, active = found
        return cls(config, widths, samples, sizes, active)

    def to_rows(self, sequence: Floats) -> Floats:
        """A sequence of the caller in the structure."""
        return self.samples.to_rows(sequence) if self._is_moved else sequence

    def fill(self, target: Floats, x: Floats) -> None:
        """Take an input of the caller over, copied once."""
        if self._is_moved:
            self.samples.fill_rows(x, target)
        else:
            np.copyto(target, x)

    def own_states(self, states: Any) -> tuple[Floats, Floats] | None:
        """As `states_to_rows`, in memory that the caller does not have."""
        found = self.states_to_rows(states)
        if found is None or self.samples.rows is not None:  # rows in another order are copies
            return found
        with memory_for(self.what):
            return found[0].copy(), found[1].copy()

    def states_to_rows(self, states: Any) -> tuple[Floats, Floats] | None:
        """A pair of states of the caller in the structure; None where they are not as usual."""
        if len(states) != 2:
            return None
        for given, shape in zip(states, self._states, strict=True):
            is_array = type(given) is np.ndarray and given.dtype is FLOAT32
            if not is_array or given.shape != shape:
                return None
        h, c = states
        with memory_for(self.what):
            to_rows, layers = self.samples.state_to_rows, self._layers
            return to_rows(h, layers), to_rows(c, layers)

    def slopes_to_rows(self, dy: Any, d_state: Any) -> Slopes | None:
        """Gradients of output and final states in the structure, None for what is not there.

        None in place of all where one is not as usual, or where there is none.
        """
        d_states: tuple[Floats | None, Floats | None] = None, None
        if d_state is not None:
            found = self.states_to_rows(d_state)
            if found is None:
                return None
            d_states = found
        if dy is None:
            return None if d_state is None else (None, *d_states)
        if type(dy) is not np.ndarray or dy.dtype is not FLOAT32 or dy.shape != self.y:
            return None
        with memory_for(self.what):
            return self.to_rows(dy), *d_states

    def output_room(self, floats: MakeFloats, out: Floats | None) -> Room:
        """Room for an output, which goes to `out` if that is given."""
        if self._is_in_place:
            y = floats("y", self.y) if out is None else out
            return Room(y, self.to_rows(y), *self._states_room())
        return Room(out, floats("y", self._y), *self._states_room())

    def slopes_room(self, floats: MakeFloats) -> Room:
        """Room for the gradients of input and initial states."""
        if self._is_in_place:
            dx = floats("dx", self._dx)
            return Room(dx, self.to_rows(dx), *self._states_room())
        return Room(None, floats("dx", self.x), *self._states_room())

    def _states_room(self) -> tuple[Floats, Floats]:
        h0, c0 = self.zeros
        return np.empty(h0.shape, FLOAT32), np.empty(c0.shape, FLOAT32)

    def results(self, room: Room) -> tuple[Floats, LSTMState]:
        """A sequence and states that were computed as the caller knows them."""
        given, rows, h, c = room
        if self._is_in_place:
            h_shape, c_shape = self._states
            assert given is not None  # noqa: S101
            return given, LSTMState(h.reshape(h_shape), c.reshape(c_shape))
        samples = self.samples
        with memory_for(self.what):
            states = LSTMState(samples.state_to_caller(h), samples.state_to_caller(c))
            return samples.to_caller(rows, given), states
