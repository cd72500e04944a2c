"""What is not copied: dense inputs, outputs, gradients of inputs, and weights before they are packed."""

from __future__ import annotations

from typing import Any

import bnns_lstm.torch
import numpy as np
import pytest
import torch
from bnns_lstm import _native
from bnns_lstm.module import memory
from bnns_lstm.torch import calls, planned


class Seen:
    """The arrays of calls: of training calls, of their gradients, and structures of prepared calls."""

    def __init__(self) -> None:
        self.forward: list[Any] = []
        self.backward: list[Any] = []
        self.training: list[Any] = []
        self.prepared: list[Any] = []


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    found = Seen()

    def spy(owner: Any, name: str, to: list[Any]) -> None:
        own = getattr(owner, name)

        def call(*given: Any) -> Any:
            to.append(given)
            done = own(*given)
            assert done is not False  # nothing was left to another way
            return done

        monkeypatch.setattr(owner, name, call)

    spy(planned.Planned, "forward", found.forward)
    spy(planned.Planned, "backward", found.backward)
    spy(_native, "prepare_training", found.training)
    spy(_native, "prepare", found.prepared)
    return found


def address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


@pytest.mark.parametrize("batch_first", [False, True])
def test_a_training_call_reads_and_writes_the_tensors_memory(seen: Seen, batch_first: bool) -> None:
    lstm = bnns_lstm.torch.LSTM(5, 8, num_layers=2, batch_first=batch_first, bidirectional=True)
    x = torch.randn(4, 3, 5, requires_grad=True)
    rows = 4 if batch_first else 3
    hx = torch.randn(4, rows, 8, requires_grad=True), torch.randn(4, rows, 8, requires_grad=True)
    y, (h, c) = lstm(x, hx)
    [(_, _, _, inputs, outputs, _)] = seen.forward
    assert [address(array) for array in inputs] == [each.data_ptr() for each in (x, *hx)]
    assert [address(array) for array in outputs] == [each.data_ptr() for each in (y, h, c)]
    [(params, _)] = seen.training
    weights(params, lstm)

    dy = torch.randn(y.shape)
    given = (dy, h.detach(), c.detach())
    slopes = torch.autograd.grad((y, h, c), (x, *hx, *lstm.parameters()), given)
    [(_, _, inputs, incoming, outgoing, sums, _)] = seen.backward
    assert [address(array) for array in inputs] == [each.data_ptr() for each in (x, *hx)]
    assert [address(array) for array in incoming] == [each.data_ptr() for each in given]
    assert [address(array) for array in outgoing] == [each.data_ptr() for each in slopes[:3]]
    names = [name for name, _ in lstm.named_parameters()]
    for name, slope in zip(names, slopes[3:], strict=True):
        assert address(sums.named[name]) == slope.data_ptr()


def weights(params: Any, lstm: Any) -> None:
    """Assert that the first gate's arrays begin where the parameters of the lowest layers do."""
    lowest, upper = params.input_gate.iw_desc
    assert address(lowest) == lstm.weight_ih_l0.data_ptr()
    assert address(upper) == lstm.weight_ih_l1.data_ptr()
    assert address(params.input_gate.hw_desc) == lstm.weight_hh_l0.data_ptr()
    # The last gate's block of the last direction lies in the last parameter.
    last = params.output_gate.hw_desc[1, 1]
    assert address(last) == lstm.weight_hh_l1_reverse[24:].data_ptr()


def test_a_call_without_gradients_packs_the_tensors_memory(seen: Seen) -> None:
    lstm = bnns_lstm.torch.LSTM(5, 8, num_layers=2)
    with torch.no_grad():
        lstm(torch.randn(4, 3, 5))
    params, *_ = seen.prepared[-1]
    assert address(params.input_gate.hw_desc) == lstm.weight_hh_l0.data_ptr()
    assert not seen.forward


class Layer:
    """A prepared layer that tells what it was called with and what it gave."""

    def __init__(self, own: Any, to: list[Any]) -> None:
        self.own, self.to = own, to

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)

    def call(self, *given: Any) -> Any:
        found = self.own.call(*given)
        self.to.append((given, found))
        return found

    def call_into(self, *given: Any) -> Any:
        found = self.own.call_into(*given)
        assert found is not None  # nothing was left to another way
        self.to.append((given[:3], (given[3], *found)))
        return found


@pytest.mark.parametrize("batch_first", [False, True])
def test_the_short_way_takes_and_gives_the_tensors_memory(
    monkeypatch: pytest.MonkeyPatch, batch_first: bool
) -> None:
    seen: list[Any] = []
    own = _native.prepare
    monkeypatch.setattr(_native, "prepare", lambda *given: Layer(own(*given), seen))
    lstm = bnns_lstm.torch.LSTM(5, 8, batch_first=batch_first)
    rows = 4 if batch_first else 3
    x, hx = torch.randn(4, 3, 5), (torch.randn(1, rows, 8), torch.randn(1, rows, 8))
    for state in (None, hx):
        seen.clear()
        with torch.inference_mode():
            y, (h, c) = lstm(x, state)
        [(given, found)] = seen
        assert address(given[0]) == x.data_ptr()
        assert [address(array) for array in found] == [y.data_ptr(), h.data_ptr(), c.data_ptr()]
        if state is not None:
            assert [address(array) for array in given[1:]] == [each.data_ptr() for each in state]


def test_parameters_stay_in_one_memory_while_they_are_trained() -> None:
    lstm = bnns_lstm.torch.LSTM(5, 8, num_layers=2)
    places = [weight.data_ptr() for weight in lstm.parameters()]
    for make in (torch.optim.SGD, torch.optim.Adam):
        optimizer = make(lstm.parameters(), lr=0.1)
        lstm(torch.randn(4, 3, 5))[0].sum().backward()
        optimizer.step()
    lstm.load_state_dict(bnns_lstm.torch.LSTM(5, 8, num_layers=2).state_dict())
    lstm.to("cpu").float().eval().requires_grad_(requires_grad=False)
    assert [weight.data_ptr() for weight in lstm.parameters()] == places
    # Each has a storage of its own, so that saving one saves no other.
    for weight in lstm.parameters():
        assert weight.untyped_storage().nbytes() == 4 * weight.numel()


def test_an_input_that_cannot_be_read_in_place_is_copied() -> None:
    call = calls.Call(bnns_lstm.torch.LSTM(5, 8).config, False, None, 0.0, 0, 1)
    x = torch.randn(4, 1, 5)
    wide = call.sequence(x.expand(4, 3, 5), "x", memory.zeros)
    assert address(wide) != x.data_ptr()
    assert address(call.sequence(x, "x", memory.zeros)) == x.data_ptr()
    np.testing.assert_array_equal(wide, x.expand(4, 3, 5).numpy())
