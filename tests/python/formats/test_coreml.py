"""LSTM layers of Core ML compute what the format's description says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bnns_lstm as bl
import coreml_tools
import numpy as np
import pytest
from bnns_lstm.formats import read_coreml, read_coreml_stack
from coreml_tools import DATA, outputs
from formats_tools import assert_same, computed
from reference import Array

STEPS, BATCH = 6, 2
ODD = ("sigmoid_hard", "scaled_tanh", "relu")


def x_of(inputs: int, scale: float = 1.0) -> Array:
    drawn = np.random.default_rng(5).normal(0, scale, (STEPS, BATCH, inputs))
    return drawn.astype(np.float32)


def both(name: str, x: Array, **words: Any) -> Array:
    """Both directions side by side; `state` has a pair of arrays for each."""
    states = words.pop("state", (None, None))
    ways = [
        outputs(f"{name}.{way}", x, state=state, backwards=number == 1, **words)
        for number, (way, state) in enumerate(zip(("forward", "backward"), states, strict=True))
    ]
    return np.concatenate(ways, axis=2)


def two(x: Array) -> Array:
    return outputs("stack.1", outputs("stack.0", x, clip=3.0), clip=3.0)


def carried(x: Array) -> Array:
    """Two layers in both directions with the states that the model holds."""
    h, c = coreml_tools.weights()["converted_pair.states"].astype(np.float64)
    for layer in range(2):
        ways = [
            outputs(
                f"converted_pair.{layer}.{way}", x, clip=500.0, backwards=way == 1,
                state=(h[:, 3 * way : 3 * way + 3], c[:, 3 * way : 3 * way + 3]),
            )
            for way in range(2)
        ]  # fmt: skip
        x = np.concatenate(ways, axis=2)
    return x


def plain(x: Array) -> Array:
    return outputs("converted.1.0", outputs("converted.0.0", x, clip=500.0), clip=500.0)


# The size of inputs, how far they reach, and what comes out.
CASES: dict[str, tuple[int, float, Callable[[Array], Array]]] = {
    "one": (3, 2.0, lambda x: outputs("one", x, clip=0.25)),
    "default_clip": (3, 1.0, lambda x: outputs("default_clip", x, clip=50.0)),
    "peepholes": (3, 2.0, lambda x: outputs("peepholes", x, clip=1.5, forget_bias=True)),
    "coupled": (3, 1.0, lambda x: outputs("coupled", x, coupled=True)),
    "without_bias": (2, 60.0, lambda x: outputs("without_bias", x, functions=("linear", "tanh", "tanh"))),
    "functions": (3, 3.0, lambda x: outputs("functions", x, functions=ODD)),
    "final_reverse": (3, 1.0, lambda x: outputs("final_reverse", x, backwards=True)),
    "pair": (3, 2.0, lambda x: both("pair", x, clip=0.5)),
    "pair_final": (2, 1.0, lambda x: both("pair_final", x, coupled=True)),
    "stack": (3, 2.0, two),
    "converted": (3, 1.0, plain),
    "converted_pair": (3, 1.0, carried),
    "updatable": (3, 1.0, lambda x: outputs("updatable", x)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_those_of_the_formats_formulas(name: str) -> None:
    inputs, scale, wanted_of = CASES[name]
    path = DATA / f"{name}.mlmodel"
    stored = read_coreml(path)
    x = x_of(inputs, scale)
    wanted = wanted_of(x)
    np.testing.assert_allclose(computed(stored, x)[0], wanted, rtol=1e-6, atol=1e-7)
    lstm = bl.LSTM.from_coreml(path)
    y, _ = lstm(x, lstm.initial_state)
    np.testing.assert_allclose(y, wanted, rtol=2e-5, atol=2e-6)
    assert np.abs(wanted).max() > 0.05


def test_limits_act_in_the_cases() -> None:
    """Without them the outputs would be others."""
    x = x_of(3, 2.0)
    assert np.abs(outputs("one", x) - outputs("one", x, clip=0.25)).max() > 0.01
    lstm = bl.LSTM.from_coreml(DATA / "without_bias.mlmodel")
    config = lstm.config
    assert (config.gate_clip, config.gate_clip_hidden) == (50.0, False)
    gates = dict.fromkeys(("input", "forget", "output"), "identity")
    unlimited = bl.LSTM(2, 3, bias=False, cell_clip=50000.0, activations=gates)
    unlimited.load_state_dict(lstm.state_dict())
    x = x_of(2, 60.0)
    assert np.abs(lstm(x)[0] - unlimited(x)[0]).max() > 1


def test_the_limit_of_cell_states_is_the_files_or_50() -> None:
    found = {
        name: read_coreml(DATA / f"{name}.mlmodel") for name in ("one", "default_clip", "pair")
    }
    assert [one.cell_clip for one in found.values()] == [0.25, 50.0, 0.5]


def test_a_final_output_alone_is_the_final_state() -> None:
    x = x_of(2)
    lstm = bl.LSTM.from_coreml(DATA / "pair_final.mlmodel")
    _, state = lstm(x)
    wanted = both("pair_final", x, coupled=True)
    np.testing.assert_allclose(state.h[0], wanted[-1, :, :3], atol=1e-6)
    np.testing.assert_allclose(state.h[1], wanted[0, :, 3:], atol=1e-6)
    reverse = bl.LSTM.from_coreml(DATA / "final_reverse.mlmodel")
    assert reverse.config.direction == "reverse"
    x = x_of(3)
    wanted = outputs("final_reverse", x, backwards=True)
    np.testing.assert_allclose(reverse(x)[1].h[0], wanted[0], atol=1e-6)


def test_weights_stand_bit_for_bit_in_our_order() -> None:
    arrays = coreml_tools.weights()
    found = read_coreml(DATA / "peepholes.mlmodel").parameters
    order = [0, 1, 3, 2]
    for ours, kind in (("weight_ih_l0", "W_x"), ("weight_hh_l0", "W_h"), ("bias_ih_l0", "b")):
        given = arrays[f"peepholes.{kind}"][order]
        np.testing.assert_array_equal(found[ours], given.reshape(found[ours].shape))
    i, f, o = arrays["peepholes.peep"]
    np.testing.assert_array_equal(found["weight_ch_l0"], np.concatenate([i, f, 0 * i, o]))
    # 1 is added by the second bias, so that no bit of the first one is lost.
    np.testing.assert_array_equal(found["bias_hh_l0"], np.repeat([0, 1, 0, 0], 4))


def test_a_coupled_forget_gate_has_no_block_and_no_bias_of_1() -> None:
    stored = read_coreml(DATA / "coupled.mlmodel")
    assert stored.coupled == "forget"
    assert stored.parameters["weight_ih_l0"].shape == (12, 3)
    assert not stored.parameters["bias_hh_l0"].any()


def test_states_that_are_zeros_are_not_carried_and_others_are() -> None:
    assert read_coreml(DATA / "converted.mlmodel").state is None
    state = read_coreml(DATA / "converted_pair.mlmodel").state
    assert state is not None
    given = coreml_tools.weights()["converted_pair.states"]
    for found, wanted in zip(state, given, strict=True):
        assert found.shape == (4, 2, 3)
        for row in range(4):
            way = row % 2
            np.testing.assert_array_equal(found[row], wanted[:, 3 * way : 3 * way + 3])


def test_layers_that_differ_are_a_stack() -> None:
    x = x_of(3)
    path = DATA / "differing.mlmodel"
    stack = bl.Stack.from_coreml(path)
    assert [lstm.config.direction for lstm in stack.lstms] == ["forward", "reverse"]
    lower = outputs("differing.0", x, clip=3.0)
    np.testing.assert_allclose(
        stack(x)[0], outputs("differing.1", lower, clip=3.0, backwards=True), atol=1e-6
    )
    with pytest.raises(
        bl.WeightsError, match=r"bl\.Stack\.from_coreml reads layers that differ"
    ) as caught:
        bl.LSTM.from_coreml(path)
    assert [issue.code for issue in caught.value.issues] == ["stack_mismatch"] * 2
    assert len(read_coreml_stack(path, "lstm1")) == 1


def test_layers_are_taken_by_name() -> None:
    path = DATA / "stack.mlmodel"
    whole = read_coreml(path)
    assert whole.num_layers == 2
    assert_same(read_coreml(path, ["lstm0", "lstm1"]), whole)
    upper = read_coreml(path, "lstm1")
    assert (upper.num_layers, upper.input_size) == (1, 4)
    np.testing.assert_array_equal(
        upper.parameters["weight_ih_l0"], whole.parameters["weight_ih_l1"]
    )


def test_a_folder_is_read_as_the_model_in_it() -> None:
    assert_same(read_coreml(DATA / "package.mlpackage"), read_coreml(DATA / "one.mlmodel"))


def test_arguments_reach_the_lstm() -> None:
    path = DATA / "one.mlmodel"
    x = np.random.default_rng(0).normal(0, 1, (3, 1, 3))
    lstm = bl.LSTM.from_coreml(str(path), "lstm", num_threads=1, convert=True)
    stack = bl.Stack.from_coreml(path, ["lstm"], num_threads=1, convert=True)
    assert lstm(x)[0].dtype == np.float32
    np.testing.assert_array_equal(stack(x)[0], lstm(x)[0])
    with pytest.raises(bl.ArgumentError):
        bl.LSTM.from_coreml(path)(x)


def test_what_is_read_can_be_trained_and_saved(tmp_path: Any) -> None:
    lstm = bl.LSTM.from_coreml(DATA / "pair.mlmodel")
    lstm.save(tmp_path / "a.safetensors")
    again = bl.LSTM.load(tmp_path / "a.safetensors")
    assert again.config == lstm.config
    y, _, tape = lstm.forward(x_of(3), training=True)
    assert np.isfinite(lstm.backward(tape, np.ones_like(y)).parameters["weight_ih_l0"]).all()
