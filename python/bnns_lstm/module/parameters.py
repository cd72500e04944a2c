"""The weights of an LSTM: one memory, seen as PyTorch names it and as the structure's gates want it.

In: a configuration. Out: arrays by name, whose blocks along the first axis are input, forget, candidate and
output gate (PyTorch's i, f, g, o) without one that another gate gives, and gate descriptors over the same
memory. It computes nothing but the sum of the two biases that PyTorch has and BNNS has not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np

from bnns_lstm import codes
from bnns_lstm._show import listed, shown
from bnns_lstm.activation import Activation
from bnns_lstm.config import LSTMConfig
from bnns_lstm.descriptors import LSTMGateDescriptor
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module.entries import read_entries
from bnns_lstm.module.floats import as_floats
from bnns_lstm.module.memory import MakeFloats, memory_for, zeros
from bnns_lstm.module.samples import Floats
from bnns_lstm.variants import PLAIN

__all__ = ["BLOCKS", "Parameters", "Weights", "places"]

# Attributes of weights, in the order in which prepared gradients are written.
BLOCKS = ("lowest", "upper", "hidden", "peephole", "bias", "projection")


class Parameters(MutableMapping[str, Floats]):
    """Weights by name: views that may be written. An array that is assigned to a name is copied into its view.

    Args:
        named: The views.
        changed: Called after an assignment.
    """

    def __init__(self, named: Mapping[str, Floats], changed: Callable[[], None]) -> None:
        """The same views."""
        self._named = named
        self._changed = changed

    def __getitem__(self, name: str) -> Floats:
        return self._named[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)

    def __setitem__(self, name: str, given: Any) -> None:
        """Copy an array of float32 into the view.

        Raises:
            ArgumentError: For another shape or type, or a name that is none. Nothing was changed then.
        """
        view = self._named.get(name)
        if view is None:
            expected = f"one of {listed(self)}"
            raise ArgumentError(
                (Issue("parameters", codes.UNEXPECTED_ENTRY, expected, shown(name)),)
            )
        issues: list[Issue] = []
        floats = as_floats(given, name, issues, convert=False)
        if floats is not None and floats.shape != view.shape:
            actual = str(list(floats.shape))
            issues.append(Issue(name, codes.SIZE_MISMATCH, str(list(view.shape)), actual))
        if floats is None or issues:
            raise ArgumentError(tuple(issues))
        if floats is not view:  # as it is after `parameters[name] *= 2`
            view[...] = floats
        self._changed()

    def __delitem__(self, name: str) -> None:
        """Refused: the weights of an LSTM are always all there.

        Raises:
            ArgumentError: Always.
        """
        expected = "every weight to stay: an LSTM is never without one"
        actual = f"the deletion of {shown(name)}"
        raise ArgumentError((Issue("parameters", codes.UNSUPPORTED_HERE, expected, actual),))

    def __reduce__(self) -> tuple[type, tuple[dict[str, Floats]]]:
        """Copies and pickles are plain dictionaries; deep ones have arrays of their own."""
        return dict, (dict(self),)

    def __repr__(self) -> str:
        """Names and shapes."""
        return f"<Parameters: {', '.join(f'{name} {list(self[name].shape)}' for name in self)}>"


def places(config: LSTMConfig) -> Iterator[tuple[str, str, int, tuple[int, ...]]]:
    """Each weight by PyTorch's name: the array of :class:`Weights` that has it, its place there, its shape.

    Such an array is one weight behind the other.
    """
    rows, directions = len(config.gates) * config.units, config.directions
    for layer in range(config.num_layers):
        for direction in range(directions):
            suffix = f"l{layer}" + ("_reverse" if direction else "")
            place = layer * directions + direction
            if layer == 0:
                yield f"weight_ih_{suffix}", "lowest", place, (rows, config.input_size)
            else:
                above = place - directions
                yield f"weight_ih_{suffix}", "upper", above, (rows, config.layer_size)
            yield f"weight_hh_{suffix}", "hidden", place, (rows, config.outputs)
            if config.bias:
                yield f"bias_ih_{suffix}", "bias", place, (rows,)
                second = config.num_layers * directions + place
                yield f"bias_hh_{suffix}", "bias", second, (rows,)
            if config.proj_size:
                shape: tuple[int, ...] = (config.outputs, config.units)
                yield f"weight_hr_{suffix}", "projection", place, shape
            if config.peephole:
                shape = (rows,) if config.peephole == "diagonal" else (rows, config.units)
                yield f"weight_ch_{suffix}", "peephole", place, shape


class Weights:
    """All weights, or all gradients of weights.

    Attributes:
        named: The arrays by PyTorch's names, views of one memory.
        is_plain: Whether an LSTM with them has nothing beyond BNNS.
        blocks: The gates in the order of the blocks.
    """

    def __init__(self, config: LSTMConfig, make: MakeFloats) -> None:
        """All of them in arrays that `make` gives."""
        self.config = config
        layers, directions, units = config.num_layers, config.directions, config.units
        self.blocks = config.gates
        gates = (layers, directions, len(self.blocks), units)
        self.lowest = make("lowest", (1, *gates[1:], config.input_size))
        upper = (layers - 1, *gates[1:], config.layer_size)
        self.upper = make("upper", upper) if layers > 1 else None
        self.hidden = make("hidden", (*gates, config.outputs))
        self.bias = make("bias", (2, *gates)) if config.bias else None
        self.bias_sum = make("bias_sum", gates) if config.bias else None
        peepholes = {"diagonal": gates, "full": (*gates, units)}
        self.peephole = make("peephole", peepholes[config.peephole]) if config.peephole else None
        projections = (layers, directions, config.outputs, units)
        self.projection = make("projection", projections) if config.proj_size else None
        self.named: dict[str, Floats] = dict(self._views())
        self.is_plain = all(getattr(config, name) == value for name, value in PLAIN.items())
        self._gates: dict[str, tuple[Any, ...]] = {}
        self._functions: dict[str, tuple[Any, float, float]] = {}
        self._both: Any = None if self.bias is None else tuple(self.bias)

    @classmethod
    def made(cls, config: LSTMConfig, make: MakeFloats = zeros) -> Weights:
        """Zeros, or what `make` gives.

        Raises:
            ComputeError: If there is no memory for them.
        """
        sizes = f"input_size={config.input_size}, hidden_size={config.hidden_size}"
        with memory_for(f"{sizes}, num_layers={config.num_layers}"):
            return cls(config, make)

    def _views(self) -> Iterator[tuple[str, Floats]]:
        for name, field, place, shape in places(self.config):
            array: Any = getattr(self, field)
            yield name, array.reshape(-1, *shape)[place]

    def draw(self, random: np.random.Generator, bound: float, forget_bias: float) -> None:
        """Uniform numbers within the bound; `forget_bias` is added to one of the forget gates' two biases."""
        for name, array in self.named.items():
            array[...] = random.uniform(-bound, bound, array.shape)
            if name.startswith("bias_ih") and "forget" in self.blocks:
                blocks = np.split(array, len(self.blocks))
                blocks[self.blocks.index("forget")][...] += forget_bias

    @property
    def blocks_of_gates(self) -> tuple[Any, ...]:
        """The arrays, those of gates in blocks, in the order in which prepared gradients are written."""
        return tuple(getattr(self, field) for field in BLOCKS)

    def add_biases(self) -> None:
        """Bring the one bias of the structure up to date."""
        if self.bias is not None and self.bias_sum is not None:
            np.add(self._both[0], self._both[1], out=self.bias_sum)

    def copies(self) -> dict[str, Floats]:
        """Copies of the arrays by name."""
        return {name: array.copy() for name, array in self.named.items()}

    def fill(self, arrays: Mapping[str, Floats]) -> None:
        """Take over arrays that have these names and shapes."""
        for name, array in arrays.items():
            self.named[name][...] = array

    def load(self, given: Any, *, convert: bool) -> None:
        """Take the arrays of a caller's mapping with exactly these names and shapes.

        Raises:
            ArgumentError: For every missing, surplus or misshapen entry; nothing was changed then.
        """
        self.fill(read_entries(self.named, given, self.named if convert else ()))

    def room(self, name: str) -> LSTMGateDescriptor:
        """Arrays of their own for the gradients of a gate, since those of a call may not interleave."""
        gate: Any = self.gate(name)

        def like(array: Floats | None) -> Floats | None:
            return None if array is None else np.empty(array.shape, np.float32)

        lowest, upper = gate.iw_desc
        pair = (like(lowest), like(upper))
        return LSTMGateDescriptor(pair, like(gate.hw_desc), like(gate.cw_desc), like(gate.b_desc))

    def take(self, name: str, gate: Any) -> None:
        """Copy what is there of a gate; the gradient of the one bias is that of both of PyTorch's."""
        block = self.blocks.index(name)
        lowest, upper = gate.iw_desc
        for to, array in (
            (self.lowest, lowest),
            (self.upper, upper),
            (self.hidden, gate.hw_desc),
            (self.peephole, gate.cw_desc),
        ):
            if to is not None and array is not None:
                to[:, :, block] = array
        if self.bias is not None and gate.b_desc is not None:
            self.bias[:, :, :, block] = gate.b_desc

    def gate(self, name: str) -> LSTMGateDescriptor:
        """The structure's gate over this memory; an empty one where another gate gives it."""
        fields = self._gates.get(name)
        if fields is None:
            if name not in self.blocks:
                return LSTMGateDescriptor()
            fields = self._gates[name] = self._fields(name)
        inputs, hidden, peephole, bias = fields
        return LSTMGateDescriptor(inputs, hidden, peephole, bias, self.activation(name))

    def activation(self, name: str) -> Activation:
        """As that of the configuration, a new one in each call, which is asked once."""
        found = self._functions.get(name)
        if found is None:
            made = self.config.activation(name)
            found = self._functions[name] = (made.function, made.alpha, made.beta)
        return Activation(*found)

    def _fields(self, name: str) -> tuple[Any, ...]:
        """Views of this memory for a gate, in the order of the descriptor."""
        block = self.blocks.index(name)

        def of(array: Floats | None) -> Floats | None:
            return None if array is None else array[:, :, block]

        inputs, hidden = (of(self.lowest), of(self.upper)), of(self.hidden)
        return inputs, hidden, of(self.peephole), of(self.bias_sum)
