"""An operator `lstm` of an ML program as a network of one layer.

In: an operator. Out: a :class:`StoredLSTM` of one layer, or everything that cannot be taken over. Source: the
description of the operator in coremltools (iOS 15, which iOS 17 takes over): unlike layers of neural networks,
it limits nothing. `operator_words` and `operator_arrays` read and check; here is what is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats import order
from bnns_lstm.formats.coreml.operator_arrays import ARRAYS, ENDINGS, arrays_of, carried, check
from bnns_lstm.formats.coreml.operator_words import words_of
from bnns_lstm.formats.coreml.steps import LSTMLayer
from bnns_lstm.formats.stored import Floats, StoredLSTM

__all__ = ["read_operator"]

SUFFIXES = ("", "_reverse")


def read_operator(layer: LSTMLayer) -> StoredLSTM:
    """An operator's configuration and weights.

    Raises:
        WeightsError: Naming everything that cannot be taken over.
    """
    issues: list[WeightsIssue] = []
    words = words_of(layer, issues)
    directions = 2 if words.direction == "bidirectional" else 1
    state: tuple[Floats, Floats] | None = None
    arrays: dict[str, Floats] = {}
    try:
        arrays = arrays_of(layer, directions)
        check(layer, arrays, directions)
        state = carried(layer, directions, arrays["weight_hh"].shape[1])
    except WeightsError as error:
        issues += error.issues
    if issues:
        raise WeightsError(tuple(issues))
    return StoredLSTM(
        input_size=arrays["weight_ih"].shape[1], hidden_size=arrays["weight_hh"].shape[1], num_layers=1,
        bidirectional=directions == 2, bias="bias" in arrays, batch_first=False, dropout=0.0, peephole=None,
        activations=words.activations, parameters=_parameters(arrays, directions), state=state,
        direction="reverse" if words.direction == "reverse" else "forward",
    )  # fmt: skip


def _parameters(arrays: Mapping[str, Floats], directions: int) -> dict[str, Floats]:
    """The arrays of all directions in PyTorch's order and under its names; the second biases are 0."""
    parameters: dict[str, Floats] = {}
    for suffix, ending in list(zip(SUFFIXES, ENDINGS, strict=True))[:directions]:
        for theirs, ours in ARRAYS.items():
            if theirs + ending in arrays:
                array = order.reorder(arrays[theirs + ending], order.COREML, order.TORCH)
                parameters[f"{ours}_l0{suffix}"] = array
        if "bias" in arrays:
            parameters[f"bias_hh_l0{suffix}"] = np.zeros_like(parameters[f"bias_ih_l0{suffix}"])
    return parameters
