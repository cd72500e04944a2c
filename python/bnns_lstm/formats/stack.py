"""Several one-layer LSTMs as one stack, where they agree in everything that a stack shares.

In: networks of one layer, the lowest first. Out: one network, or everything in which they differ. It does not
know where they come from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bnns_lstm import codes
from bnns_lstm.activation import Activation
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.activations import (
    ACTIVATIONS,
    default_activations,
    differing,
    is_default,
)
from bnns_lstm.formats.separate import batch_issues, folded_apart
from bnns_lstm.formats.stored import Floats, StoredLSTM
from bnns_lstm.variants import PLAIN

__all__ = ["FOLDED", "same_activations", "stacked"]

SHARED = ("hidden_size", "bidirectional", "bias", "batch_first", "peephole", *PLAIN)
# What the layer above may read of two directions: one after the other, their sum or their mean.
FOLDED = {"concat", "sum", "ave"}
# Or each direction what the same direction gives.
READ = {*FOLDED, "apart"}


def stacked(
    layers: Sequence[tuple[str, StoredLSTM]],
    apart: Collection[int] = frozenset(),
    *,
    reader: str = "",
    instead: str = "",
) -> StoredLSTM:
    """One network of layers from the lowest to the highest.

    Sums and means of the directions of lower layers become weights of the layer above.

    Args:
        layers: Names, for errors, and networks of one layer each.
        apart: The numbers of those layers each of whose directions is read by the same direction of the layer
            above alone.
        reader: What reads layers that differ, for errors; "" if nothing does.
        instead: What else errors advise where layers are no stack.

    Raises:
        WeightsError: Naming each layer that does not fit the first, or does not fit on the one below.
    """
    reads = [
        "apart" if number in apart else layer.merge for number, (_, layer) in enumerate(layers)
    ]
    issues = list(_issues(layers, reads, f" ({reader} reads layers that differ)" if reader else ""))
    if issues:
        hint = f"; {instead}" if instead else ""
        raise WeightsError(tuple(replace(one, expected=one.expected + hint) for one in issues))
    parameters: dict[str, Floats] = {}
    for number, (_, layer) in enumerate(layers):
        for name, array in layer.parameters.items():
            weights = array
            if number > 0 and name.startswith("weight_ih"):
                is_reverse = name.endswith("_reverse")
                weights = _folded(array, reads[number - 1], is_reverse=is_reverse)
            parameters[name.replace("_l0", f"_l{number}", 1)] = weights
    first = layers[0][1]
    return replace(
        first,
        num_layers=len(layers),
        parameters=parameters,
        state=_state([s for _, s in layers]),
        merge=layers[-1][1].merge,
    )


def same_activations(
    one: Mapping[str, Activation] | None, other: Mapping[str, Activation] | None
) -> bool:
    """Whether two sets of activations are the same functions with the same parameters."""
    if is_default(one) and is_default(other):
        return True
    one, other = one or default_activations(), other or default_activations()
    return all(one[name] == other[name] for name in ACTIVATIONS)


def _folded(weights: Floats, read: str | None, *, is_reverse: bool) -> Floats:
    """Weights of what is read of the layer below as weights of its directions, one after the other."""
    if read == "sum":
        return np.hstack([weights, weights])
    if read == "ave":
        return np.hstack([weights / 2, weights / 2])
    if read == "apart":
        return folded_apart(weights, is_reverse=is_reverse)
    return weights


def _issues(
    layers: Sequence[tuple[str, StoredLSTM]], reads: Sequence[str | None], hint: str
) -> Iterable[WeightsIssue]:
    base, first = layers[0]
    for (name, _), read in zip(layers[:-1], reads, strict=False):
        if read not in READ:
            expected = "'concat', 'sum' or 'ave' where another layer stands above"
            expected += hint if read is not None else ""
            yield WeightsIssue(f"{name}: merge", expected, repr(read), codes.STACK_MISMATCH)
    for (_, below), (name, layer), read in zip(layers[:-1], layers[1:], reads, strict=False):
        for field in SHARED:
            wanted, found = getattr(first, field), getattr(layer, field)
            if wanted != found:
                yield WeightsIssue(
                    f"{name}: {field}",
                    f"{wanted!r}, as in {base!r}{'' if field == 'batch_first' else hint}",
                    repr(found),
                    codes.STACK_MISMATCH,
                )
        width = below.config.layer_size if read == "concat" else below.config.outputs
        if read in READ and layer.input_size != width:
            expected = f"{width}, the width of the layer below"
            yield WeightsIssue(
                f"{name}: input_size", expected, str(layer.input_size), codes.STACK_MISMATCH
            )
        if not same_activations(first.activations, layer.activations):
            wanted = differing(first.activations, layer.activations)
            found = differing(layer.activations, first.activations)
            yield WeightsIssue(
                f"{name}: activations",
                f"{wanted}, as in {base!r}{hint}",
                found,
                codes.STACK_MISMATCH,
            )
    yield from batch_issues(layers)


def _state(layers: Sequence[StoredLSTM]) -> tuple[Floats, Floats] | None:
    """The layers' initial states above each other; zeros for a layer without, unless none has any."""
    given = [layer.state for layer in layers if layer.state is not None]
    if not given:
        return None
    zeros = (np.zeros_like(given[0][0]), np.zeros_like(given[0][1]))
    states = [layer.state or zeros for layer in layers]
    return np.concatenate([h for h, _ in states]), np.concatenate([c for _, c in states])
