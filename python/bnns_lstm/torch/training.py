"""Training calls: the forward pass that leaves a cache, and the gradients.

In: a call, its tensors and weights. Out: new tensors. Arrays of the tensors are borrowed. What lies as usual
goes to calls that are planned once (`planned`); weights that lie elsewhere, and gradients of which only some
are wanted, to the structure level.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from bnns_lstm.descriptors import LayerParametersLSTM, LSTMDataDescriptor, LSTMGateDescriptor
from bnns_lstm.functions import (
    compute_lstm_training_cache_capacity,
    direct_apply_lstm_batch_backward,
    direct_apply_lstm_batch_training_caching,
)
from bnns_lstm.module.memory import MakeFloats, memory_for, unwritten
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.structure import structure
from bnns_lstm.torch.calls import NOTHING, Arrays, Call, Three
from bnns_lstm.torch.planned import Planned
from bnns_lstm.torch.tensors import tensor_of

__all__ = ["Gradients", "backward", "forward"]

Gradients = tuple[Three, dict[str, torch.Tensor]]


def forward(
    call: Call, inputs: Three, own: tuple[Weights, Planned | None]
) -> tuple[tuple[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
    """Output, final states and the cache; dropout acts.

    Args:
        call: What is called.
        inputs: The input and the initial states, each `[layers * directions, batch, values]`, or None for
            zeros.
        own: The weights as they are now, and what is planned over them, if they lie in one place.
    """
    x = inputs[0]
    assert x is not None  # noqa: S101  # the input is always there
    weights, planned = own
    floats = _memory(planned)
    sizes = call.sizes(x)
    with memory_for("the output of input", x.shape):
        output = call.blank("y", (*sizes, call.config.layer_size), floats)
    if not x.numel():  # no sample: nothing has an element
        return call.tensors(*output.own), torch.empty(0, dtype=torch.uint8)
    given = call.arrays(inputs, "padded x", floats)
    if planned is not None:
        kind = planned.training(call, sizes)
        cache = planned.spares.cache(kind.nbytes)
        if planned.forward(kind, call, given, output.arrays, cache):
            return call.tensors(*output.own), torch.from_numpy(cache)
    params = _params(call, given, weights, LSTMDataDescriptor(*output.arrays))
    filter_params = call.filter_params
    with memory_for("the training cache of input"):
        cache = np.empty(compute_lstm_training_cache_capacity(params, filter_params), np.uint8)
    direct_apply_lstm_batch_training_caching(params, filter_params, cache)
    return call.tensors(*output.own), torch.from_numpy(cache)


def backward(
    call: Call,
    inputs: Three,
    own: tuple[Weights, Planned | None],
    cache: torch.Tensor,
    incoming: Three,
    wanted: tuple[tuple[bool, bool, bool], Collection[str]],
) -> Gradients:
    """Gradients of the input, the initial states and the weights.

    Args:
        call: What was called.
        inputs: As in `forward`.
        own: The weights of the forward pass, and what is planned over them.
        cache: What the forward pass left.
        incoming: Gradients of the output and of the final states; None for zeros.
        wanted: Whether those of the input and the two initial states are wanted; of which weights they are.
    """
    x, h, c = inputs
    assert x is not None  # noqa: S101  # the input is always there
    weights, planned = own
    floats = _memory(planned)
    which = wanted[0][0], wanted[0][1] and h is not None, wanted[0][2] and c is not None
    found = NOTHING
    if True in which:
        with memory_for("gradients of input", x.shape):
            found = call.blank("dx", (*call.sizes(x), x.shape[-1]), floats, which)
    named: Any = None
    if x.numel():
        data = call.arrays(inputs, "padded x", floats), call.arrays(incoming, "padded dy", floats)
        # Where some weights are frozen, the structure level leaves their gradients out.
        if planned is not None and _are_all(wanted[1], weights):
            sums = planned.sums.make(floats)
            if planned.backward(call, *data, found.arrays, sums, cache.numpy()):
                named = sums.named
        if named is None:
            named = _backward(call, (*data, found.arrays), weights, cache, _kinds(wanted[1]))
    else:
        named = Weights.made(call.config).named
    slopes = found.own if found is NOTHING else call.tensors(*found.own)
    return slopes, {name: tensor_of(named[name]) for name in wanted[1]}


def _memory(planned: Planned | None) -> MakeFloats:
    """What gives memory for the sequences of a call."""
    return unwritten if planned is None else planned.spares.floats


def _are_all(names: Collection[str], weights: Weights) -> bool:
    """Whether weights of all kinds are among these."""
    return len(names) == len(weights.named) or _kinds(names) == _kinds(weights.named)


def _backward(
    call: Call,
    data: tuple[Arrays, Arrays, Arrays],
    weights: Weights,
    cache: torch.Tensor,
    kinds: frozenset[str],
) -> dict[str, Any]:
    """The gradients by the structure level: those of the weights by name."""
    inputs, incoming, found = data
    x: Any = inputs[0]
    sums = Weights.made(call.config)
    delta = structure(sums, x.shape[:2], LSTMDataDescriptor(*found), LSTMDataDescriptor(*incoming))
    # In the memory of all where gates do not interleave there.
    has_room = call.config.num_layers * call.config.directions == 1
    for name in call.config.gates:
        gate = sums.gate(name) if has_room else sums.room(name)
        setattr(delta, f"{name}_gate", _wanted_of(gate, kinds))
    if delta.extensions is not None and "weight_hr" not in kinds:
        delta.extensions = replace(delta.extensions, projection_desc=None)
    params = _params(call, inputs, weights, LSTMDataDescriptor())
    direct_apply_lstm_batch_backward(params, delta, call.filter_params, cache.numpy())
    if has_room and sums.bias is not None:
        sums.bias[:] = sums.bias_sum
    elif not has_room:
        for name in call.config.gates:
            sums.take(name, getattr(delta, f"{name}_gate"))
    return sums.named


def _params(
    call: Call, inputs: Arrays, weights: Weights, outputs: LSTMDataDescriptor
) -> LayerParametersLSTM:
    """The structure of a call over the memory of its tensors."""
    weights.add_biases()
    return structure(
        weights,
        inputs[0].shape[:2],
        LSTMDataDescriptor(*inputs),
        outputs,
        active=call.active,
        dropout=call.dropout,
    )


def _kinds(names: Collection[str]) -> frozenset[str]:
    """What weights these are: `weight_ih_l0` of the lowest layer, `weight_ih` of others; `weight_hh`, ..."""
    found = set()
    for name in names:
        kind, place = name.rsplit("_l", 1)
        is_lowest = kind == "weight_ih" and place.partition("_")[0] == "0"
        found.add("weight_ih_l0" if is_lowest else "bias" if kind.startswith("bias") else kind)
    return frozenset(found)


def _wanted_of(gate: Any, kinds: frozenset[str]) -> LSTMGateDescriptor:
    """A gate without the arrays of weights whose gradients nobody wants."""
    lowest, upper = gate.iw_desc
    return LSTMGateDescriptor(
        (
            lowest if "weight_ih_l0" in kinds else None,
            upper if "weight_ih" in kinds else None,
        ),
        gate.hw_desc if "weight_hh" in kinds else None,
        gate.cw_desc if "weight_ch" in kinds else None,
        gate.b_desc if "bias" in kinds else None,
    )
