"""What is refused before anything is computed, and with whose words."""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
import bnns_lstm.torch
import numpy as np
import pytest
import torch
from bnns_lstm.torch import TensorError, module
from pairs import pair
from torch import nn
from torch._subclasses import FakeTensorMode

X, H = torch.zeros(5, 2, 3), torch.zeros(1, 2, 4)


def refused(call: Any) -> list[tuple[str, str]]:
    """Path and code of each finding."""
    with pytest.raises(TensorError) as caught:
        call()
    assert isinstance(caught.value, (bl.ArgumentError, RuntimeError))
    return [(issue.path, issue.code) for issue in caught.value.issues]


@pytest.fixture(autouse=True)
def _nothing_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    def computed(*_: Any, **__: Any) -> None:
        raise AssertionError("it was computed")

    monkeypatch.setattr(module, "recorded", computed)
    monkeypatch.setattr(module.LSTM, "_computed", computed)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (X.to("meta"), "unsupported_here"),
        (X.double(), "unsupported_data_type"),
        (X.half(), "unsupported_data_type"),
        (X.bfloat16(), "unsupported_data_type"),
        (X.int(), "unsupported_data_type"),
        (X.to(torch.complex64), "unsupported_data_type"),
        (X.to_sparse(), "unsupported_layout"),
        (np.zeros((5, 2, 3), np.float32), "wrong_type"),
        (None, "wrong_type"),
        ([[0.0]], "wrong_type"),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_inputs_of_another_kind(given: Any, code: str) -> None:
    assert refused(lambda: bnns_lstm.torch.LSTM(3, 4)(given)) == [("input", code)]


def test_a_fake_tensor_has_no_memory() -> None:
    fake = FakeTensorMode().from_tensor(X)
    assert refused(lambda: bnns_lstm.torch.LSTM(3, 4)(fake)) == [("input", "unsupported_here")]


@pytest.mark.parametrize(
    ("hx", "found"),
    [
        ((H.to("meta"), H), [("hx[0]", "unsupported_here")]),
        ((H, H.double()), [("hx[1]", "unsupported_data_type")]),
        ((H.half(), None), [("hx[0]", "unsupported_data_type"), ("hx[1]", "wrong_type")]),
        (H, [("hx", "wrong_type")]),
        ((H,), [("hx", "wrong_type")]),
        ((H, H, H), [("hx", "wrong_type")]),
    ],
    ids=range(6),
)
def test_states_of_another_kind(hx: Any, found: list[tuple[str, str]]) -> None:
    assert refused(lambda: bnns_lstm.torch.LSTM(3, 4)(X, hx)) == found


def test_everything_is_said_at_once_with_what_to_do() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4).double()
    with pytest.raises(TensorError) as caught:
        lstm(X.double(), (H.to("meta"), H.half()))
    assert [issue.path for issue in caught.value.issues] == [
        *("input", "hx[0]", "hx[1]"),
        *("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"),
    ]
    text = str(caught.value)
    assert "input: expected torch.float32, the only type that is computed" in text
    assert "(input.to(torch.float32)), found torch.float64 [unsupported_data_type]" in text
    assert "hx[0]: expected a tensor on the CPU: no other device is computed on, found meta" in text


def test_a_module_elsewhere_is_refused_when_it_is_called() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4, device="meta")
    assert refused(lambda: lstm(X))[0] == ("weight_ih_l0", "unsupported_here")
    assert refused(lambda: bnns_lstm.torch.LSTM(3, 4).half()(X))[0][1] == "unsupported_data_type"


def test_a_weight_of_another_shape_or_none() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4)
    lstm.weight_hh_l0 = nn.Parameter(torch.zeros(1, 4))  # NumPy would broadcast it
    lstm.bias_ih_l0 = None
    assert refused(lambda: lstm(X)) == [
        ("weight_hh_l0", "size_mismatch"),
        ("bias_ih_l0", "wrong_type"),
    ]


@pytest.mark.parametrize(
    ("x", "hx"),
    [
        (torch.zeros(5), None),
        (torch.zeros(5, 2, 3, 1), None),
        (torch.zeros(5, 2, 4), None),
        (torch.zeros(5, 4), None),
        (torch.zeros(0, 2, 3), None),
        (X, (torch.zeros(2, 4), torch.zeros(2, 4))),
        (X, (H, torch.zeros(1, 4))),
        (X[:, 0], (H, H)),
        (X, (torch.zeros(1, 3, 4), H)),
        (X, (torch.zeros(1, 2, 5), H)),
        (X, (H, torch.zeros(2, 2, 4))),
        (X[:, 0], (torch.zeros(1, 4), torch.zeros(1, 5))),
    ],
    ids=range(12),
)
@pytest.mark.parametrize("batch_first", [False, True])
def test_other_shapes_are_refused_with_pytorchs_words(x: Any, hx: Any, batch_first: bool) -> None:
    caught = []
    if batch_first and x.dim() == 3:
        x = x.transpose(0, 1)
    for lstm in pair(3, 4, batch_first=batch_first):
        with pytest.raises((RuntimeError, ValueError)) as error:
            lstm(x, hx)
        caught.append((type(error.value), str(error.value)))
    assert caught[0] == caught[1]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ((0, 4), ValueError),
        ((3, 0), ValueError),
        ((3, 4, 0), ValueError),
        ((3.0, 4), TypeError),
        ((3, "4"), TypeError),
        ((3, 4, 1, "yes"), TypeError),
        ((3, 4, 1, True, 1), TypeError),
        ((3, 4, 2, True, False, 1.5), ValueError),
        ((3, 4, 2, True, False, -0.1), ValueError),
        ((3, 4, 1, True, False, 0.0, False, 4), ValueError),
        ((3, 4, 1, True, False, 0.0, False, -1), ValueError),
    ],
    ids=str,
)
def test_constructors_refuse_with_pytorchs_words(given: Any, error: type[Exception]) -> None:
    texts = []
    for make in (nn.LSTM, bnns_lstm.torch.LSTM):
        with pytest.raises(error) as caught:
            make(*given)
        texts.append(str(caught.value))
    assert texts[0] == texts[1]


def test_constructors_refuse_what_is_not_computed() -> None:
    make = bnns_lstm.torch.LSTM
    assert refused(lambda: make(3, 4, dtype=torch.float64)) == [("dtype", "unsupported_data_type")]
    both = [("device", "unsupported_here"), ("dtype", "unsupported_data_type")]
    assert refused(lambda: make(3, 4, device="cuda", dtype=torch.half)) == both
    with torch.device("cuda:0"):
        assert refused(lambda: make(3, 4)) == [("device", "unsupported_here")]
    with pytest.raises(bl.ArgumentError, match='peephole: expected None, "diagonal" or "full"'):
        make(3, 4, peephole="round")
    with pytest.raises(bl.ArgumentError, match="activations"):
        make(3, 4, activations={"inputs": "relu"})
    with pytest.raises(bl.ArgumentError, match="alpha"):
        make(3, 4, activations={"input": bl.Activation.elu(float("nan"))})


def test_another_default_type_is_refused_unless_float32_is_asked_for() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.raises(TensorError, match=r"the default type: pass dtype=torch\.float32"):
            bnns_lstm.torch.LSTM(3, 4)
        lstm = bnns_lstm.torch.LSTM(3, 4, dtype=torch.float32, peephole="full")
        assert {weight.dtype for weight in lstm.parameters()} == {torch.float32}
    finally:
        torch.set_default_dtype(torch.float32)


def test_results_stay_float32_under_another_default_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    lstm = bnns_lstm.torch.LSTM(3, 4, 2, dropout=0.5)
    torch.set_default_dtype(torch.float64)
    try:
        y, (h, c) = lstm(X)
        assert {each.dtype for each in (y, h, c)} == {torch.float32}
        y.sum().backward()
        with torch.no_grad():
            assert {each.dtype for each in lstm.eval()(X)[1]} == {torch.float32}
    finally:
        torch.set_default_dtype(torch.float32)
    assert lstm.weight_ih_l0.grad.dtype == torch.float32
