"""The node in the graph: when there is one, what it keeps, what is refused, and what others do with it."""

from __future__ import annotations

import weakref
from typing import Any

import bnns_lstm.torch
import numpy as np
import pytest
import torch
from bnns_lstm.module.memory import Spare
from bnns_lstm.torch import planned, training
from pairs import gradients, loss_of, pair, results, same
from torch.autograd import forward_ad
from torch.utils.checkpoint import checkpoint


@pytest.fixture
def caches(monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref[Any]]:
    """The training caches that were made, as long as they live."""
    found: list[weakref.ref[Any]] = []
    own = Spare.take

    def take(self: Spare, *given: Any) -> Any:
        array = own(self, *given)
        if array.dtype == np.uint8:
            found.append(weakref.ref(array))
        return array

    monkeypatch.setattr(Spare, "take", take)
    return found


@pytest.mark.parametrize("without", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_no_tape_is_kept_without_gradients(
    caches: list[weakref.ref[Any]], without: Any, dropout: float
) -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4, 2, dropout=dropout)
    with without():
        y, (h, c) = lstm(torch.randn(5, 2, 3))
    assert not any(each.requires_grad or each.grad_fn for each in (y, h, c))
    assert all(cache() is None for cache in caches)
    # Only dropout goes through the training pass, whose cache is gone by then.
    assert len(caches) == (1 if dropout else 0)


def test_no_tape_is_kept_where_nothing_wants_gradients(caches: list[weakref.ref[Any]]) -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4).requires_grad_(requires_grad=False)
    y, _ = lstm(torch.randn(5, 2, 3))
    assert not y.requires_grad
    assert not caches


def test_the_tape_lives_until_the_backward_pass(caches: list[weakref.ref[Any]]) -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4)
    y, _ = lstm(torch.randn(5, 2, 3))
    assert caches[0]() is not None
    y.sum().backward()
    assert y.grad_fn is not None
    assert caches[0]() is None
    found = lstm(torch.randn(5, 2, 3))
    del found
    assert caches[1]() is None


def test_evaluation_has_gradients_too() -> None:
    theirs, ours = pair(3, 4, 2, dropout=0.5)
    x = torch.randn(5, 2, 3)
    same(gradients(theirs.eval(), x), gradients(ours.eval(), x), 2e-5)


def test_a_second_backward_pass_is_pytorchs_error() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4)
    loss = lstm(torch.randn(5, 2, 3))[0].sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        loss.backward()


def test_a_retained_graph_gives_the_same_again() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4)
    loss = lstm(torch.randn(5, 2, 3))[0].sum()
    loss.backward(retain_graph=True)
    once = lstm.weight_hh_l0.grad.clone()
    loss.backward()
    assert torch.equal(lstm.weight_hh_l0.grad, 2 * once)


def test_what_was_changed_in_place_is_pytorchs_error() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4)
    x = torch.randn(5, 2, 3)
    for tensor in (lstm.weight_hh_l0, x):
        loss = lstm(x)[0].sum()
        with torch.no_grad():
            tensor.add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_a_write_that_pytorch_does_not_see_is_ours() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4)
    loss = lstm(torch.randn(5, 2, 3))[0].sum()
    lstm.weight_hh_l0.data.add_(1)
    with pytest.raises(bnns_lstm.CacheError, match="changed_weights"):
        loss.backward()


def test_an_output_may_be_changed_in_place() -> None:
    """`torch.nn.LSTM` keeps its output for the gradients, and refuses this."""
    lstm, x = bnns_lstm.torch.LSTM(3, 4), torch.randn(5, 2, 3, requires_grad=True)
    found = [
        torch.autograd.grad((way(lstm(x)[0]) ** 2).sum(), x)[0]
        for way in (lambda y: (y * 3).relu(), lambda y: y.mul_(3).relu_())
    ]
    assert torch.equal(found[0], found[1])


def test_a_second_derivative_is_refused_by_name() -> None:
    lstm, x = bnns_lstm.torch.LSTM(3, 4), torch.randn(5, 2, 3, requires_grad=True)
    (dx,) = torch.autograd.grad(lstm(x)[0].sum(), x, create_graph=True)
    plain = torch.autograd.grad(lstm(x)[0].sum(), x)[0]
    assert torch.equal(dx, plain)  # the first one is there
    with pytest.raises(
        bnns_lstm.torch.TensorError, match=r"bnns_lstm\.torch\.LSTM.*a second deriv"
    ):
        torch.autograd.grad(dx.sum(), x)
    # Nor by way of a loss that holds it, as a penalty on gradients does.
    y = lstm(x)[0]
    (dx,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    with pytest.raises(bnns_lstm.torch.TensorError, match="a second derivative"):
        (y.sum() + (dx**2).sum()).backward()


@pytest.mark.filterwarnings("ignore:`torch.jit.*:DeprecationWarning")
def test_forward_mode_is_refused_by_name() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4)
    for frozen in (False, True):
        lstm.requires_grad_(requires_grad=not frozen)
        with forward_ad.dual_level():
            x = forward_ad.make_dual(torch.randn(5, 2, 3), torch.ones(5, 2, 3))
            with pytest.raises(bnns_lstm.torch.TensorError, match="forward-mode derivatives"):
                lstm(x)


@pytest.mark.filterwarnings("ignore:`torch.jit.*:DeprecationWarning")
def test_transforms_are_refused_by_name() -> None:
    lstm, x = bnns_lstm.torch.LSTM(3, 4), torch.randn(5, 2, 3)
    weights = {name: weight.detach() for name, weight in lstm.named_parameters()}

    def call(given: Any, params: Any = weights) -> Any:
        return torch.func.functional_call(lstm, params, (given,))[0].sum()

    for transform in (
        lambda: torch.func.grad(call)(x),
        lambda: torch.func.grad(lambda params: call(x, params))(weights),
        lambda: torch.func.vmap(call)(x.unsqueeze(1)),
        lambda: torch.func.jvp(call, (x,), (x,)),
    ):
        with pytest.raises(bnns_lstm.torch.TensorError, match=r"^torch\.func: .*bnns_lstm\.torch"):
            transform()


def test_a_functional_call_computes_with_its_weights_and_leaves_the_modules() -> None:
    theirs, ours = pair(3, 4, 2)
    x = torch.randn(5, 2, 3)
    with torch.no_grad():
        own = ours(x)[0]
    other = {name: torch.randn_like(weight) for name, weight in ours.named_parameters()}
    found = []
    for module in (theirs, ours):
        leaves = {name: weight.clone().requires_grad_() for name, weight in other.items()}
        first = torch.func.functional_call(module, leaves, (x,))[0]
        # A second one with others, before the gradients of the first.
        torch.func.functional_call(module, {k: 2 * v for k, v in leaves.items()}, (x,))
        first.pow(2).sum().backward()
        found.append({"y": first} | {name: leaf.grad for name, leaf in leaves.items()})
    same(found[0], found[1], 3e-5)
    with torch.no_grad():
        assert torch.equal(ours(x)[0], own)


def test_frozen_weights_have_no_gradients_and_none_is_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs, ours = pair(3, 4, 2, proj_size=2)
    for name, weight in (*theirs.named_parameters(), *ours.named_parameters()):
        weight.requires_grad_(name in {"weight_ih_l1", "bias_hh_l0"})
    seen = []
    own = training.direct_apply_lstm_batch_backward
    monkeypatch.setattr(
        training,
        "direct_apply_lstm_batch_backward",
        lambda *given: (seen.append(given[1]), own(*given)),
    )
    x = torch.randn(5, 2, 3)
    for module in (theirs, ours):
        loss_of(results(module, x)).backward()
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert (mine.grad is None) == (other.grad is None), name
        if other.grad is not None:
            torch.testing.assert_close(mine.grad, other.grad, rtol=0, atol=2e-5)
    [delta] = seen
    assert delta.input_gate.iw_desc[0] is None
    assert delta.input_gate.iw_desc[1] is not None
    assert delta.input_gate.hw_desc is None
    assert delta.input_gate.b_desc is not None
    assert delta.extensions.projection_desc is None
    assert delta.input_descriptor.data_desc is None


def test_gradients_that_do_not_come_in_are_none_to_compute_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lstm, seen = bnns_lstm.torch.LSTM(3, 4), []
    own = planned.Planned.backward
    monkeypatch.setattr(
        planned.Planned, "backward", lambda *given: (seen.append(given[3:5]), own(*given))[1]
    )
    y, (h, _) = lstm(torch.randn(5, 2, 3))
    h.sum().backward()
    [(incoming, outgoing)] = seen
    assert [array is None for array in incoming] == [True, False, True]
    assert outgoing == (None, None, None)
    assert y.requires_grad


def test_frozen_weights_still_pass_gradients_down() -> None:
    theirs, ours = pair(3, 4, 2, bidirectional=True)
    x = torch.randn(5, 2, 3)
    for module in (theirs, ours):
        module.requires_grad_(requires_grad=False)
    found = []
    for module in (theirs, ours):
        leaf = x.clone().requires_grad_()
        loss_of(results(module, leaf)).backward()
        found.append(leaf.grad)
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=2e-5)


def test_checkpoints_compute_the_same_masks_again() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4, 3, dropout=0.5)
    x, found = torch.randn(5, 2, 3), []
    for way in (lambda: lstm(x)[0], lambda: checkpoint(lstm, x, use_reentrant=False)[0]):
        lstm.zero_grad()
        torch.manual_seed(5)
        way().pow(2).sum().backward()
        found.append([weight.grad for weight in lstm.parameters()])
    for plain, again in zip(*found, strict=True):
        assert torch.equal(plain, again)


def test_what_is_saved_may_be_moved_away_and_back() -> None:
    lstm, x, found = bnns_lstm.torch.LSTM(3, 4, 2), torch.randn(5, 2, 3), []
    for hooks in ((lambda tensor: tensor, lambda tensor: tensor), (torch.clone, torch.clone)):
        lstm.zero_grad()
        with torch.autograd.graph.saved_tensors_hooks(*hooks):
            y = lstm(x)[0]
        y.pow(2).sum().backward()
        found.append([weight.grad for weight in lstm.parameters()])
    for plain, moved in zip(*found, strict=True):
        assert torch.equal(plain, moved)


def test_hooks_and_clipping_see_what_they_see_of_pytorchs() -> None:
    seen: list[list[Any]] = []
    for module in pair(3, 4):
        own: list[Any] = []
        module.register_forward_pre_hook(lambda _, given: (given[0] * 2,))
        module.register_forward_hook(lambda _, __, found, own=own: own.append(found[0].detach()))
        module.register_full_backward_hook(
            lambda _, __, grads, own=own: own.append(grads[0].detach())
        )
        module.weight_hh_l0.register_hook(lambda grad, own=own: own.append(grad.clone()))
        torch.manual_seed(2)
        loss_of(results(module, torch.randn(5, 2, 3, requires_grad=True))).backward()
        own.append(torch.nn.utils.clip_grad_norm_(module.parameters(), 0.5))
        own += [weight.grad for weight in module.parameters()]
        seen.append(own)
    assert len(seen[0]) == len(seen[1]) == 8
    for theirs, ours in zip(*seen, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_autocast_leaves_the_module_in_float32(kind: torch.dtype) -> None:
    """As PyTorch leaves operations that need the range; `torch.nn.LSTM` computes in the half type."""
    lstm = bnns_lstm.torch.LSTM(3, 4)
    x = torch.randn(5, 2, 3)
    half, hx = x.to(kind).requires_grad_(), (torch.zeros(1, 2, 4, dtype=kind),) * 2
    with torch.autocast("cpu", dtype=kind):
        y, (h, c) = lstm(half, hx)
        plain = lstm(x)[0]
    assert [each.dtype for each in (y, h, c, plain)] == [torch.float32] * 4
    assert torch.equal(y, lstm(half.detach().float())[0])
    y.sum().backward()
    assert half.grad is not None
    assert half.grad.dtype == kind
    with pytest.raises(bnns_lstm.torch.TensorError, match=r"input: expected torch\.float32"):
        lstm(half)
    with torch.autocast("cpu", dtype=kind), pytest.raises(bnns_lstm.torch.TensorError):
        lstm(x.double())


def test_gradients_are_those_of_differences() -> None:
    """Beside nn.LSTM in float64 the steps of differences are exact enough to be compared with."""
    theirs, ours = pair(2, 3, 2, bidirectional=True, proj_size=2)
    x = torch.randn(4, 2, 2)
    found = gradients(ours, x)
    exact = gradients(theirs.double(), x.double())
    for name, value in exact.items():
        torch.testing.assert_close(found[name].double(), value, rtol=0, atol=1e-5)
    lifted = x.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda given: theirs(given)[0], (lifted,))
