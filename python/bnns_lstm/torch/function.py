"""The node of PyTorch's graph of gradients.

In: a call and its tensors. Out: output and final states, and when PyTorch asks, gradients. What the gradients
need is saved where PyTorch saves such things: it frees them after the backward pass, says when they are asked
for a second time or were changed in place, and hands them to hooks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch.autograd import forward_ad

from bnns_lstm.module.parameters import Weights
from bnns_lstm.torch.calls import Call, Three
from bnns_lstm.torch.errors import unsupported
from bnns_lstm.torch.planned import Planned
from bnns_lstm.torch.training import backward, forward
from bnns_lstm.torch.weights import Home

__all__ = ["Node", "is_watched", "recorded"]

Grads = tuple[Any, ...]


class Node(NamedTuple):
    """What a node knows besides tensors.

    Attributes:
        call: What was called.
        home: Where parameters may lie.
        names: Of the weights, in the order in which they are given.
        is_home: Whether the weights of the forward pass were just found at home.
    """

    call: Call
    home: Home
    names: tuple[str, ...]
    is_home: bool

    def weights(self, tensors: Grads) -> tuple[Weights, Planned | None]:
        """The weights that these tensors are, and what is planned over them."""
        return self.home.weights_of(self.names, tensors)


class _Forward(torch.autograd.Function):
    """Output and final states."""

    @staticmethod
    def forward(
        ctx: Any, node: Node, *given: Any
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        x, h, c, *weights = given
        home = node.home
        own: Any = (home.weights, home.planned) if node.is_home else node.weights(tuple(weights))
        results, cache = forward(node.call, (x, h, c), own)
        ctx.node = node
        ctx.save_for_backward(cache, *given)
        ctx.set_materialize_grads(False)
        return results

    @staticmethod
    def backward(ctx: Any, *incoming: Any) -> Grads:
        cache, *given = ctx.saved_tensors
        wanted = ctx.needs_input_grad[1:]
        if not torch.is_grad_enabled():
            return None, *_gradients(ctx.node, wanted, incoming, cache, given)
        # With create_graph=True: whoever goes on from these gradients finds who refuses.
        return None, *_Backward.apply(ctx.node, wanted, *incoming, cache, *given)

    @staticmethod
    def jvp(*_: Any) -> Any:
        raise _refusal("forward-mode derivatives")


class _Backward(torch.autograd.Function):
    """The gradients, as a node of which there is no gradient."""

    @staticmethod
    def forward(_: Any, node: Node, wanted: tuple[bool, ...], *given: Any) -> Grads:
        incoming, cache, inputs = given[:3], given[3], given[4:]
        return _gradients(node, wanted, incoming, cache, inputs)

    @staticmethod
    def backward(*_: Any) -> Any:
        raise _refusal("a second derivative")


def _refusal(what: str) -> Exception:
    expected = "first derivatives by backward() or torch.autograd.grad()"
    return unsupported(
        "bnns_lstm.torch.LSTM", expected, f"{what}, which is not there: use torch.nn.LSTM"
    )


def _gradients(
    node: Node, wanted: tuple[bool, ...], incoming: Grads, cache: torch.Tensor, given: Any
) -> Grads:
    """A gradient for each tensor that was given, or None where it is not wanted."""
    x, h, c, *weights = given
    names = node.names
    if not all(wanted[3:]):
        names = tuple(name for name, is_wanted in zip(names, wanted[3:], strict=True) if is_wanted)
    arrays, named = backward(
        node.call,
        (x, h, c),
        node.weights(tuple(weights)),
        cache,
        (incoming[0], incoming[1], incoming[2]),
        ((wanted[0], wanted[1], wanted[2]), names),
    )
    return *arrays, *map(named.get, node.names)


def is_watched(tensors: Iterable[torch.Tensor]) -> bool:
    """Whether somebody wants gradients of one of these, or forward-mode derivatives along it."""
    if not torch.is_grad_enabled():
        return False
    given = tuple(tensors)
    for tensor in given:
        if tensor.requires_grad:
            return True
    return any(forward_ad.unpack_dual(tensor).tangent is not None for tensor in given)


def recorded(
    node: Node, inputs: Three, weights: Grads
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Output and final states, with dropout; a node is left where somebody wants gradients."""
    results: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = _Forward.apply(
        node, *inputs, *weights
    )
    return results
