"""Parameters: state dicts both ways, ties, parametrizations, shared memory, threads."""

from __future__ import annotations

import copy
import threading
from typing import Any

import bnns_lstm as bl
import bnns_lstm.torch
import numpy as np
import pytest
import torch
from pairs import VALUES, both, gradients, pair, results, same
from probes import X, is_at_home, output
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

OPTIONS: dict[str, Any] = {"num_layers": 2, "bidirectional": True, "proj_size": 3}


def test_state_dicts_go_both_ways() -> None:
    theirs, ours = nn.LSTM(3, 4, **OPTIONS), bnns_lstm.torch.LSTM(3, 4, **OPTIONS)
    assert not ours.load_state_dict(theirs.state_dict(), strict=True).missing_keys
    both((theirs, ours), X)
    fresh = nn.LSTM(3, 4, **OPTIONS)
    assert list(ours.state_dict()) == list(fresh.state_dict())
    fresh.load_state_dict(ours.state_dict(), strict=True)
    both((fresh, ours), X)


def test_a_state_dict_that_does_not_fit_is_pytorchs_error() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4)
    with pytest.raises(RuntimeError, match="Missing key"):
        lstm.load_state_dict({})
    with pytest.raises(RuntimeError, match="size mismatch"):
        lstm.load_state_dict(bnns_lstm.torch.LSTM(3, 5).state_dict())
    with pytest.raises(RuntimeError, match="Unexpected key"):
        lstm.load_state_dict(bnns_lstm.torch.LSTM(3, 4, peephole="full").state_dict())


def test_both_biases_have_names_and_gradients_of_their_own() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4)
    lstm(X)[0].pow(2).sum().backward()
    assert lstm.bias_ih_l0.grad is not None
    assert torch.equal(lstm.bias_ih_l0.grad, lstm.bias_hh_l0.grad)
    lstm.bias_ih_l0.grad.zero_()  # two memories
    assert lstm.bias_hh_l0.grad.abs().max() > 0


def test_tied_weights_are_one_parameter() -> None:
    """Within a module, and between two of them."""
    found = []
    for make in (nn.LSTM, bnns_lstm.torch.LSTM):
        torch.manual_seed(1)
        first, second = make(4, 4, 2), make(4, 4, 2)
        first.weight_hh_l1 = first.weight_hh_l0
        second.weight_ih_l0 = first.weight_ih_l0
        model = nn.ModuleList([first, second])
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        losses = []
        for _ in range(5):
            optimizer.zero_grad()
            y, _ = second(first(torch.ones(5, 2, 4))[0])
            loss = (y - 0.5).pow(2).sum()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        assert first.weight_hh_l1 is first.weight_hh_l0
        found.append([*losses, *(weight.grad for weight in model.parameters())])
        assert len(list(model.parameters())) == 14
    for theirs, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_weight_in_two_places_of_a_module_stays_one_parameter() -> None:
    theirs, ours = pair(4, 4, 2)
    x = torch.randn(5, 2, 4)
    for module in (theirs, ours):
        module.weight_hh_l1 = module.weight_hh_l0
    twin = copy.deepcopy(ours)
    for module in (ours, twin):
        module.flatten_parameters()
        assert module.weight_hh_l1 is module.weight_hh_l0
        with torch.no_grad():
            same(results(theirs, x), results(module, x), VALUES)
            module.weight_hh_l0.mul_(2)
    with torch.no_grad():
        theirs.weight_hh_l0.mul_(2)
        for module in (ours, twin):
            same(results(theirs, x), results(module, x), VALUES)


def test_a_weight_shared_with_another_kind_of_layer() -> None:
    lstm, linear = bnns_lstm.torch.LSTM(4, 4), nn.Linear(4, 16)
    lstm.weight_ih_l0 = linear.weight
    twin, _ = pair(4, 4)
    twin.load_state_dict(lstm.state_dict())
    both((twin, lstm), torch.randn(5, 2, 4))
    with torch.no_grad():
        linear.weight.mul_(2)
        twin.weight_ih_l0.mul_(2)
    both((twin, lstm), torch.randn(5, 2, 4))


@pytest.mark.parametrize("way", [parametrizations.weight_norm, parametrizations.spectral_norm])
def test_parametrized_weights(way: Any) -> None:
    modules = pair(3, 4, 2)
    for module in modules:
        torch.manual_seed(4)
        way(module, "weight_hh_l0")
    optimizers = [torch.optim.SGD(module.parameters(), lr=0.1) for module in modules]
    for _ in range(3):
        same(gradients(modules[0], X), gradients(modules[1], X), 1e-4)
        for optimizer in optimizers:
            optimizer.step()
    for module in modules:
        parametrize.remove_parametrizations(module.eval(), "weight_hh_l0")
    both(modules, X)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_weight_norm_by_a_hook() -> None:
    modules = pair(3, 4)
    for module in modules:
        nn.utils.weight_norm(module, "weight_hh_l0")
    same(gradients(modules[0], X), gradients(modules[1], X), 1e-4)


def test_pruned_weights() -> None:
    modules = pair(3, 4)
    for module in modules:
        torch.manual_seed(1)
        prune.random_unstructured(module, "weight_ih_l0", amount=0.5)
    same(gradients(modules[0], X), gradients(modules[1], X), 1e-4)


def test_flatten_parameters_is_there_and_harmless() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4)
    before, places = output(lstm), [weight.data_ptr() for weight in lstm.parameters()]
    lstm.flatten_parameters()
    assert [weight.data_ptr() for weight in lstm.parameters()] == places
    assert torch.equal(output(lstm), before)


def test_parameters_that_were_assigned_are_brought_together_on_demand() -> None:
    with torch.device("meta"):
        lstm = bnns_lstm.torch.LSTM(3, 4, 2)
    source = nn.LSTM(3, 4, 2)
    lstm.load_state_dict(source.state_dict(), assign=True)
    assert not is_at_home(lstm)
    both((source, lstm), X)
    lstm.flatten_parameters()
    assert is_at_home(lstm)
    both((source, lstm), X)
    other = bnns_lstm.torch.LSTM(3, 4, 2, device="meta").to_empty(device="cpu")
    assert is_at_home(other)
    other.load_state_dict(source.state_dict())
    both((source, other), X)


def test_shared_memory_stays_shared() -> None:
    """Other processes write into it: no version counter tells."""
    lstm = bnns_lstm.torch.LSTM(3, 4)
    lstm.share_memory()
    lstm.flatten_parameters()
    assert all(weight.is_shared() for weight in lstm.parameters())
    before = output(lstm)
    lstm.weight_ih_l0.detach().numpy()[...] += 1
    assert not torch.equal(output(lstm), before)


def test_parts_of_a_larger_tensor_stay_parts_of_it() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4)
    flat = torch.randn(sum(weight.numel() for weight in lstm.parameters()))
    nn.utils.vector_to_parameters(flat, lstm.parameters())
    lstm.flatten_parameters()
    before = output(lstm)
    flat.mul_(2)
    assert not torch.equal(output(lstm), before)
    twin = nn.LSTM(3, 4)
    twin.load_state_dict(lstm.state_dict())
    both((twin, lstm), X)


def test_modules_that_were_made_in_inference_mode() -> None:
    with torch.inference_mode():
        lstm = bnns_lstm.torch.LSTM(3, 4)
        before = lstm(X)[0]
        lstm.weight_hh_l0.add_(1)
        assert not torch.equal(lstm(X)[0], before)


def test_threads_may_call_at_once() -> None:
    """With weights in place, and with weights of each call's own."""
    lstm = bnns_lstm.torch.LSTM(3, 16)
    inputs = [torch.randn(20, 2, 3) for _ in range(4)]
    weights = [{k: torch.randn_like(v) for k, v in lstm.named_parameters()} for _ in range(4)]

    def call(number: int, *, own: bool) -> torch.Tensor:
        with torch.no_grad():
            if not own:
                return lstm(inputs[number])[0]
            # As `functional_call`, which swaps the parameters of a module for all threads.
            x, tensors = inputs[number], weights[number]
            return lstm._computed(x, None, tuple(tensors.values()), None, batch_first=False)[0]

    expected = [call(number, own=False) for number in range(4)]
    others = [call(number, own=True) for number in range(4)]
    wrong: list[int] = []

    def work(number: int) -> None:
        for step in range(60):
            own = (step + number) % 3 == 0
            wanted = others if own else expected
            if not torch.equal(call(number, own=own), wanted[number]):
                wrong.append(number)
                return

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_threads_follow_pytorch() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 16)
    found, layers = [], []
    for threads in (1, 2, 1):
        torch.set_num_threads(threads)
        found.append(output(lstm))
        engine = lstm._inference.own.engine
        assert engine.num_threads == threads
        layers.append(engine.latest.prepared)
    assert len({id(layer) for layer in layers}) == 3  # each was planned for its own number
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_bl_lstm_reads_a_module() -> None:
    options: dict[str, Any] = {"peephole": "full", "activations": {"hidden": "relu"}}
    lstm = bnns_lstm.torch.LSTM(3, 4, 2, batch_first=True, **options)
    twin = bl.LSTM.from_torch(lstm)
    assert twin.config == lstm.config
    assert twin.config.batch_first
    np.testing.assert_array_equal(twin(X.numpy())[0], output(lstm).numpy())
