""":class:`StoredLSTM` to the arrays that Keras' layers take.

In: a network. Out: for each layer the list of `set_weights()`. Keras itself is not needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from bnns_lstm import codes
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats import order
from bnns_lstm.formats.activations import default_activations
from bnns_lstm.formats.keras.activations import NAMES, alike, name_of
from bnns_lstm.formats.plain import variant_issues
from bnns_lstm.formats.separate import networks_of, numbered
from bnns_lstm.formats.stored import Floats, StoredLSTM, refuse_others

__all__ = ["write_keras", "write_keras_stack"]

# The functions that Keras has one argument for.
SHARED = {
    "recurrent_activation": ("input", "forget", "output"),
    "activation": ("candidate", "hidden"),
}
IN_STACK = (
    "'forward' in a stack: Keras' layers read the one below in the order in which that one has read"
)


def write_keras(stored: StoredLSTM) -> list[list[Floats]]:
    """The weights as Keras' layers take them, as new arrays.

    Lists of arrays say nothing of how a layer is made: it needs the same `units`, `use_bias`, `activation` and
    `recurrent_activation`, and `Bidirectional` around it with the same `merge_mode` if there are two
    directions. All layers but the last need `return_sequences`. Initial states are no part of it: Keras gives
    them to the call. A network of one layer with `direction="reverse"` is a layer with `go_backwards=True`,
    whose outputs are those of the network, flipped in time.

    Args:
        stored: The network.

    Returns:
        A list for each layer, the lowest first, which its `set_weights()` takes: kernel [inputs, 4*hidden],
        recurrent kernel [hidden, 4*hidden] and, if there are biases, the sum of both [4*hidden]; for
        `Bidirectional` those of the layer forward, then those of the layer backward.

    Raises:
        WeightsError: Naming everything that Keras cannot say: peepholes, clips, projections, functions that
            it has not, gates with different ones, biases whose sum is too large for float32; and
            `direction="reverse"` of several layers, as a layer of Keras reads the one below in the order in
            which that one has read.

    Example:
        >>> import bnns_lstm as bl
        >>> from bnns_lstm.formats import StoredLSTM, write_keras
        >>> stored = StoredLSTM.from_config(bl.LSTMConfig(3, 4), bl.LSTM(3, 4, seed=0).state_dict())
        >>> [[array.shape for array in arrays] for arrays in write_keras(stored)]
        [[(3, 16), (4, 16), (16,)]]
    """
    return _written(stored)


def _written(stored: StoredLSTM, *, in_stack: bool = False) -> list[list[Floats]]:
    """The lists of a network that may stand above or below another one."""
    refuse_others(stored)
    issues = [*_issues(stored, in_stack=in_stack or stored.num_layers > 1)]
    if issues:
        raise WeightsError(tuple(issues))
    return [
        [
            array
            for suffix in ("", "_reverse")[: stored.directions]
            for array in _arrays(stored, f"l{layer}{suffix}")
        ]
        for layer in range(stored.num_layers)
    ]


def write_keras_stack(stack: Sequence[StoredLSTM]) -> list[list[Floats]]:
    """The weights of LSTMs upon each other as Keras' layers take them; see :func:`write_keras`.

    Args:
        stack: The networks, the lowest first.

    Returns:
        A list for each layer of each network.

    Raises:
        WeightsError: Naming everything that Keras cannot say by the number of the LSTM.

    Example:
        >>> import bnns_lstm as bl
        >>> from bnns_lstm.formats import StoredLSTM, write_keras_stack
        >>> stored = StoredLSTM.from_config(bl.LSTMConfig(3, 4), bl.LSTM(3, 4, seed=0).state_dict())
        >>> len(write_keras_stack([stored]))
        1
    """
    networks = networks_of(stack)
    write = partial(_written, in_stack=len(networks) > 1)
    return [layer for layers in numbered(write, networks) for layer in layers]


def _arrays(stored: StoredLSTM, place: str) -> list[Floats]:
    """The arrays of one direction of one layer."""
    found = [stored.parameters[f"{kind}_{place}"] for kind in ("weight_ih", "weight_hh")]
    if stored.bias:
        found.append(_bias(stored, place))
    return [
        np.ascontiguousarray(order.reorder(array, order.TORCH, order.KERAS).T) for array in found
    ]


def _bias(stored: StoredLSTM, place: str) -> Floats:
    """The sum of both biases, rounded once."""
    with np.errstate(over="ignore", invalid="ignore"):
        total: Floats = (
            stored.parameters[f"bias_ih_{place}"] + stored.parameters[f"bias_hh_{place}"]
        )
    return total


def _variant_issues(stored: StoredLSTM, *, in_stack: bool) -> Iterator[WeightsIssue]:
    """What no layer of Keras has beyond the plain LSTM; alone it may read backwards."""
    for issue in variant_issues(stored, ": lists of arrays cannot say otherwise"):
        if issue.path != "direction":
            yield issue
        elif in_stack:
            yield replace(issue, expected=IN_STACK)


def _issues(stored: StoredLSTM, *, in_stack: bool) -> Iterator[WeightsIssue]:
    """What Keras has not."""
    yield from _variant_issues(stored, in_stack=in_stack)
    if stored.peephole is not None:
        expected = "None: Keras has no peepholes"
        yield WeightsIssue("peephole", expected, repr(stored.peephole), codes.NOT_EXPRESSIBLE)
    activations = stored.activations or default_activations()
    for argument, gates in SHARED.items():
        first = activations[gates[0]]
        for gate in gates[1:]:
            if not alike(activations[gate], first):
                expected = f"{first}, as in {gates[0]!r}: Keras has one {argument} for both"
                found = repr(activations[gate])
                yield WeightsIssue(f"activations.{gate}", expected, found, codes.NOT_EXPRESSIBLE)
        if name_of(first) is None:
            expected = f"a function that Keras has ({', '.join(NAMES)})"
            path = f"activations.{gates[0]}"
            yield WeightsIssue(path, expected, repr(first), codes.NOT_EXPRESSIBLE)
    suffixes = ("", "_reverse")[: stored.directions]
    places = [f"l{layer}{suffix}" for layer in range(stored.num_layers) for suffix in suffixes]
    for place in places if stored.bias else ():
        halves = [stored.parameters[f"{kind}_{place}"] for kind in ("bias_ih", "bias_hh")]
        finite = np.isfinite(halves[0]) & np.isfinite(halves[1])
        if not np.isfinite(_bias(stored, place)[finite]).all():
            expected = f"a sum with bias_hh_{place} that float32 can hold: Keras has one bias"
            yield WeightsIssue(f"bias_ih_{place}", expected, "a larger one", codes.NOT_EXPRESSIBLE)
