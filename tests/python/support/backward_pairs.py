"""A valid pair of structures for the backward pass, and ways to make it wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from build import outputs_of, parameters, random_layer
from gradients import delta_parameters, incoming_of, room, shapes_of
from reference import Array
from wrong_structures import floats, put


class Pair:
    """A pair with everything in it: 2 layers, 2 directions, 3 samples, 4 steps; and all its gradients."""

    def __init__(self) -> None:
        self.layer = random_layer(
            1, num_layers=2, directions=2, batch=3, seq_len=4, input_size=3, hidden_size=5,
            h0=True, c0=True, bias=True, peephole="full", lengths=False, any_activation=False,
        )  # fmt: skip
        self.layer.arrays["batch_sizes"] = np.array([3, 3, 2, 1], np.uint32)
        self.found = room(shapes_of(self.layer), 0.5)
        self.params = parameters(self.layer, **outputs_of(self.layer))
        self.delta = delta_parameters(self.layer, incoming_of(self.layer), self.found)

    def backward(self, filter_params: Any = None, cache: Array | None = None) -> None:
        bl.direct_apply_lstm_batch_backward(self.params, self.delta, filter_params, cache)

    def refused(self, **call: Any) -> list[tuple[str, str]]:
        """Path and code of each issue; no array of either structure, nor any gradient, was written."""
        arrays = [*arrays_in(self.params), *arrays_in(self.delta), *self.found.values()]
        before = [array.tobytes() for array in arrays]
        with pytest.raises(bl.DescriptorError) as caught:
            self.backward(**call)
        assert [array.tobytes() for array in arrays] == before
        return [(issue.path, issue.code) for issue in caught.value.issues]


def arrays_in(thing: Any) -> list[Array]:
    """All arrays below a structure."""
    if isinstance(thing, np.ndarray):
        return [thing]
    if isinstance(thing, tuple):
        return [array for item in thing for array in arrays_in(item)]
    names = getattr(type(thing), "__dataclass_fields__", ())
    return [array for name in names for array in arrays_in(getattr(thing, name))]


def delta(path: str, value: object) -> Callable[[Pair], None]:
    """A corruption: set a field of the gradients' structure."""
    return lambda pair: put(path, value)(pair.delta)


def params(path: str, value: object) -> Callable[[Pair], None]:
    """A corruption: set a field of the layer's structure."""
    return lambda pair: put(path, value)(pair.params)


def both(path: str, value: object, other: object) -> Callable[[Pair], None]:
    """A corruption: set a field of the layer's and of the gradients' structure."""

    def corrupt(pair: Pair) -> None:
        put(path, value)(pair.params)
        put(path, other)(pair.delta)

    return corrupt


def share(path: str, other: str) -> Callable[[Pair], None]:
    """A corruption: the array at `path` is the one at `other`; both begin with `params` or `delta`."""

    def corrupt(pair: Pair) -> None:
        found: Any = pair
        for name in other.split("."):
            found = found[0] if isinstance(found, tuple) else getattr(found, name)
        put(path, found)(pair)  # type: ignore[arg-type]

    return corrupt


def wrapped(path: str, **fields: Any) -> Callable[[Pair], None]:
    """A change: the array at `path`, which begins with `params` or `delta`, in a descriptor."""

    def change(pair: Pair) -> None:
        *parents, name = path.split(".")
        owner: Any = pair
        for parent in parents:
            owner = getattr(owner, parent)
        setattr(owner, name, bl.NDArrayDescriptor(getattr(owner, name), **fields))

    return change


def joint(pair: Pair) -> None:
    """All input weights of a gate in one array, but their gradients in two."""
    fixed = {"num_layers": 2, "directions": 2, "batch": 3, "seq_len": 4, "input_size": 10}
    layer = random_layer(1, hidden_size=5, lengths=False, any_activation=False, **fixed)
    pair.params = parameters(layer)
    pair.delta = delta_parameters(layer, incoming_of(layer), room(shapes_of(layer)))
    pair.params.input_gate.iw_desc = floats(2, 2, 5, 10)
    pair.delta.input_gate.iw_desc = (None, floats(1, 2, 5, 10))


def carried(name: str) -> Callable[[Pair], None]:
    """A corruption: the final state is written over the initial one."""
    return share(f"params.output_descriptor.{name}", f"params.input_descriptor.{name}")


def shifted(pair: Pair) -> None:
    """A final state that lies over a part of the initial one."""
    memory = floats(100)
    pair.params.input_descriptor.hidden_desc = memory[:60].reshape(2, 2, 3, 5)
    pair.params.output_descriptor.hidden_desc = memory[30:90].reshape(2, 2, 3, 5)


def windows(pair: Pair) -> None:
    """Two gradients that share one element."""
    memory = floats(200)
    pair.delta.input_gate.hw_desc = memory[:100].reshape(2, 2, 5, 5)
    pair.delta.output_gate.b_desc = memory[99:119].reshape(2, 2, 5)


def in_the_sequence(root: str) -> Callable[[Pair], None]:
    """A gradient in the memory of the batch sizes."""

    def corrupt(pair: Pair) -> None:
        memory = np.array([3, 3, 2, 1] + [0] * 16, np.uint32)
        put(f"{root}.sequence_descriptor", memory[:4])(pair)  # type: ignore[arg-type]
        pair.delta.forget_gate.b_desc = memory.view(np.float32).reshape(2, 2, 5)

    return corrupt
