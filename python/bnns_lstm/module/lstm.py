"""The module itself.

In: sizes at the beginning, then arrays. Out: outputs, states, gradients, in the shapes of PyTorch's module. It
calls the structure level through `engine` only; `structure` makes what it hands out as a structure, `stateful`
holds the weights, `files` the ways to and from others.

Weights and calls: `parameters` hands out views that may be written, so that reading it marks the weights as
changed, and the next call packs them anew. Whoever keeps a view and writes it later calls `update()`; until
then calls use the weights that were packed last. `load_state_dict` does so by itself, and training calls
always take the weights as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from warnings import warn

import numpy as np

from bnns_lstm import codes
from bnns_lstm._look import is_a
from bnns_lstm.config import LSTMConfig, Merge, Peephole, activations_of, truth
from bnns_lstm.descriptors import LayerParametersLSTM, LSTMDataDescriptor
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module.arguments import (
    bias_of,
    dropout_seed_of,
    gathered,
    generator,
    refuse,
    threads,
)
from bnns_lstm.module.files import Files
from bnns_lstm.module.inputs import Batch, read_batch, read_state, state_rows
from bnns_lstm.module.merge import Parts
from bnns_lstm.module.outputs import output_gradient, output_of
from bnns_lstm.module.results import Gradients, LSTMState, Tape, of_tape
from bnns_lstm.module.stream import Stream
from bnns_lstm.module.structure import check_functions, structure_of

__all__ = ["LSTM"]


class LSTM(Files):
    """A stack of LSTM layers with weights of its own.

    Args:
        input_size: Values per step that the lowest layer reads.
        hidden_size: Units of each layer and direction.
        num_layers: Layers, one upon the other.
        bias: Whether gates have biases.
        batch_first: Whether inputs and outputs are `[batch, steps, values]`. States never are.
        dropout: Share of the values dropped between layers in training calls. With one layer there is
            nothing between layers, which a `UserWarning` says.
        bidirectional: Whether each layer reads the sequence in both directions.
        peephole: None, `"diagonal"` (each unit's gates see its cell state) or `"full"` (all of them).
        activations: Functions of `input`, `forget`, `candidate` and `output` gate and of the `hidden` state
            that differ from the default ones, by name (`"hard_sigmoid"`) or as :class:`Activation`.
        merge: What the two directions of the last layer become in the output: side by side (`"concat"`), their
            `"sum"`, average (`"ave"`) or product (`"mul"`), or a pair of arrays (None). It concerns the output
            alone: layers below, states and cell states keep both. Others than `"concat"` need `bidirectional`.
        seed: What the initial weights and the seeds of dropout depend on; None draws one.
        num_threads: Threads to use at most; None leaves the choice to the library.
        forget_bias: Added to the forget gates' initial biases; refused where there are none.
        convert: Convert other types of numbers to float32 instead of refusing them.

    Weights begin uniform in ±1/sqrt(hidden_size), as PyTorch's (but not the same numbers).

    Raises:
        ArgumentError: With every argument that is wrong.
        ComputeError: If there is no memory for the weights.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> lstm = bl.LSTM(3, 4, seed=0)
        >>> y, state = lstm(np.zeros((5, 2, 3), np.float32))
        >>> y.shape, state.h.shape
        ((5, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        peephole: Peephole = None,
        activations: Mapping[str, Any] | None = None,
        merge: Merge = "concat",
        seed: int | None = None,
        num_threads: int | None = None,
        forget_bias: float = 0.0,
        convert: bool = False,
    ) -> None:
        """Check the configuration and draw weights."""
        issues: list[Issue] = []
        functions: Any = ()
        with gathered(issues):
            functions = activations_of(activations)
        config = None
        with gathered(issues):
            config = LSTMConfig(
                input_size, hidden_size, num_layers, bias=bias, batch_first=batch_first, dropout=dropout,
                bidirectional=bidirectional, peephole=peephole, activations=functions, merge=merge,
            )  # fmt: skip
        number = threads(num_threads, issues)
        is_converting = truth("convert", convert, issues)
        self._random = generator(seed, issues)
        added = bias_of(forget_bias, issues, has_bias=bias)
        refuse(issues)
        assert config is not None  # noqa: S101  # or there was a finding
        check_functions(config)
        if config.dropout and config.num_layers == 1:
            why = "it acts between layers only, and num_layers is 1"
            warn(f"dropout={config.dropout} has no effect: {why}", UserWarning, stacklevel=2)
        weights = self._set_up(config, number, convert=is_converting)
        weights.draw(self._random, config.hidden_size**-0.5, added)

    def __call__(
        self,
        x: Any,
        state: Any = None,
        *,
        lengths: Any = None,
        mask: Any = None,
        out: Any = None,
        return_cell_states: bool = False,
    ) -> Any:
        """Compute the outputs of all steps and the states after them.

        Args:
            x: `[steps, batch, input]`, with `batch_first` `[batch, steps, input]`, or `[steps, input]`; or a
                `PackedSequence` of PyTorch's, whose lengths count, and whose results are those of the padded
                array. Where there is no step or no sample, outputs are empty or 0, and final states the
                initial ones.
            state: Initial states (h, c), each `[layers * directions, batch, hidden]` (without batch for an
                input without one); None for zeros.
            lengths: Steps of each sample, in any order; outputs beyond a sample's end are 0, and its final
                states are those of its own last step.
            mask: True, or 1, where a step is real; the shape of `x` without its last axis. Padding may stand
                before and after a sample's real steps. Outputs are 0 there, and final states are those of
                the last real step. Not together with `lengths`.
            out: Where to write the output; with `merge=None` a pair.
            return_cell_states: Give the cell states of the last layer at every step as a third value, both
                directions side by side whatever `merge` says.

        Returns:
            The output, `[steps, batch, directions * hidden]` in the order of axes of `x` (with another `merge`
            than "concat" `[steps, batch, hidden]`, with None a pair of these), and the final
            :class:`LSTMState`.

        Raises:
            ArgumentError: With every argument that is wrong.
            ComputeError: If there is no memory for the call.
        """
        is_plain = lengths is None and mask is None and out is None and return_cell_states is False
        if is_plain and type(x) is np.ndarray and (state is None or type(state) is LSTMState):
            found = self._engine.quick(x, state)
            if found is not None:
                y, h, c = found
                return y, LSTMState(h, c)
        issues: list[Issue] = []
        with_cells = truth("return_cell_states", return_cell_states, issues)
        batch, target = self._read(x, state, (lengths, mask), out, issues)
        if with_cells:
            return self._engine.cells(batch, target)
        return self._engine.forward(batch, target)

    def forward(
        self,
        x: Any,
        state: Any = None,
        *,
        lengths: Any = None,
        mask: Any = None,
        training: bool = False,
        dropout_seed: int | None = None,
        out: Any = None,
    ) -> Any:
        """As a call; with `training`, dropout acts and a :class:`Tape` for `backward` comes third.

        Args:
            x: See `__call__`, as `state`, `lengths`, `mask` and `out`.
            state: Initial states.
            lengths: Steps of each sample.
            mask: Which steps are real.
            training: Keep what `backward` needs.
            dropout_seed: Which values are dropped; None draws a seed.
            out: Where to write the output.

        Raises:
            ArgumentError: With every argument that is wrong.
            ComputeError: If there is no memory for the call.
        """
        issues: list[Issue] = []
        is_training = truth("training", training, issues)
        seed = dropout_seed_of(dropout_seed, issues)
        if not is_training and not issues:
            return self(x, state, lengths=lengths, mask=mask, out=out)
        batch, target = self._read(x, state, (lengths, mask), out, issues)
        if seed is None:
            self._random = self._random or np.random.default_rng()
            seed = int(self._random.integers(2**63))
        params, filter_params, cache, arrays = self._engine.train(batch, self.config.dropout, seed)
        samples = batch.samples
        tape = Tape(
            params,
            filter_params,
            cache,
            samples.rows,
            samples.is_batched,
            self.config,
            samples.starts,
        )
        return *arrays.results(samples, target), tape

    def backward(self, tape: Tape, dy: Any = None, d_state: Any = None) -> Gradients:
        """The gradients of a loss, from those with respect to the output and the final states.

        That of the input is 0 where a step is not real, whatever `dy` is there; of a `PackedSequence` it is
        that of the padded array.

        Args:
            tape: What a training call gave. Weights that were changed since then are refused.
            dy: Gradient with respect to the output, in its shape, for a pair a pair; None for zeros.
            d_state: Gradients with respect to the final states (h, c); None for zeros.

        Raises:
            ArgumentError: With every argument that is wrong.
            ComputeError: If there is no memory for the call.
        """
        issues: list[Issue] = []
        if not is_a(tape, Tape) or tape.config != self.config:
            actual, code = type(tape).__name__, codes.WRONG_TYPE
            if is_a(tape, Tape):
                actual, code = "the Tape of an LSTM with another configuration", codes.OTHER_LAYER
            raise ArgumentError((Issue("tape", code, "a Tape of this LSTM", actual),))
        samples, convert = tape.samples, self._engine.convert
        incoming = output_gradient(tape, dy, issues, convert=convert)
        states = read_state(
            self.config,
            d_state,
            samples,
            int(tape.params.batch_size),
            issues,
            convert=convert,
            name="d_state",
        )
        if incoming is None and states is None and not issues:
            issues.append(Issue("dy", codes.MISSING_GRADIENT, "dy or d_state", "neither"))
        refuse(issues)
        d_hidden, d_cell = state_rows(self.config, states, samples) or (None, None)
        given = LSTMDataDescriptor(incoming, d_hidden, d_cell)
        with of_tape():
            arrays, weights = self._engine.backward(tape, given)
        return Gradients(*arrays.results(samples), weights.named)

    def stream(self, batch_size: int = 1, state: Any = None) -> Stream:
        """A stream: samples come step by step, states are carried in place.

        Raises:
            ArgumentError: For a bidirectional LSTM, which needs the end of the sequence first.
            ComputeError: If there is no memory for so many streams.
        """
        return Stream(self, batch_size, state)

    def _read(
        self, x: Any, state: Any, real: tuple[Any, Any], out: Any, issues: list[Issue]
    ) -> tuple[Batch, Parts | None]:
        """The arguments of a call (`real` is lengths and mask), and where its output goes if it is said."""
        batch = None
        with gathered(issues):
            batch = read_batch(self.config, x, state, *real, convert=self._engine.convert)
        target = None
        if out is not None:
            target = output_of(self.config, batch, out, issues)
        refuse(issues)
        assert batch is not None  # noqa: S101  # or there was a finding
        return batch, target

    def layer_parameters(
        self, x: Any, state: Any = None, *, lengths: Any = None, y: Any = None
    ) -> LayerParametersLSTM:
        """The structure that a call with these arguments computes, over these weights.

        Its arrays are new, but for the weights, which are this LSTM's own; `b_desc` holds the sums of the two
        biases as they are now. Rows are sorted by length. The outputs are in `output_descriptor`; `y` is
        where the output sequence goes, `[steps, batch, directions * hidden]`.

        Raises:
            ArgumentError: With every argument that is wrong, and for an LSTM whose `merge` is not "concat":
                structures give both directions side by side.
            ComputeError: If there is no memory for the call.
        """
        issues: list[Issue] = []
        if self.config.merge != "concat":
            expected = 'an LSTM with merge="concat": structures have both directions side by side'
            actual = f"merge={self.config.merge!r}"
            issues.append(Issue("merge", codes.UNSUPPORTED_HERE, expected, actual))
        batch, _ = self._read(x, state, (lengths, None), None, issues)
        if batch.is_idle:
            expected = "at least one step of one sample: a structure has no empty axis"
            raise ArgumentError((Issue("x", codes.ZERO_SIZE, expected, "nothing to do"),))
        params, _ = structure_of(self._engine.weights, batch, self.config.dropout)
        if y is not None:
            params.output_descriptor.data_desc = y
        return params
