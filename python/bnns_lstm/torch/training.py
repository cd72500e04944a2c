"""Training calls: the forward pass that leaves a cache, and the gradients.

In: a call, its tensors and weights. Out: new tensors. Both go straight to the structure level: arrays of the
tensors are borrowed, and of the gradients those are computed that somebody wants.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import torch

from bnns_lstm.descriptors import LayerParametersLSTM, LSTMDataDescriptor, LSTMGateDescriptor
from bnns_lstm.functions import (
    compute_lstm_training_cache_capacity,
    direct_apply_lstm_batch_backward,
    direct_apply_lstm_batch_training_caching,
)
from bnns_lstm.module.memory import Spare, memory_for
from bnns_lstm.module.parameters import Weights
from bnns_lstm.module.structure import structure
from bnns_lstm.torch.calls import Call
from bnns_lstm.torch.tensors import tensor_of

__all__ = ["Gradients", "Three", "backward", "forward"]

Three = tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]
Gradients = tuple[Three, dict[str, torch.Tensor]]

# Memory of a cache that is gone, for the next one of its size.
spare = Spare()
# Sizes of the caches of some shapes of calls.
MOST_CAPACITIES = 64
capacities: dict[Any, int] = {}


def forward(
    call: Call, inputs: Three, weights: Weights
) -> tuple[tuple[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
    """Output, final states and the cache; dropout acts.

    Args:
        call: What is called.
        inputs: The input and the initial states, each `[layers * directions, batch, values]`, or None for
            zeros.
        weights: The weights as they are now.
    """
    x = inputs[0]
    assert x is not None  # noqa: S101  # the input is always there
    with memory_for(f"the output of input, {list(x.shape)}"):
        output = call.output(x)
    if not x.numel():  # no sample: nothing has an element
        return output.tensors, torch.empty(0, dtype=torch.uint8)
    params = _params(call, inputs, weights, output.desc)
    filter_params = call.filter_params
    cache = spare.take(_capacity(call, params))
    direct_apply_lstm_batch_training_caching(params, filter_params, cache)
    return output.tensors, torch.from_numpy(cache)


def backward(
    call: Call,
    inputs: Three,
    weights: Weights,
    cache: torch.Tensor,
    incoming: Three,
    wanted: tuple[tuple[bool, bool, bool], Collection[str]],
) -> Gradients:
    """Gradients of the input, the initial states and the weights.

    Args:
        call: What was called.
        inputs: As in `forward`.
        weights: Those of the forward pass.
        cache: What the forward pass left.
        incoming: Gradients of the output and of the final states; None for zeros.
        wanted: Whether those of the input and the two initial states are wanted; of which weights they are.
    """
    x = inputs[0]
    assert x is not None  # noqa: S101  # the input is always there
    with memory_for(f"gradients of input, {list(x.shape)}"):
        found: Any = [
            torch.empty(tensor.shape, dtype=torch.float32)
            if tensor is not None and is_wanted
            else None
            for tensor, is_wanted in zip(inputs, wanted[0], strict=True)
        ]
        sums = Weights.made(call.config)
    if not x.numel():
        return tuple(found), {name: tensor_of(sums.named[name]) for name in wanted[1]}
    delta = structure(sums, call.sizes(x), call.data(*found), call.data(*incoming))
    kinds = _kinds(wanted[1])
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
            _take(sums, name, getattr(delta, f"{name}_gate"))
    return tuple(found), {name: tensor_of(sums.named[name]) for name in wanted[1]}


def _capacity(call: Call, params: LayerParametersLSTM) -> int:
    """Bytes of the cache of a call; those of the last shapes are known."""
    active = None if call.active is None else call.active.tobytes()
    key = (call.config, params.seq_len, params.batch_size, active, call.dropout, call.threads)
    found = capacities.get(key)
    if found is None:
        found = compute_lstm_training_cache_capacity(params, call.filter_params)
        if len(capacities) >= MOST_CAPACITIES:
            capacities.clear()
        capacities[key] = found
    return found


def _params(
    call: Call, inputs: Three, weights: Weights, outputs: LSTMDataDescriptor
) -> LayerParametersLSTM:
    """The structure of a call over the memory of its tensors."""
    weights.add_biases()
    x = inputs[0]
    assert x is not None  # noqa: S101  # the input is always there
    return structure(
        weights,
        call.sizes(x),
        call.data(*inputs),
        outputs,
        active=call.active,
        dropout=call.dropout,
    )


def _kinds(names: Collection[str]) -> set[str]:
    """What weights these are: `weight_ih_l0` of the lowest layer, `weight_ih` of others; `weight_hh`, ..."""
    found = set()
    for name in names:
        kind, place = name.rsplit("_l", 1)
        is_lowest = kind == "weight_ih" and place.partition("_")[0] == "0"
        found.add("weight_ih_l0" if is_lowest else "bias" if kind.startswith("bias") else kind)
    return found


def _wanted_of(gate: Any, kinds: set[str]) -> LSTMGateDescriptor:
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


def _take(sums: Weights, name: str, gate: Any) -> None:
    """Copy the arrays of a gate into the memory of all; the gradient of the one bias is that of both."""
    block = sums.blocks.index(name)
    lowest, upper = gate.iw_desc
    for to, found in (
        (sums.lowest, lowest),
        (sums.upper, upper),
        (sums.hidden, gate.hw_desc),
        (sums.peephole, gate.cw_desc),
    ):
        if to is not None and found is not None:
            to[:, :, block] = found
    if sums.bias is not None and gate.b_desc is not None:
        sums.bias[:, :, :, block] = gate.b_desc
