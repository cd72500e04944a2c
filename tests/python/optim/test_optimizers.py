"""Steps of the optimisers beside PyTorch's, whose results `data/optim/make.py` stored; and what is refused."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import bnns_lstm as bl
import numpy as np
import pytest

STORED = np.load(Path(__file__).parents[1] / "data" / "optim" / "torch_optim.npz")
NAMES = ("weight", "bias")
RUNS = {
    "sgd": lambda params: bl.optim.SGD(params, lr=0.1),
    "sgd_momentum": lambda params: bl.optim.SGD(params, lr=0.1, momentum=0.9),
    "sgd_dampening": lambda params: bl.optim.SGD(
        params, lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.05
    ),
    "sgd_nesterov": lambda params: bl.optim.SGD(
        params, lr=0.1, momentum=0.8, weight_decay=0.1, nesterov=True
    ),
    "adam": lambda params: bl.optim.Adam(params, lr=0.01),
    "adam_decay": lambda params: bl.optim.Adam(
        params, lr=0.02, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1
    ),
    "adamw": lambda params: bl.optim.AdamW(params, lr=0.02, weight_decay=0.2),
    "clipped": lambda params: bl.optim.Adam(params, lr=0.01),
}


def start() -> dict[str, np.ndarray]:
    return {name: STORED[f"start.{name}"].copy() for name in NAMES}


@pytest.mark.parametrize("run", RUNS)
def test_steps_are_those_of_pytorch(run: str) -> None:
    weights = start()
    optimizer = RUNS[run](weights)
    norms = []
    for step in range(12):
        gradients = {name: STORED[f"slopes.{name}"][step].copy() for name in NAMES}
        if run == "clipped":
            norms.append(bl.optim.clip_grad_norm_(gradients, 1.0))
        optimizer.step(gradients)
        for name in NAMES:
            np.testing.assert_allclose(
                weights[name], STORED[f"{run}.{name}"][step], rtol=2e-5, atol=2e-6
            )
    if run == "clipped":
        np.testing.assert_allclose(norms, STORED["clipped.norms"], rtol=1e-6)
        assert min(norms) < 1 < max(norms)


def test_modules_mappings_and_lists_are_trained_and_seen_by_the_next_call() -> None:
    x = np.ones((5, 2, 3), np.float32)
    results = []
    for form in (lambda lstm: lstm, lambda lstm: lstm.parameters, lambda lstm: [lstm]):
        lstm = bl.LSTM(3, 4, seed=0)
        before = lstm(x)[0]
        optimizer = bl.optim.SGD(form(lstm), lr=0.5)
        y, _, tape = lstm.forward(x, training=True)
        gradients = lstm.backward(tape, y)
        lstm(x)  # the weights are packed again before the step
        optimizer.step([gradients] if form(lstm) == [lstm] else gradients)
        expected = bl.LSTM(3, 4, seed=0)
        for name, weight in expected.parameters.items():
            np.subtract(weight, np.float32(0.5) * gradients.parameters[name], out=weight)
        assert (lstm(x)[0] == expected(x)[0]).all()
        assert (lstm(x)[0] != before).any()
        results.append(lstm(x)[0])
    stack = bl.Stack([bl.LSTM(3, 4, seed=0), bl.LSTM(4, 2, seed=1)])
    head = bl.optim.Linear(2, 1, seed=0)
    optimizer = bl.optim.Adam([stack, head])
    assert list(optimizer.arrays)[:1] == ["0.0.weight_ih_l0"]
    assert list(optimizer.arrays)[-2:] == ["1.weight", "1.bias"]
    y, _, tape = stack.forward(x, training=True)
    before = stack(x)[0]
    above = head.backward(y, np.ones((5, 2, 1), np.float32))
    optimizer.step([stack.backward(tape, above.input), above])
    assert (stack(x)[0] != before).any()


def test_clipping_takes_all_gradients_together_and_returns_their_norm() -> None:
    gradients = [{"a": np.float32([3])}, {"b": np.float32([0, 4])}]
    assert bl.optim.clip_grad_norm_(gradients, 10) == 5
    assert gradients[0]["a"] == 3
    assert bl.optim.clip_grad_norm_(gradients, 2.5) == 5
    assert gradients[0]["a"].tolist() + gradients[1]["b"].tolist() == [1.5, 0, 2]
    huge = {"a": np.float32([3e30, 4e30])}
    assert bl.optim.clip_grad_norm_(huge, 1.0) == pytest.approx(5e30)
    np.testing.assert_allclose(huge["a"], [0.6, 0.8], rtol=1e-6)
    endless = {"a": np.float32([np.inf, 1])}
    with pytest.raises(bl.ComputeError, match="the norm of the gradients is inf"):
        bl.optim.clip_grad_norm_(endless, 1.0, error_if_nonfinite=True)
    assert endless["a"].tolist() == [np.inf, 1]


def test_a_norm_that_is_no_number_goes_into_every_gradient_as_in_pytorch() -> None:
    gradients = {"a": np.float32([np.nan, 1]), "b": np.float32([2])}
    assert np.isnan(bl.optim.clip_grad_norm_(gradients, 1.0))
    assert np.isnan([*gradients["a"], *gradients["b"]]).all()
    endless = {"a": np.float32([-np.inf]), "b": np.float32([2])}
    with np.errstate(invalid="ignore"):
        assert bl.optim.clip_grad_norm_(endless, 1.0) == np.inf
    assert np.isnan(endless["a"]).all()
    assert endless["b"].tolist() == [0]


def refused(call: object) -> dict[str, str]:
    with pytest.raises(bl.ArgumentError) as found:
        call()  # type: ignore[operator]
    return {issue.path: issue.code for issue in found.value.issues}


def test_wrong_arguments_are_refused_all_at_once() -> None:
    weights = start()
    assert refused(
        lambda: bl.optim.SGD(weights, lr=-1, momentum="1", weight_decay=np.nan, nesterov=True)
    ) == {
        "lr": "invalid_number",
        "momentum": "wrong_type",
        "weight_decay": "invalid_number",
        "nesterov": "unsupported_here",
    }
    assert refused(lambda: bl.optim.Adam({}, betas=(1, -1), eps=True)) == {
        "params": "missing_entry",
        "betas[0]": "invalid_number",
        "betas[1]": "invalid_number",
        "eps": "wrong_type",
    }
    assert refused(lambda: bl.optim.AdamW(3, betas=0.9)) == {
        "params": "wrong_type",
        "betas": "wrong_type",
    }
    optimizer = bl.optim.Adam(weights)
    assert refused(lambda: setattr(optimizer, "lr", np.inf)) == {"lr": "invalid_number"}
    assert optimizer.lr == 1e-3


def test_arrays_that_cannot_be_trained_are_refused_by_name() -> None:
    fixed = np.zeros(2, np.float32)
    fixed.flags.writeable = False
    shared = np.zeros(3, np.float32)
    found = refused(
        lambda: bl.optim.SGD(
            [{"a": np.zeros(2), "b": fixed, "c": shared}, {"d": shared[:2]}, "text"]
        )
    )
    assert found == {
        "0.a": "unsupported_data_type",
        "0.b": "read_only",
        "1.d": "overlap",
        "params[2]": "wrong_type",
    }


def test_an_array_that_was_replaced_is_refused_and_left_alone() -> None:
    weights = start()
    optimizer = bl.optim.SGD([weights], lr=1.0)
    slopes = [{name: np.ones_like(array) for name, array in weights.items()}]
    optimizer.step(slopes)
    before = weights["bias"].copy()
    mine = weights["weight"] = np.zeros((3, 4), np.float32)
    assert refused(lambda: optimizer.step(slopes)) == {"0.weight": "unsupported_here"}
    assert refused(lambda: optimizer.restore(optimizer.copies())) == {
        "0.weight": "unsupported_here"
    }
    assert weights["weight"] is mine
    assert not mine.any()
    assert (weights["bias"] == before).all()
    del weights["bias"]
    assert refused(lambda: optimizer.step(slopes)).keys() == {"0.weight", "0.bias"}


def test_what_is_assigned_to_an_lstm_is_copied_so_that_training_goes_on() -> None:
    lstm = bl.LSTM(3, 4, seed=0)
    optimizer = bl.optim.SGD(lstm, lr=1.0)
    lstm.parameters["bias_hh_l0"] = np.zeros(16, np.float32)
    lstm.load_state_dict(bl.LSTM(3, 4, seed=1).state_dict())
    wanted = {name: array - 1 for name, array in lstm.state_dict().items()}
    optimizer.step({name: np.ones_like(array) for name, array in lstm.parameters.items()})
    for name, array in lstm.parameters.items():
        assert (array == wanted[name]).all()


def test_the_copy_of_an_optimiser_does_not_train_what_nobody_sees() -> None:
    lstm = bl.LSTM(3, 4, seed=0)
    optimizer = bl.optim.SGD(lstm, lr=1.0)
    slopes = {name: np.ones_like(array) for name, array in lstm.parameters.items()}
    _, other = copy.deepcopy([lstm, optimizer])
    assert refused(lambda: other.step(slopes)) == dict.fromkeys(slopes, "unsupported_here")


def test_an_interrupted_step_is_seen_by_the_next_call() -> None:
    # Of the mapping: a module is read at the beginning of a step, and packed anew for that alone.
    class Interrupted(bl.optim.SGD):
        def _updates(self, slopes: list[np.ndarray], lr: float) -> list[np.ndarray]:  # noqa: ARG002
            def some() -> Iterator[np.ndarray]:
                yield slopes[0]
                raise KeyboardInterrupt

            return some()  # type: ignore[return-value]

    x = np.ones((5, 2, 3), np.float32)
    lstm = bl.LSTM(3, 4, seed=0)
    slopes = {name: np.ones_like(array) for name, array in lstm.parameters.items()}
    optimizer = Interrupted(lstm.parameters, lr=1.0)
    before = lstm(x)[0]
    with pytest.raises(KeyboardInterrupt):
        optimizer.step(slopes)
    expected = bl.LSTM(3, 4, seed=0)
    expected.parameters["weight_ih_l0"] -= 1
    assert (lstm(x)[0] == expected(x)[0]).all()
    assert (lstm(x)[0] != before).any()


def test_wrong_gradients_change_nothing() -> None:
    weights = start()
    optimizer = bl.optim.SGD(weights, lr=1.0)
    wrong = {"weight": np.ones((4, 3), np.float32), "offset": np.ones(3, np.float32)}
    assert refused(lambda: optimizer.step(wrong)) == {
        "weight": "size_mismatch",
        "bias": "missing_entry",
    }
    more = {**{name: np.zeros_like(weights[name]) for name in NAMES}, "offset": weights["bias"]}
    assert refused(lambda: optimizer.step(more)) == {"offset": "unexpected_entry"}
    assert refused(lambda: optimizer.step([more])) == {
        "weight": "missing_entry",
        "bias": "missing_entry",
    }
    assert refused(lambda: optimizer.step(None)) == {"gradients": "wrong_type"}
    for name in NAMES:
        assert (weights[name] == STORED[f"start.{name}"]).all()
    with pytest.raises(TypeError, match="amsgrad"):
        bl.optim.Adam(weights, amsgrad=True)  # type: ignore[call-arg]
