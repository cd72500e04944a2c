"""Weights for Keras' layers: shapes, round trips, what Keras cannot say."""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.formats import StoredLSTM, read_keras, write_keras
from bnns_lstm.formats.activations import default_activations
from formats_tools import assert_same, random_stored
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_tools import by_sample


def layer_of(stored: StoredLSTM, number: int) -> dict[str, Any]:
    """The parameters of one layer as those of a network of one layer."""
    return {
        name.replace(f"_l{number}", "_l0"): array
        for name, array in stored.parameters.items()
        if f"_l{number}" in name
    }


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 1000), st.integers(1, 5), st.integers(1, 5), st.integers(1, 3), st.booleans(), st.booleans()
)  # fmt: skip
def test_what_is_written_is_read_back(
    seed: int, inputs: int, hidden: int, layers: int, bias: bool, bidirectional: bool
) -> None:
    stored = random_stored(
        seed, input_size=inputs, hidden_size=hidden, num_layers=layers, bias=bias,
        bidirectional=bidirectional, batch_first=True,
    )  # fmt: skip
    written = write_keras(stored)
    assert len(written) == layers
    x = np.random.default_rng(2).normal(0, 1, (2, 4, inputs)).astype(np.float32)
    y: Any = x
    for number, arrays in enumerate(written):
        assert len(arrays) == (2 + bias) * (1 + bidirectional)
        found = read_keras(arrays)
        y = by_sample(found, y)
        for name, wanted in layer_of(stored, number).items():
            if name.startswith("weight"):
                np.testing.assert_array_equal(found.parameters[name], wanted)
        for array in arrays:
            assert array.dtype == np.float32
            assert array.flags.c_contiguous
            assert not any(np.shares_memory(array, one) for one in stored.parameters.values())
    np.testing.assert_allclose(y, by_sample(stored, x), atol=1e-6)


def test_what_was_read_is_written_bit_for_bit() -> None:
    random = np.random.default_rng(0)
    shapes = [(3, 16), (4, 16), (16,)] * 2
    arrays = [random.normal(0, 1, shape).astype(np.float32) for shape in shapes]
    (written,) = write_keras(read_keras(arrays))
    for one, other in zip(written, arrays, strict=True):
        np.testing.assert_array_equal(one, other)


def test_gates_stand_in_keras_order() -> None:
    """Keras splits the columns into input, forget, candidate and output gate; each has a number of its own."""
    stored = random_stored(hidden_size=1, input_size=1)
    stored.parameters["weight_ih_l0"][:] = [[1], [2], [3], [4]]
    stored.parameters["bias_ih_l0"][:] = [10, 20, 30, 40]
    stored.parameters["bias_hh_l0"][:] = [1, 2, 3, 4]
    ((kernel, recurrent, bias),) = write_keras(stored)
    np.testing.assert_array_equal(kernel, [[1, 2, 3, 4]])
    assert recurrent.shape == (1, 4)
    np.testing.assert_array_equal(bias, [11, 22, 33, 44])


def with_functions(**changed: bl.Activation) -> dict[str, Any]:
    return {"activations": {**default_activations(), **changed}}


GATES = ("input", "forget", "output")
FINE: list[dict[str, Any]] = [
    {},
    with_functions(candidate=bl.Activation.relu(), hidden=bl.Activation.relu()),
    with_functions(**dict.fromkeys(GATES, bl.Activation.hard_sigmoid(0.2, 0.5))),
    with_functions(**dict.fromkeys(GATES, bl.Activation.hard_sigmoid(1 / 6, 0.5))),
    with_functions(**dict.fromkeys(GATES, bl.Activation.hard_sigmoid(0.16666667, 0.5))),
    with_functions(hidden=bl.Activation(bl.ActivationFunction.TANH, 3.0, 4.0)),
]


@pytest.mark.parametrize("kind", FINE)
def test_functions_that_keras_has_are_written(kind: dict[str, Any]) -> None:
    stored = random_stored(**kind)
    assert_same(
        read_keras(write_keras(stored)[0]),
        random_stored(batch_first=True),
        but=("parameters",),
    )


LARGE = np.float32(3e38)
SLOPES = {
    **dict.fromkeys(GATES, bl.Activation.hard_sigmoid(0.2)),
    "output": bl.Activation.hard_sigmoid(1 / 6),
}
CLAMPS = dict.fromkeys(("candidate", "hidden"), bl.Activation.clamp(0, 9))
BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "peepholes": (
        {"peephole": "diagonal"},
        ["peephole: expected None: Keras has no peepholes, found"],
    ),
    "a projection": (
        {"proj_size": 2},
        [
            "proj_size: expected 0: an LSTM without a projection computes the same from initial states"
        ],
    ),
    "one gate": (
        with_functions(forget=bl.Activation.relu()),
        [
            "activations.forget: expected Activation(SIGMOID, alpha=1.0, beta=1.0), as in 'input': Keras has"
        ],
    ),
    "two slopes": (
        with_functions(**SLOPES),
        [
            "activations.output: expected Activation(HARD_SIGMOID, alpha=0.2, beta=0.5), as in 'input'"
        ],
    ),
    "hidden": (
        with_functions(hidden=bl.Activation.identity()),
        ["activations.hidden: expected Activation(TANH, alpha=1.0, beta=1.0), as in 'candidate'"],
    ),
    "a slope": (
        with_functions(**dict.fromkeys(GATES, bl.Activation.hard_sigmoid(0.3, 0.5))),
        ["activations.input: expected a function that Keras has (celu, elu,"],
    ),
    "all": (
        {"peephole": "full", **with_functions(**CLAMPS)},
        ["peephole: expected None", "activations.candidate: expected a function that Keras has"],
    ),
}


@pytest.mark.parametrize(("kind", "messages"), BAD.values(), ids=BAD.keys())
def test_what_keras_cannot_say_is_named(kind: dict[str, Any], messages: list[str]) -> None:
    with pytest.raises(bl.WeightsError) as raised:
        write_keras(random_stored(**kind))
    assert len(raised.value.issues) == len(messages), str(raised.value)
    for issue, message in zip(raised.value.issues, messages, strict=True):
        assert message in issue.message
        assert issue.code == bl.codes.NOT_EXPRESSIBLE


def test_a_bias_that_overflows_is_refused_and_infinities_stay() -> None:
    stored = random_stored(num_layers=2, batch_first=True)
    stored.parameters["bias_ih_l1"][3] = np.inf
    ((*_,), (*_, bias)) = write_keras(stored)
    assert bias[3] == np.inf
    stored.parameters["bias_ih_l1"][:] = stored.parameters["bias_hh_l1"][:] = LARGE
    with pytest.raises(
        bl.WeightsError, match="bias_ih_l1: expected a sum with bias_hh_l1 that float32"
    ):
        write_keras(stored)


def test_a_module_gives_the_same_lists() -> None:
    lstm = bl.LSTM(3, 4, num_layers=2, bidirectional=True)
    low, high = lstm.to_keras()
    assert [array.shape for array in low] == [(3, 16), (4, 16), (16,)] * 2
    assert [array.shape for array in high] == [(8, 16), (4, 16), (16,)] * 2
    again = bl.LSTM.from_keras(low)
    np.testing.assert_array_equal(
        again.state_dict()["weight_hh_l0_reverse"], lstm.state_dict()["weight_hh_l0_reverse"]
    )
    with pytest.raises(bl.WeightsError, match="peephole: expected None: Keras has no peepholes"):
        bl.LSTM(3, 4, peephole="full").to_keras()
