"""The module itself.

In: sizes at the beginning, then arrays. Out: outputs, states, gradients, in the shapes of PyTorch's module. It
calls the structure level through `engine` only.

Weights and calls: `parameters` hands out views that may be written, so that reading it marks the weights as
changed, and the next call packs them anew. Whoever keeps a view and writes it later calls `update()`; until
then calls use the weights that were packed last. `load_state_dict` does so by itself, and training calls
always take the weights as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm._look import is_a, mapping
from bnns_lstm._show import listed, shown
from bnns_lstm.descriptors import LayerParametersLSTM, LSTMDataDescriptor
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module import bridge
from bnns_lstm.module.arguments import (
    bias_of,
    dropout_seed_of,
    gathered,
    generator,
    refuse,
    threads,
)
from bnns_lstm.module.config import LSTMConfig, Peephole, activations_of, truth
from bnns_lstm.module.engine import Engine, Room, check_functions, structure
from bnns_lstm.module.files import Files
from bnns_lstm.module.inputs import Batch, as_floats, output_of, read_batch, read_state
from bnns_lstm.module.outputs import arranged, final_state, output_gradient
from bnns_lstm.module.parameters import Parameters, Weights
from bnns_lstm.module.results import Floats, Gradients, LSTMState, Tape, of_tape
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
        with gathered(issues):
            self._config = LSTMConfig(
                input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                peephole, functions,
            )  # fmt: skip
        self._num_threads = threads(num_threads, issues)
        self._convert = truth("convert", convert, issues)
        random = generator(seed, issues)
        self._random: np.random.Generator | None = random
        added = bias_of(forget_bias, issues)
        refuse(issues)
        check_functions(self._config)
        self._set_up(Weights.made(self._config))
        hidden = self._config.hidden_size
        bound = hidden**-0.5
        for name, array in self._weights.named.items():
            array[...] = random.uniform(-bound, bound, array.shape)
            if name.startswith("bias_ih"):
                array[hidden : 2 * hidden] += added

    def _set_up(self, weights: Weights) -> None:
        self._weights = weights
        self._engine = Engine(weights, self._num_threads or 0)
        self._is_changed = True

    @property
    def config(self) -> LSTMConfig:
        """The configuration; equal for LSTMs that differ in their weights alone."""
        return self._config

    @property
    def num_threads(self) -> int | None:
        """Threads to use at most; None where the library chooses."""
        return self._num_threads

    @property
    def parameters(self) -> Parameters:
        """The weights by PyTorch's names, as views that may be written; the next call sees what was written.

        Blocks along the first axis are input, forget, candidate and output gate. `weight_ch_l0` holds the
        peepholes. Whoever keeps a view and writes it after a call has been made calls `update()`. An array
        that is assigned to a name is copied.

        Raises:
            ArgumentError: Where something is assigned that does not fit.
        """
        self._is_changed = True
        return Parameters(self._weights.named, self.update)

    def update(self) -> None:
        """Use the weights as they are now from the next call on."""
        self._is_changed = True

    def _current(self) -> Engine:
        if self._is_changed:
            # Before the weights are read: what another thread changes meanwhile is for the next call.
            self._is_changed = False
            self._engine.changed()
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
            ComputeError: If there is no memory for the call.
        """
        is_plain = lengths is None and out is None and return_cell_states is False
        if is_plain and type(x) is np.ndarray and (state is None or type(state) is LSTMState):
            found = self._current().quick(x, state)
            if found is not None:
                y, h, c = found
                return y, LSTMState(h, c)
        issues: list[Issue] = []
        with_cells = truth("return_cell_states", return_cell_states, issues)
        batch, target = self._read(x, state, lengths, out, issues)
        engine = self._current()
        if with_cells:
            y, h, c, cells = engine.cells(batch)
            given = arranged(self._config, batch, y, target)
            return (
                given,
                final_state(self._config, batch, h, c),
                arranged(self._config, batch, cells),
            )
        with engine.lock:
            y, h, c = engine.forward(batch)
            return arranged(self._config, batch, y, target), final_state(self._config, batch, h, c)

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
            ComputeError: If there is no memory for the call.
        """
        issues: list[Issue] = []
        is_training = truth("training", training, issues)
        seed = dropout_seed_of(dropout_seed, issues)
        if not is_training and not issues:
            return self(x, state, lengths=lengths, out=out)
        batch, target = self._read(x, state, lengths, out, issues)
        # A training call packs the weights for itself.
        engine = self._engine
        engine.weights.add_biases()
        if seed is None:
            self._random = self._random or np.random.default_rng()
            seed = int(self._random.integers(2**63))
        params, filter_params, cache, room = engine.train(batch, self._config.dropout, seed)
        tape = Tape(params, filter_params, cache, batch.order, batch.is_batched, self._config)
        y = arranged(self._config, batch, room.y, target)
        return y, final_state(self._config, batch, room.hn, room.cn), tape

    def backward(self, tape: Tape, dy: Any = None, d_state: Any = None) -> Gradients:
        """The gradients of a loss, from those with respect to the output and the final states.

        Args:
            tape: What a training call gave. Weights that were changed since then are refused.
            dy: Gradient with respect to the output, in its shape; None for zeros.
            d_state: Gradients with respect to the final states (h, c); None for zeros.

        Raises:
            ArgumentError: With every argument that is wrong.
            ComputeError: If there is no memory for the call.
        """
        issues: list[Issue] = []
        if not is_a(tape, Tape) or tape.config != self._config:
            actual, code = type(tape).__name__, codes.WRONG_TYPE
            if is_a(tape, Tape):
                actual, code = "the Tape of an LSTM with another configuration", codes.OTHER_LAYER
            raise ArgumentError((Issue("tape", code, "a Tape of this LSTM", actual),))
        rows = int(tape.params.batch_size)
        incoming = output_gradient(self._config, tape, dy, issues, convert=self._convert)
        states = read_state(
            self._config,
            d_state,
            rows,
            issues,
            is_batched=tape.is_batched,
            convert=self._convert,
            name="d_state",
        )
        if incoming is None and states is None and not issues:
            issues.append(Issue("dy", codes.MISSING_GRADIENT, "dy or d_state", "neither"))
        refuse(issues)
        if states is not None and tape.order is not None:
            states = (states[0][:, :, tape.order], states[1][:, :, tape.order])
        given = LSTMDataDescriptor(incoming, *(states or (None, None)))
        with of_tape():
            found, weights = self._engine.backward(
                tape.params, tape.filter_params, tape.cache, given
            )
        batch = Batch(found.x, None, None, tape.order, tape.is_batched)
        state = final_state(self._config, batch, found.h0, found.c0)
        return Gradients(arranged(self._config, batch, found.x), state, weights.named)

    def stream(self, batch_size: int = 1, state: Any = None) -> Stream:
        """A stream: samples come step by step, states are carried in place.

        Raises:
            ArgumentError: For a bidirectional LSTM, which needs the end of the sequence first.
            ComputeError: If there is no memory for so many streams.
        """
        return Stream(self, batch_size, state)

    def _read(
        self, x: Any, state: Any, lengths: Any, out: Any, issues: list[Issue]
    ) -> tuple[Batch, Floats | None]:
        """The arguments of a call, and where its output goes if the caller says so."""
        batch = None
        with gathered(issues):
            batch = read_batch(self._config, x, state, lengths, convert=self._convert)
        target = None
        if out is not None:
            target = output_of(self._config, batch, out, issues)
        refuse(issues)
        assert batch is not None  # noqa: S101  # or there was a finding
        return batch, target

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
        entries = mapping(given)
        if entries is None:
            actual = type(given).__name__
            issue = Issue("given", codes.WRONG_TYPE, "a mapping of names to arrays", actual)
            raise ArgumentError((issue,))
        found = {}
        for name, array in known.items():
            if name not in entries:
                wanted = f"an array of shape {list(array.shape)}"
                issues.append(Issue(name, codes.MISSING_ENTRY, wanted, "no such entry"))
                continue
            floats = as_floats(entries[name], name, issues, convert=self._convert)
            if floats is not None and floats.shape != array.shape:
                actual = str(list(floats.shape))
                issues.append(Issue(name, codes.SIZE_MISMATCH, str(list(array.shape)), actual))
            found[name] = floats
        wanted, actual = f"only {listed(known)}", "an unexpected entry"
        issues += [
            Issue(shown(name).strip("'"), codes.UNEXPECTED_ENTRY, wanted, actual)
            for name in entries
            if name not in known
        ]
        refuse(issues)
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
            ComputeError: If there is no memory for the call.
        """
        batch, _ = self._read(x, state, lengths, None, [])
        self._weights.add_biases()
        room = Room.made(self._config, batch.steps, batch.rows)
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
        issues: list[Issue] = []
        made = cls.__new__(cls)
        made._config, made._convert = config, False
        made._num_threads = threads(num_threads, issues)
        refuse(issues)
        made._random = None  # NumPy's generators take longer to import than this package
        made._set_up(Weights.made(config))
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
            "random": deepcopy(self._random),
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
        words = [str(config.input_size), str(config.hidden_size)]
        if config.num_layers > 1:
            words.append(str(config.num_layers))
        for name, default in (
            ("bias", True), ("batch_first", False), ("dropout", 0.0), ("bidirectional", False),
            ("peephole", None),
        ):  # fmt: skip
            value = getattr(config, name)
            if value != default:
                words.append(f"{name}={value!r}")
        if config.activations:
            words.append("activations={...}")
        return f"LSTM({', '.join(words)})"
