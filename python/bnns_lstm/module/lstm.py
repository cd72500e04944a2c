"""The module itself.

In: sizes at the beginning, then arrays. Out: outputs, states, gradients, in the shapes of PyTorch's module. It
knows neither structures nor kernels: `engine` does.

Weights and calls: `parameters` hands out views that may be written, so that reading it marks the weights as
changed, and the next call packs them anew. Whoever keeps a view and writes it later calls `update()`; until
then calls use the weights that were packed last. `load_state_dict` does so by itself, and training calls
always take the weights as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from bnns_lstm.descriptors import LayerParametersLSTM, LSTMDataDescriptor
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module import bridge
from bnns_lstm.module.config import LSTMConfig, Peephole, activations_of
from bnns_lstm.module.engine import Engine, Room, structure
from bnns_lstm.module.files import Files
from bnns_lstm.module.inputs import Batch, as_floats, read_batch, read_state
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.results import Floats, Gradients, LSTMState, Tape
from bnns_lstm.module.stream import Stream

__all__ = ["LSTM"]


class LSTM(Files):
    """A stack of LSTM layers with weights of its own.

    Args:
        input_size: Values per step that the lowest layer reads.
        hidden_size: Units of each layer and direction.
        num_layers: Layers, one upon the other.
        bias: Whether gates have biases.
        batch_first: Whether inputs and outputs are `[batch, steps, values]`. States never are.
        dropout: Share of the values dropped between layers in training calls.
        bidirectional: Whether each layer reads the sequence in both directions.
        peephole: None, `"diagonal"` (each unit's gates see its cell state) or `"full"` (all of them).
        activations: Functions of `input`, `forget`, `candidate` and `output` gate and of the `hidden` state
            that differ from the default ones, by name (`"hard_sigmoid"`) or as :class:`Activation`.
        seed: What the initial weights and the seeds of dropout depend on; None draws one.
        num_threads: Threads to use at most; None leaves the choice to the library.
        forget_bias: Added to the forget gates' initial biases.
        convert: Convert other types of numbers to float32 instead of refusing them.

    Weights begin uniform in ±1/sqrt(hidden_size), as PyTorch's (but not the same numbers).

    Raises:
        ArgumentError: With every argument that is wrong.

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
        seed: int | None = None,
        num_threads: int | None = None,
        forget_bias: float = 0.0,
        convert: bool = False,
    ) -> None:
        """Check the configuration and draw weights."""
        functions = activations_of(activations)
        sizes = (input_size, hidden_size, num_layers)
        self._config = LSTMConfig(
            *sizes, bias, batch_first, dropout, bidirectional, peephole, functions
        )
        _check_threads(num_threads)
        self._num_threads = num_threads
        self._convert = convert
        self._random = np.random.default_rng(seed)
        self._set_up(Weights(self._config))
        bound = hidden_size**-0.5
        for name, array in self._weights.named.items():
            array[...] = self._random.uniform(-bound, bound, array.shape)
            if name.startswith("bias_ih"):
                array[hidden_size : 2 * hidden_size] += forget_bias

    def _set_up(self, weights: Weights) -> None:
        self._weights = weights
        self._engine = Engine(weights, self._num_threads or 0)
        self._is_changed = True
        self._version = 0

    @property
    def config(self) -> LSTMConfig:
        """The configuration; equal for LSTMs that differ in their weights alone."""
        return self._config

    @property
    def num_threads(self) -> int | None:
        """Threads to use at most; None where the library chooses."""
        return self._num_threads

    @property
    def parameters(self) -> Mapping[str, Floats]:
        """The weights by PyTorch's names, as views that may be written; the next call sees what was written.

        Blocks along the first axis are input, forget, candidate and output gate. `weight_ch_l0` holds the
        peepholes. Whoever keeps a view and writes it after a call has been made calls `update()`.
        """
        self._is_changed = True
        return dict(self._weights.named)

    def update(self) -> None:
        """Use the weights as they are now from the next call on."""
        self._is_changed = True

    def _current(self) -> Engine:
        if self._is_changed:
            self._engine.changed()
            self._is_changed = False
            self._version += 1
        return self._engine

    def __call__(
        self,
        x: Any,
        state: Any = None,
        *,
        lengths: Any = None,
        out: Any = None,
        return_cell_states: bool = False,
    ) -> Any:
        """Compute the outputs of all steps and the states after them.

        Args:
            x: `[steps, batch, input]`, with `batch_first` `[batch, steps, input]`, or `[steps, input]`.
            state: Initial states (h, c), each `[layers * directions, batch, hidden]` (without batch for an
                input without one); None for zeros.
            lengths: Steps of each sample, in any order; outputs beyond a sample's end are 0, and its final
                states are those of its own last step.
            out: Where to write the output.
            return_cell_states: Give the cell states of the last layer at every step as a third value.

        Returns:
            The output, `[steps, batch, directions * hidden]` in the order of axes of `x`, and the final
            :class:`LSTMState`.

        Raises:
            ArgumentError: With every argument that is wrong.
        """
        is_plain = lengths is None and out is None and not return_cell_states
        if is_plain and type(x) is np.ndarray and (state is None or type(state) is LSTMState):
            found = self._current().quick(x, state)
            if found is not None:
                y, h, c = found
                return y, LSTMState(h, c)
        batch = self._read(x, state, lengths)
        engine = self._current()
        if return_cell_states:
            y, h, c, cells = engine.cells(batch)
            given = self._output(batch, y, out)
            return given, self._state(batch, h, c), self._arrange(batch, cells)
        y, h, c = engine.forward(batch)
        return self._output(batch, y, out), self._state(batch, h, c)

    def forward(
        self,
        x: Any,
        state: Any = None,
        *,
        lengths: Any = None,
        training: bool = False,
        dropout_seed: int | None = None,
        out: Any = None,
    ) -> Any:
        """As a call; with `training`, dropout acts and a :class:`Tape` for `backward` comes third.

        Args:
            x: See `__call__`, as `state`, `lengths` and `out`.
            state: Initial states.
            lengths: Steps of each sample.
            training: Keep what `backward` needs.
            dropout_seed: Which values are dropped; None draws a seed.
            out: Where to write the output.

        Raises:
            ArgumentError: With every argument that is wrong.
        """
        if not training:
            return self(x, state, lengths=lengths, out=out)
        batch = self._read(x, state, lengths)
        engine = self._current()
        engine.weights.add_biases()
        seed = int(self._random.integers(2**63)) if dropout_seed is None else dropout_seed
        params, filter_params, cache, room = engine.train(batch, self._config.dropout, seed)
        tape = Tape(params, filter_params, cache, batch.order, batch.is_batched, self._version)
        y = self._output(batch, room.y, out)
        return y, self._state(batch, room.hn, room.cn), tape

    def backward(self, tape: Tape, dy: Any = None, d_state: Any = None) -> Gradients:
        """The gradients of a loss, from those with respect to the output and the final states.

        Args:
            tape: What a training call gave. The weights must still be those of that call.
            dy: Gradient with respect to the output, in its shape; None for zeros.
            d_state: Gradients with respect to the final states (h, c); None for zeros.

        Raises:
            ArgumentError: With every argument that is wrong.
        """
        issues: list[Issue] = []
        rows = int(tape.params.batch_size)
        incoming = self._read_output_gradient(tape, dy, issues)
        states = read_state(
            self._config, d_state, rows, issues, is_batched=tape.is_batched, convert=self._convert
        )
        if incoming is None and states is None and not issues:
            issues.append(Issue("dy", "missing_gradient", "dy or d_state", "neither"))
        if issues:
            raise ArgumentError(tuple(issues))
        if states is not None and tape.order is not None:
            states = (states[0][:, :, tape.order], states[1][:, :, tape.order])
        given = LSTMDataDescriptor(incoming, *(states or (None, None)))
        found, weights = self._engine.backward(tape.params, tape.filter_params, tape.cache, given)
        batch = Batch(found.x, None, None, tape.order, tape.is_batched)
        state = self._state(batch, found.h0, found.c0)
        return Gradients(self._arrange(batch, found.x), state, weights.named)

    def _read_output_gradient(self, tape: Tape, dy: Any, issues: list[Issue]) -> Floats | None:
        if dy is None:
            return None
        floats = as_floats(dy, "dy", issues, convert=self._convert)
        if floats is None:
            return None
        steps, rows, width = tape.params.seq_len, tape.params.batch_size, self._config.output_size
        wanted = [rows, steps, width] if self._config.batch_first else [steps, rows, width]
        wanted = wanted if tape.is_batched else [steps, width]
        if list(floats.shape) != wanted:
            issues.append(Issue("dy", "size_mismatch", f"{wanted}", str(list(floats.shape))))
            return None
        if not tape.is_batched:
            floats = floats[:, np.newaxis]
        elif self._config.batch_first:
            floats = floats.swapaxes(0, 1)
        return floats if tape.order is None else floats[:, tape.order]

    def stream(self, batch_size: int = 1, state: Any = None) -> Stream:
        """A stream: samples come step by step, states are carried in place.

        Raises:
            ArgumentError: For a bidirectional LSTM, which needs the end of the sequence first.
        """
        return Stream(self, batch_size, state)

    def _read(self, x: Any, state: Any, lengths: Any) -> Batch:
        return read_batch(self._config, x, state, lengths, convert=self._convert)

    def _arrange(self, batch: Batch, rows: Floats) -> Floats:
        """A sequence `[steps, rows, values]` in the order and with the axes of the caller, as a copy."""
        found: Floats = rows[:, np.argsort(batch.order)] if batch.order is not None else rows
        if not batch.is_batched:
            return np.array(found[:, 0])
        return np.array(found.swapaxes(0, 1) if self._config.batch_first else found, order="C")

    def _output(self, batch: Batch, y: Floats, out: Any) -> Floats:
        arranged = self._arrange(batch, y)
        if out is None:
            return arranged
        issues: list[Issue] = []
        floats = as_floats(out, "out", issues, convert=False, writable=True)
        if floats is not None and floats.shape != arranged.shape:
            actual = str(list(floats.shape))
            issues.append(Issue("out", "size_mismatch", str(list(arranged.shape)), actual))
        if floats is None or issues:
            raise ArgumentError(tuple(issues))
        floats[...] = arranged
        return floats

    def _state(self, batch: Batch, h: Any, c: Any) -> LSTMState:
        """Final states as the caller knows them, as copies."""
        stack = self._config.num_layers * self._config.directions
        both = []
        for state in (h, c):
            flat = state.reshape(stack, -1, self._config.hidden_size)
            if batch.order is not None:
                flat = flat[:, np.argsort(batch.order)]
            both.append(np.array(flat if batch.is_batched else flat[:, 0]))
        return LSTMState(*both)

    def state_dict(self) -> dict[str, Floats]:
        """Copies of the weights, by PyTorch's names and in PyTorch's order."""
        return {name: array.copy() for name, array in self._weights.named.items()}

    def load_state_dict(self, given: Mapping[str, Any]) -> None:
        """Take the weights of a mapping with exactly these names and shapes.

        Raises:
            ArgumentError: For every missing, surplus or misshapen entry; nothing was changed then.
        """
        issues: list[Issue] = []
        known = self._weights.named
        found = {}
        for name, array in known.items():
            if name not in given:
                issues.append(Issue(name, "null_data", f"{list(array.shape)}", "nothing"))
                continue
            floats = as_floats(given[name], name, issues, convert=self._convert)
            if floats is not None and floats.shape != array.shape:
                actual = str(list(floats.shape))
                issues.append(Issue(name, "size_mismatch", str(list(array.shape)), actual))
            found[name] = floats
        issues += [
            Issue(str(name), "size_mismatch", "no such entry", "one")
            for name in given
            if name not in known
        ]
        if issues:
            raise ArgumentError(tuple(issues))
        for name, floats in found.items():
            known[name][...] = floats
        self.update()

    def layer_parameters(
        self, x: Any, state: Any = None, *, lengths: Any = None, y: Any = None
    ) -> LayerParametersLSTM:
        """The structure that a call with these arguments computes, over these weights.

        Its arrays are new, but for the weights, which are this LSTM's own; `b_desc` holds the sums of the two
        biases as they are now. Rows are sorted by length. The outputs are in `output_descriptor`; `y` is
        where the output sequence goes, `[steps, batch, directions * hidden]`.

        Raises:
            ArgumentError: With every argument that is wrong.
        """
        batch = self._read(x, state, lengths)
        self._weights.add_biases()
        room = Room(self._config, batch.steps, batch.rows)
        room.fill(batch)
        outputs = room.outputs()
        if y is not None:
            outputs.data_desc = y
        sizes = (batch.steps, batch.rows)
        dropout = self._config.dropout
        return structure(
            self._weights, sizes, room.inputs(), outputs, active=batch.active, dropout=dropout
        )

    @classmethod
    def from_layer_parameters(
        cls, params: LayerParametersLSTM, *, num_threads: int | None = None
    ) -> LSTM:
        """An LSTM with the configuration and copies of the weights of a structure.

        Raises:
            DescriptorError: For a structure that does not hold.
            ArgumentError: For a form of weights that a module has no name for.
        """
        config, arrays = bridge.read(params)
        made = cls._empty(config, num_threads=num_threads)
        bridge.copy(arrays, made._weights)
        return made

    @classmethod
    def _empty(cls, config: LSTMConfig, *, num_threads: int | None = None) -> LSTM:
        """An LSTM whose weights are 0."""
        _check_threads(num_threads)
        made = cls.__new__(cls)
        made._config, made._num_threads, made._convert = config, num_threads, False
        made._random = np.random.default_rng()
        made._set_up(Weights(config))
        return made

    def _fill(self, weights: dict[str, Floats]) -> None:
        for name, array in weights.items():
            self._weights.named[name][...] = array

    def __getstate__(self) -> dict[str, Any]:
        """Configuration and weights; nothing that was prepared."""
        return {
            "config": asdict(self._config),
            "num_threads": self._num_threads,
            "convert": self._convert,
            "random": self._random,
            "weights": self.state_dict(),
            "initial_state": self.initial_state,
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """See `__getstate__`."""
        self._config = LSTMConfig(**state["config"])
        self._num_threads, self._convert = state["num_threads"], state["convert"]
        self._random = state["random"]
        self.initial_state = state["initial_state"]
        self._set_up(Weights(self._config))
        self._fill(state["weights"])

    def __repr__(self) -> str:
        """As it could be made again, but for the weights."""
        config = self._config
        shown = [str(config.input_size), str(config.hidden_size)]
        if config.num_layers > 1:
            shown.append(str(config.num_layers))
        for name, default in (
            ("bias", True), ("batch_first", False), ("dropout", 0.0), ("bidirectional", False),
            ("peephole", None),
        ):  # fmt: skip
            value = getattr(config, name)
            if value != default:
                shown.append(f"{name}={value!r}")
        if config.activations:
            shown.append("activations={...}")
        return f"LSTM({', '.join(shown)})"


def _check_threads(given: object) -> None:
    is_number = isinstance(given, int) and not isinstance(given, bool) and given >= 1
    if given is not None and not is_number:
        raise ArgumentError(
            (Issue("num_threads", "out_of_range", "a whole number above 0, or None", repr(given)),)
        )
