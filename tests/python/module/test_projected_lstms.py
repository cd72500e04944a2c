"""Where LSTMs with projections go: names, copies, files, structures, streams, stacks; what is refused."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm import codes
from bnns_lstm.formats import read_torch, write_keras_stack, write_onnx_stack
from formats_tools import computed
from reference import Array

WORDS: dict[str, Any] = {"num_layers": 2, "bidirectional": True, "proj_size": 2}


def lstm_of(**words: Any) -> bl.LSTM:
    return bl.LSTM(3, 4, **({"seed": 1} | words))


def uniform(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(-2, 2, shape).astype(np.float32)


def test_names_and_shapes_are_pytorchs() -> None:
    shapes = {name: list(array.shape) for name, array in lstm_of(**WORDS).parameters.items()}
    layer = {"weight_ih": [16, 3], "weight_hh": [16, 2], "bias_ih": [16], "bias_hh": [16]}
    layer["weight_hr"] = [2, 4]
    upper = layer | {"weight_ih": [16, 4]}
    wanted = [
        (f"{kind}_l{number}{suffix}", shape)
        for number, own in enumerate((layer, upper))
        for suffix in ("", "_reverse")
        for kind, shape in own.items()
    ]
    assert [*shapes.items()] == wanted
    coupled = lstm_of(proj_size=4, coupled="forget", peephole="diagonal", bias=False).parameters
    assert {name: array.shape for name, array in coupled.items()} == {
        "weight_ih_l0": (12, 3), "weight_hh_l0": (12, 4), "weight_hr_l0": (4, 4), "weight_ch_l0": (12,),
    }  # fmt: skip


def test_weights_begin_as_pytorchs() -> None:
    lstm, same = bl.LSTM(3, 25, proj_size=16, seed=3), bl.LSTM(3, 25, proj_size=16, seed=3)
    drawn = lstm.state_dict()["weight_hr_l0"]
    np.testing.assert_array_equal(drawn, same.state_dict()["weight_hr_l0"])
    # Uniform within 1/sqrt(hidden_size): 400 numbers come close to both ends.
    assert 0.19 < drawn.max() <= 0.2
    assert -0.2 <= drawn.min() < -0.19
    assert abs(float(drawn.mean())) < 0.02


def test_the_configuration_knows_the_widths() -> None:
    config = lstm_of(**WORDS).config
    assert (config.units, config.outputs, config.layer_size, config.output_size) == (4, 2, 4, 4)
    assert lstm_of(**WORDS, merge="sum").config.output_size == 2
    assert lstm_of(proj_size=np.int64(2)).config == lstm_of(proj_size=2).config
    assert lstm_of(proj_size=4).config != lstm_of().config


def test_changed_projections_are_seen() -> None:
    lstm, x = lstm_of(proj_size=2), uniform(5, 2, 3)
    before = lstm(x)[0]
    lstm.parameters["weight_hr_l0"] *= 2
    assert np.abs(lstm(x)[0][0] - 2 * before[0]).max() < 1e-6
    view = lstm.parameters["weight_hr_l0"]
    doubled = lstm(x)[0]
    view *= 0.5
    np.testing.assert_array_equal(lstm(x)[0], doubled)  # a view that was kept
    lstm.update()
    np.testing.assert_array_equal(lstm(x)[0], before)
    *_, tape = lstm.forward(x, training=True)
    view *= 2
    with pytest.raises(bl.ArgumentError) as caught:
        lstm.backward(tape, before)
    assert [issue.code for issue in caught.value.issues] == [codes.CHANGED_WEIGHTS]
    lstm.load_state_dict(lstm_of(proj_size=2).state_dict())
    np.testing.assert_array_equal(lstm(x)[0], before)


@pytest.mark.parametrize(
    "more", [{}, {"direction": "reverse", "coupled": "input"}, {"peephole": "full"}]
)
def test_copies_pickles_files_and_structures_are_the_same(
    more: dict[str, Any], tmp_path: Path
) -> None:
    lstm, x = lstm_of(num_layers=2, proj_size=2, **more), uniform(5, 2, 3)
    lstm.initial_state = lstm(x)[1]
    lstm.save(tmp_path / "lstm")
    y, _, tape = lstm.forward(x, training=True)
    wanted = lstm.backward(tape, y)
    for other in (
        copy.deepcopy(lstm), copy.copy(lstm), pickle.loads(pickle.dumps(lstm)), bl.LSTM.load(tmp_path / "lstm"),
    ):  # fmt: skip
        assert other.config == lstm.config
        assert other.initial_state is not None
        assert [part.shape[-1] for part in other.initial_state] == [2, 4]
        np.testing.assert_array_equal(other(x)[0], y)
        for used in (tape, copy.deepcopy(tape), pickle.loads(pickle.dumps(tape))):
            found = other.backward(used, y)
            np.testing.assert_array_equal(found.input, wanted.input)
            hr = "weight_hr_l1"
            np.testing.assert_array_equal(found.parameters[hr], wanted.parameters[hr])
    params = lstm.layer_parameters(x)
    assert params.extensions is not None
    assert params.extensions.projection_size == 2
    bl.direct_apply_lstm_batch_training_caching(params)
    np.testing.assert_array_equal(params.output_descriptor.data_desc, y)
    again = bl.LSTM.from_layer_parameters(params)
    assert again.config == lstm.config
    np.testing.assert_array_equal(again(x)[0], y)


def test_the_repr_says_it() -> None:
    assert repr(lstm_of(proj_size=2)) == "LSTM(3, 4, proj_size=2)"
    words = "bidirectional=True, cell_clip=0.5, proj_size=4"
    assert repr(lstm_of(bidirectional=True, cell_clip=0.5, proj_size=4)) == f"LSTM(3, 4, {words})"


def test_streams_are_calls() -> None:
    lstm, x = lstm_of(num_layers=2, proj_size=2), uniform(6, 2, 3)
    state = bl.LSTMState(uniform(2, 2, 2, seed=1), uniform(2, 2, 4, seed=2))
    y, final = lstm(x, state)
    stream = lstm.stream(2, state)
    found = [stream.step(x_t).copy() for x_t in x[:3]]
    assert found[0].shape == (2, 2)
    np.testing.assert_array_equal([*found, *stream.process(x[3:])], y)
    np.testing.assert_array_equal(stream.state.h, final.h)
    np.testing.assert_array_equal(stream.state.c, final.c)
    stream.reset([1])
    stream.state = copy.copy(stream).state
    np.testing.assert_array_equal(stream.step(x[0])[1], lstm(x)[0][0, 1])
    lstm.parameters["weight_hr_l1"] *= 0
    assert not stream.step(x[0]).any()
    with pytest.raises(bl.ArgumentError) as caught:
        stream.state = bl.LSTMState(uniform(2, 2, 4), uniform(2, 2, 4))
    assert [issue.path for issue in caught.value.issues] == ["state.h"]
    alone = lstm.stream()
    assert alone.step(x[0, 0]).shape == (2,)


def test_projections_stand_above_and_below_others(tmp_path: Path) -> None:
    lstms = [
        bl.LSTM(3, 5, seed=1), bl.LSTM(5, 6, 2, proj_size=2, bidirectional=True, seed=2),
        bl.LSTM(4, 4, proj_size=3, cell_clip=0.5, seed=3), bl.LSTM(3, 2, seed=4),
    ]  # fmt: skip
    stack, x = bl.Stack(lstms), uniform(5, 2, 3)
    wanted: Any = x
    states = []
    for lstm in lstms:
        wanted, state = lstm(wanted, lengths=[5, 3])
        states.append(state)
    y, found = stack(x, lengths=[5, 3])
    np.testing.assert_array_equal(y, wanted)
    for ours, theirs in zip(found, states, strict=True):
        np.testing.assert_array_equal(ours.h, theirs.h)
    *_, tape = stack.forward(x, training=True)
    gradient = stack.backward(tape, y).parameters["1.weight_hr_l1_reverse"]
    assert gradient.shape == (2, 6)
    assert gradient.any()
    stack.save(tmp_path / "stack")
    again = bl.Stack.load(tmp_path / "stack")
    assert again.configs == stack.configs
    np.testing.assert_array_equal(again(x, lengths=[5, 3])[0], y)
    one_way = bl.Stack([lstms[0], bl.LSTM(5, 6, proj_size=3, seed=2), lstms[3]])
    steps = [stream_step.copy() for stream_step in map(one_way.stream(2).step, x)]
    np.testing.assert_array_equal(steps, one_way(x)[0])
    with pytest.raises(bl.ArgumentError, match="input_size: expected 3, the output_size of the"):
        bl.Stack([lstm_of(proj_size=3), bl.LSTM(4, 2)])


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (5, codes.OUT_OF_RANGE), (-1, codes.OUT_OF_RANGE), (2.0, codes.WRONG_TYPE),
        (True, codes.WRONG_TYPE), (None, codes.WRONG_TYPE), ("2", codes.WRONG_TYPE),
    ],
)  # fmt: skip
def test_wrong_sizes_are_refused_by_name(given: Any, code: str) -> None:
    with pytest.raises(bl.ArgumentError) as caught:
        lstm_of(proj_size=given)
    (issue,) = caught.value.issues
    assert (issue.path, issue.code) == ("proj_size", code)
    assert issue.expected == "a whole number from 1 to 4, the hidden_size, or 0 for no projection"
    with pytest.raises(bl.ArgumentError) as caught:
        bl.LSTM(3, 0, proj_size=-1)
    assert [issue.path for issue in caught.value.issues] == ["hidden_size", "proj_size"]


def test_states_and_weights_of_other_widths_are_refused_by_name() -> None:
    lstm, x = lstm_of(proj_size=2), uniform(5, 2, 3)
    for state, path in (
        ((uniform(1, 2, 4), uniform(1, 2, 4)), "state.h"),
        ((uniform(1, 2, 2), uniform(1, 2, 2)), "state.c"),
    ):
        with pytest.raises(bl.ArgumentError) as caught:
            lstm(x, state)
        assert [issue.path for issue in caught.value.issues] == [path]
    with pytest.raises(bl.ArgumentError) as caught:
        lstm(x, out=uniform(5, 2, 4))
    assert [issue.path for issue in caught.value.issues] == ["out"]
    with pytest.raises(bl.ArgumentError) as caught:
        lstm.load_state_dict(lstm_of().state_dict())
    found = [(issue.path, issue.code) for issue in caught.value.issues]
    wanted = [("weight_hh_l0", codes.SIZE_MISMATCH), ("weight_hr_l0", codes.MISSING_ENTRY)]
    assert found == wanted


def test_formats_without_projections_say_what_computes_the_same(tmp_path: Path) -> None:
    lstm, x = lstm_of(num_layers=2, proj_size=2), uniform(5, 2, 3)
    stack = bl.Stack([bl.LSTM(3, 3, seed=2), lstm])
    stored = [one._stored() for one in stack.lstms]
    for write, path in (
        (lambda: lstm.to_onnx(tmp_path / "a"), "proj_size"), (lstm.to_keras, "proj_size"),
        (lambda: write_onnx_stack(tmp_path / "a", stored), "lstms[1].proj_size"),
        (lambda: write_keras_stack(stored), "lstms[1].proj_size"),
    ):  # fmt: skip
        with pytest.raises(bl.WeightsError) as caught:
            write()
        (issue,) = caught.value.issues
        assert (issue.path, issue.code, issue.actual) == (path, codes.NOT_EXPRESSIBLE, "2")
        assert "if its weight_hh is weight_hh @ weight_hr, what reads its outputs" in issue.expected
    assert not (tmp_path / "a").exists()

    # As the error says.
    weights = lstm.state_dict()
    low, high = (weights.pop(f"weight_hr_l{number}") for number in range(2))
    weights["weight_hh_l0"] = weights["weight_hh_l0"] @ low
    weights["weight_hh_l1"] = weights["weight_hh_l1"] @ high
    weights["weight_ih_l1"] = weights["weight_ih_l1"] @ low
    plain = bl.LSTM.from_torch(weights)
    assert plain.config == lstm_of(num_layers=2).config
    np.testing.assert_allclose(plain(x)[0] @ high.T, lstm(x)[0], atol=1e-6)


def test_state_dicts_come_back_from_pytorchs_names() -> None:
    lstm, x = lstm_of(**WORDS), uniform(5, 2, 3)
    entries = {f"encoder.{name}": array for name, array in lstm.state_dict().items()}
    again = bl.LSTM.from_torch({"epoch": 1, "state_dict": entries}, "encoder.")
    assert again.config == lstm.config
    np.testing.assert_array_equal(again(x)[0], lstm(x)[0])
    stored = read_torch(entries, "encoder.")
    np.testing.assert_allclose(computed(stored, x)[0], lstm(x)[0], atol=2e-6)
