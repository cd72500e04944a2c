"""The linear head and the losses beside PyTorch's stored values; and what is refused."""

from __future__ import annotations

from pathlib import Path

import bnns_lstm as bl
import numpy as np
import pytest

STORED = np.load(Path(__file__).parents[1] / "data" / "optim" / "torch_optim.npz")


def head() -> bl.optim.Linear:
    linear = bl.optim.Linear(4, 3)
    linear.load_state_dict({name: STORED[f"start.{name}"] for name in ("weight", "bias")})
    return linear


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "cross_entropy"])
def test_losses_and_gradients_are_those_of_pytorch(name: str, reduction: str) -> None:
    linear, x = head(), STORED["x"]
    y = linear(x)
    np.testing.assert_allclose(y, STORED["y"], rtol=1e-5, atol=1e-6)
    target = STORED["classes" if name == "cross_entropy" else "target"]
    loss, slope = getattr(bl.optim, name)(y, target, reduction)
    assert loss == pytest.approx(float(STORED[f"{name}.{reduction}"]), rel=1e-5)
    assert slope.dtype == np.float32
    gradients = linear.backward(x, slope)
    found = {"slope": slope, "input": gradients.input, **gradients.parameters}
    for part, array in found.items():
        expected = STORED[f"{name}.{reduction}.{part}"]
        np.testing.assert_allclose(array, expected, rtol=1e-5, atol=2e-6, err_msg=part)


def test_scores_of_any_size_give_finite_losses() -> None:
    scores = np.float32([[1e30, -1e30, 0], [-1e4, 0, 1e4]])
    loss, slope = bl.optim.cross_entropy(scores, [0, 2])
    assert loss == 0
    assert not slope.any()


def test_weights_begin_within_the_bound_of_pytorch_and_follow_the_seed() -> None:
    one, same, other = (bl.optim.Linear(16, 50, seed=seed) for seed in (0, 0, 1))
    for name in ("weight", "bias"):
        values = one.parameters[name]
        assert (values == same.parameters[name]).all()
        assert (values != other.parameters[name]).any()
        assert 0.2 < np.abs(values).max() <= 0.25
    bare = bl.optim.Linear(2, 3, bias=False)
    assert bare.bias is None
    assert repr(bare) == "Linear(2, 3, bias=False)"
    assert (bare(np.float32([1, 2])) == bare.weight @ np.float32([1, 2])).all()
    assert list(bare.backward(np.ones((2, 2), np.float32), np.ones((2, 3), np.float32)).parameters) == ["weight"]  # fmt: skip # noqa: E501


def test_what_is_assigned_is_copied_so_that_an_optimiser_still_sees_it() -> None:
    linear = bl.optim.Linear(2, 1)
    optimizer = bl.optim.SGD(linear, lr=1.0)
    linear.weight = np.float32([[1, 2]])
    linear.bias = np.float32([3])
    optimizer.step({"weight": np.float32([[1, 1]]), "bias": np.float32([1])})
    assert linear.weight.tolist() == [[0, 1]]
    assert linear.bias.tolist() == [2]


def refused(call: object) -> dict[str, str]:
    with pytest.raises(bl.ArgumentError) as found:
        call()  # type: ignore[operator]
    return {issue.path: issue.code for issue in found.value.issues}


def test_what_does_not_fit_is_refused_by_name() -> None:
    linear, f32 = bl.optim.Linear(2, 1), np.float32
    assert refused(lambda: bl.optim.Linear(0, "2", bias=3, seed=-1)) == {
        "in_features": "invalid_number",
        "out_features": "wrong_type",
        "bias": "wrong_type",
        "seed": "out_of_range",
    }
    assert refused(lambda: linear(np.zeros((3, 4), f32))) == {"x": "size_mismatch"}
    assert refused(lambda: linear.backward(np.zeros((3, 2)), np.zeros((3, 2), f32))) == {
        "x": "unsupported_data_type",
        "dy": "size_mismatch",
    }
    assert refused(lambda: linear.backward(np.zeros((3, 2), f32), np.zeros((2, 1), f32))) == {
        "dy": "size_mismatch"
    }
    assert refused(lambda: bl.optim.mse_loss(np.zeros(3, f32), np.zeros((3, 1), f32))) == {
        "target": "size_mismatch"
    }
    assert refused(lambda: bl.optim.l1_loss(np.zeros(0, f32), np.zeros(0, f32), "none")) == {
        "output": "zero_size",
        "reduction": "unknown_choice",
    }
    scores = np.zeros((2, 3), f32)
    assert refused(lambda: bl.optim.cross_entropy(scores, [0, 3])) == {"target": "invalid_number"}
    assert refused(lambda: bl.optim.cross_entropy(scores, [0.0, 1.0])) == {"target": "wrong_type"}
    assert refused(lambda: bl.optim.cross_entropy(scores, [0])) == {"target": "size_mismatch"}
    assert refused(lambda: bl.optim.cross_entropy(np.zeros((0, 3), f32), np.zeros(0, int))) == {
        "scores": "zero_size"
    }


@pytest.mark.parametrize("size", [2**40, 2**62, 2**70])
def test_a_head_that_no_memory_has_says_so(size: int) -> None:
    with pytest.raises(bl.ComputeError, match=f"the weights of {size} features and {size}"):
        bl.optim.Linear(size, size)
