"""`bl.LSTM`: values against the f64 reference, gradients against its slopes, arguments, states, copies."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from build import assert_close
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import GATES, Array, Layer, forward

NAMES = ("input", "forget", "candidate", "output")


def reference_layer(lstm: bl.LSTM, x: Array, state: Any = None, lengths: Any = None) -> Layer:
    """The reference's layer for one sample after another of a call."""
    config = lstm.config
    layers, directions, hidden = config.num_layers, config.directions, config.hidden_size
    weights = lstm.state_dict()
    arrays: dict[str, Array] = {"x": x.astype(np.float64)}
    if state is not None:
        shape = (layers, directions, x.shape[1], -1)
        arrays |= {"h0": state[0].reshape(shape), "c0": state[1].reshape(shape)}
    if config.proj_size:
        found = [weights[name] for name in weights if name.startswith("weight_hr")]
        arrays["projection"] = np.reshape(found, (layers, directions, config.proj_size, hidden))
    if lengths is not None:
        active = (np.asarray(lengths)[None] > np.arange(len(x))[:, None]).sum(1)
        arrays["batch_sizes"] = active

    def stacked(kind: str, gate: int, numbers: range) -> Array:
        return np.array(
            [
                [
                    np.split(weights[f"{kind}_l{layer}{suffix}"].astype(np.float64), 4)[gate]
                    for suffix in ("", "_reverse")[:directions]
                ]
                for layer in numbers
            ]
        )

    for number, gate in enumerate(NAMES):
        arrays[f"{gate}.iw0"] = stacked("weight_ih", number, range(1))
        if layers > 1:
            arrays[f"{gate}.iw1"] = stacked("weight_ih", number, range(1, layers))
        arrays[f"{gate}.hw"] = stacked("weight_hh", number, range(layers))
        if config.bias:
            both = ("bias_ih", "bias_hh")
            arrays[f"{gate}.b"] = sum(stacked(kind, number, range(layers)) for kind in both)
        if config.peephole:
            arrays[f"{gate}.cw"] = stacked("weight_ch", number, range(layers))
    activations = {name: config.activation(name) for name in (*GATES, "hidden")}
    return Layer(arrays, activations, hidden, layers, directions)


def expected(
    lstm: bl.LSTM, x: Array, state: Any = None, lengths: Any = None
) -> tuple[Array, Array, Array]:
    """Output [S, N, D*P] and states [L*D, N, P] and [L*D, N, H], each sample by itself."""
    ys, hs, cs = [], [], []
    for sample in range(x.shape[1]):
        own = slice(sample, sample + 1)
        count = len(x) if lengths is None else int(lengths[sample])
        begin = None if state is None else tuple(part[:, own] for part in state)
        y = np.zeros((len(x), 1, lstm.config.output_size))
        if count:
            layer = reference_layer(lstm, x[:count, own], begin)
            y[:count], h, c = forward(layer)
        else:
            stack = lstm.config.num_layers * lstm.config.directions
            zeros = np.zeros((stack, 1, lstm.config.hidden_size))
            h, c = begin or (zeros[..., : lstm.config.outputs], zeros)
        ys.append(y)
        hs.append(np.reshape(h, (-1, 1, lstm.config.outputs)))
        cs.append(np.reshape(c, (-1, 1, lstm.config.hidden_size)))
    return np.concatenate(ys, 1), np.concatenate(hs, 1), np.concatenate(cs, 1)


def fitting(drawn: dict[str, Any]) -> dict[str, Any]:
    """With a projection that is not larger than the layer."""
    return drawn | {"proj_size": min(drawn["proj_size"], drawn["hidden_size"])}


configurations = st.fixed_dictionaries(
    {
        "input_size": st.integers(1, 5),
        "hidden_size": st.integers(1, 9),
        "num_layers": st.integers(1, 3),
        "bias": st.booleans(),
        "batch_first": st.booleans(),
        "bidirectional": st.booleans(),
        "peephole": st.sampled_from([None, "diagonal", "full"]),
        "activations": st.sampled_from(
            [None, {"input": "hard_sigmoid"}, {"hidden": "identity", "candidate": "softsign"}]
        ),
        "seed": st.integers(0, 1000),
        "num_threads": st.sampled_from([None, 1, 2]),
        "proj_size": st.sampled_from([0, 0, 1, 3, 9]),
    }
).map(fitting)


def call_of(config: dict[str, Any], data: Any) -> tuple[bl.LSTM, Array, Any, Any]:
    """An LSTM, an input [S, N, I], perhaps states and lengths in any order."""
    lstm = bl.LSTM(**config)
    steps, rows = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 5))
    random = np.random.default_rng(config["seed"])
    x = random.uniform(-1, 1, (steps, rows, config["input_size"])).astype(np.float32)
    stack = lstm.config.num_layers * lstm.config.directions
    state = None
    if data.draw(st.booleans()):
        shape = (2, stack, rows, config["hidden_size"])
        h, c = random.uniform(-1, 1, shape).astype(np.float32)
        state = bl.LSTMState(h[..., : lstm.config.outputs], c)
    lengths = None
    if data.draw(st.booleans()):
        lengths = data.draw(st.lists(st.integers(0, steps), min_size=rows, max_size=rows))
        lengths[data.draw(st.integers(0, rows - 1))] = steps
    return lstm, x, state, lengths


def as_given(lstm: bl.LSTM, x: Array) -> Array:
    return x.swapaxes(0, 1) if lstm.config.batch_first else x


@settings(max_examples=80, deadline=None)
@given(config=configurations, data=st.data())
def test_a_call_is_the_reference_sample_by_sample(config: dict[str, Any], data: Any) -> None:
    lstm, x, state, lengths = call_of(config, data)
    y, (h, c) = lstm(as_given(lstm, x), state, lengths=lengths)
    wanted = expected(lstm, x, state, lengths)
    for found, part in zip((as_given(lstm, y), h, c), wanted, strict=True):
        assert found.dtype == np.float32
        assert_close(found, part, 1e-4)


@settings(max_examples=40, deadline=None)
@given(config=configurations, data=st.data())
def test_gradients_are_slopes(config: dict[str, Any], data: Any) -> None:
    smooth = {"hidden": "identity", "candidate": "softsign"}
    config |= {"activations": smooth if config["activations"] else None}
    lstm, x, state, lengths = call_of(config, data)
    random = np.random.default_rng(3)
    y, (h, c), tape = lstm.forward(as_given(lstm, x), state, lengths=lengths, training=True)
    dy, dh, dc = (random.uniform(-1, 1, part.shape).astype(np.float32) for part in (y, h, c))
    found = lstm.backward(tape, dy, (dh, dc))
    assert found.input.shape == as_given(lstm, x).shape
    assert found.parameters.keys() == lstm.state_dict().keys()

    def loss(x64: Array) -> float:
        parts = expected(lstm, x64, state, lengths)
        return sum(
            float(np.sum(part * slope))
            for part, slope in zip(parts, (as_given(lstm, dy), dh, dc), strict=True)
        )

    direction, step = random.uniform(-1, 1, x.shape), 1e-5
    slope = (loss(x + step * direction) - loss(x - step * direction)) / (2 * step)
    ours = float(np.sum(as_given(lstm, found.input).astype(np.float64) * direction))
    assert abs(ours - slope) <= 3e-4 * max(1.0, np.abs(found.input).sum())

    name = data.draw(st.sampled_from(sorted(found.parameters)))
    weight = lstm.parameters[name]
    before, direction = weight.copy(), random.uniform(-1, 1, weight.shape).astype(np.float32)
    losses = []
    for sign in (1, -1):
        weight[...] = before + np.float32(sign * 2**-8) * direction
        moved = (weight.astype(np.float64) - before) / (sign * 2**-8)
        losses.append(loss(x.astype(np.float64)))
    weight[...] = before
    slope = (losses[0] - losses[1]) / 2**-7
    ours = float(np.sum(found.parameters[name].astype(np.float64) * moved))
    assert abs(ours - slope) <= 2e-3 * max(1.0, np.abs(found.parameters[name]).sum())


def example(**config: Any) -> tuple[bl.LSTM, Array]:
    lstm = bl.LSTM(3, 5, **({"seed": 1} | config))
    return lstm, np.random.default_rng(2).uniform(-1, 1, (6, 4, 3)).astype(np.float32)


def test_an_input_without_a_batch() -> None:
    lstm, x = example(num_layers=2, bidirectional=True)
    y, state = lstm(x[:, 0])
    wanted, both = lstm(x[:, :1])
    np.testing.assert_array_equal(y, wanted[:, 0])
    assert state.h.shape == (4, 5)
    np.testing.assert_array_equal(state.c, both.c[:, 0])
    again, _ = lstm(x[:, 0], state)
    np.testing.assert_array_equal(again, lstm(x[:, :1], both)[0][:, 0])
    _, _, tape = lstm.forward(x[:, 0], training=True)
    assert lstm.backward(tape, np.ones_like(y)).input.shape == (6, 3)


def test_changed_weights_are_seen_by_the_next_call() -> None:
    lstm, x = example()
    before = lstm(x)[0]
    for array in lstm.parameters.values():
        np.negative(array, out=array)
    after = lstm(x)[0]
    assert (before != after).any()
    kept = lstm.parameters["weight_hh_l0"]
    lstm(x)
    kept[...] = 0
    lstm.update()
    np.testing.assert_allclose(lstm(x)[0], expected(lstm, x)[0], atol=1e-5)
    lstm.load_state_dict(bl.LSTM(3, 5, seed=9).state_dict())
    np.testing.assert_array_equal(lstm(x)[0], bl.LSTM(3, 5, seed=9)(x)[0])


def test_cell_states_of_every_step() -> None:
    lstm, x = example(num_layers=2, peephole="full", dropout=0.5)
    lengths = [3, 6, 0, 5]
    y, state, cells = lstm(x, lengths=lengths, return_cell_states=True)
    np.testing.assert_array_equal(y, lstm(x, lengths=lengths)[0])
    assert cells.shape == y.shape
    for sample, count in enumerate(lengths):
        assert not cells[count:, sample].any()
        for steps in range(1, count + 1):
            single = lstm(x[:steps, sample : sample + 1])[1]
            np.testing.assert_array_equal(cells[steps - 1, sample], single.c[-1, 0])
    np.testing.assert_array_equal(cells[5, 1], state.c[-1, 1])


def test_the_output_goes_where_it_is_wanted() -> None:
    lstm, x = example(batch_first=True)
    out = np.full((4, 6, 5), np.nan, np.float32)
    y, _ = lstm(x.swapaxes(0, 1), out=out)
    assert y is out
    np.testing.assert_array_equal(out, lstm(x.swapaxes(0, 1))[0])
    with pytest.raises(bl.ArgumentError, match=r"out: expected \[4, 6, 5\]"):
        lstm(x.swapaxes(0, 1), out=out[1:])


def test_dropout_follows_its_seed_and_only_in_training() -> None:
    lstm, x = example(num_layers=3, dropout=0.5)
    y = lstm(x)[0]
    same = [lstm.forward(x, training=True, dropout_seed=4)[0] for _ in range(2)]
    np.testing.assert_array_equal(*same)
    assert (same[0] != y).any()
    assert (lstm.forward(x, training=True)[0] != lstm.forward(x, training=True)[0]).any()
    np.testing.assert_array_equal(lstm(x)[0], y)


def test_initial_weights_are_uniform_by_seed() -> None:
    one, same, other = (bl.LSTM(20, 64, seed=seed) for seed in (3, 3, 4))
    for name, array in one.state_dict().items():
        np.testing.assert_array_equal(array, same.state_dict()[name])
        assert (array != other.state_dict()[name]).any()
        assert np.abs(array).max() <= 1 / 8
        assert np.abs(array).max() > 0.9 / 8
        assert abs(array.mean()) < 0.02
    biased = bl.LSTM(20, 64, seed=3, forget_bias=1.0).state_dict()["bias_ih_l0"]
    wanted = one.state_dict()["bias_ih_l0"] + np.repeat(np.float32([0, 1, 0, 0]), 64)
    np.testing.assert_array_equal(biased, wanted)


def test_names_are_those_of_pytorch() -> None:
    names = list(bl.LSTM(3, 5, 2, bidirectional=True).state_dict())
    assert names == [
        f"{kind}_l{layer}{suffix}"
        for layer in range(2)
        for suffix in ("", "_reverse")
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]


def test_copies_and_pickles_compute_the_same() -> None:
    lstm, x = example(num_layers=2, peephole="diagonal", activations={"input": "hard_sigmoid"})
    for other in (copy.deepcopy(lstm), copy.copy(lstm), pickle.loads(pickle.dumps(lstm))):
        assert other.config == lstm.config
        np.testing.assert_array_equal(other(x)[0], lstm(x)[0])
        other.parameters["weight_hh_l0"][...] = 0
        assert (other(x)[0] != lstm(x)[0]).any()
    assert repr(lstm) == "LSTM(3, 5, 2, peephole='diagonal', activations={...})"
    assert lstm.config != bl.LSTM(3, 5).config
    assert bl.LSTM(3, 5, seed=1).config == bl.LSTM(3, 5, seed=2).config


class Exported:
    """An array that has nothing but DLPack."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


def test_memoryviews_strides_and_other_dtypes_of_the_input() -> None:
    lstm, x = example()
    wanted = lstm(x)[0]
    for other in (Exported(x.copy()), memoryview(x), x[:, ::-1][:, ::-1], np.asfortranarray(x)):
        np.testing.assert_array_equal(lstm(other)[0], wanted)
    with pytest.raises(bl.ArgumentError, match="float32"):
        lstm(x.astype(np.float64))
    np.testing.assert_array_equal(bl.LSTM(3, 5, seed=1, convert=True)(x.tolist())[0], wanted)


def test_the_structure_and_back() -> None:
    for config in (
        {},
        {"num_layers": 3, "bidirectional": True, "peephole": "full"},
        {"peephole": "diagonal", "bias": False, "activations": {"hidden": "relu"}},
    ):
        lstm, x = example(**config)
        lengths = [2, 6, 1, 6]
        params = lstm.layer_parameters(x, lengths=lengths)
        bl.direct_apply_lstm_batch_training_caching(params)
        order = np.argsort([-length for length in lengths], kind="stable")
        outputs: Any = params.output_descriptor
        np.testing.assert_array_equal(outputs.data_desc, lstm(x, lengths=lengths)[0][:, order])
        back = bl.LSTM.from_layer_parameters(params)
        assert back.config == lstm.config
        np.testing.assert_array_equal(back(x)[0], lstm(x)[0])


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        ({"input_size": 0, "hidden_size": -1}, ["input_size", "hidden_size"]),
        ({"num_layers": 1.5, "dropout": 1.0, "bias": 1}, ["num_layers", "dropout", "bias"]),
        ({"peephole": "some", "bidirectional": "no"}, ["bidirectional", "peephole"]),
        ({"activations": {"gate": "tanh"}}, ["activations['gate']"]),
        ({"activations": {"input": "swish"}}, ["activations['input']"]),
        ({"activations": {"input": "clamp", "output": 5}}, ["activations['input']", "activations['output']"]),
        ({"activations": "tanh"}, ["activations"]),
        ({"num_threads": 0}, ["num_threads"]),
    ],
)  # fmt: skip
def test_impossible_configurations(arguments: dict[str, Any], paths: list[str]) -> None:
    with pytest.raises(bl.ArgumentError) as caught:
        bl.LSTM(**({"input_size": 3, "hidden_size": 5} | arguments))
    assert [issue.path for issue in caught.value.issues] == paths


STATE = np.zeros((1, 4, 5), np.float32)


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        ({"x": None}, ["x"]),
        ({"x": np.zeros((6, 4, 2), np.float32)}, ["x"]),
        ({"x": np.zeros((0, 4, 2), np.float32)}, ["x"]),
        ({"x": np.zeros(3, np.float32)}, ["x"]),
        ({"x": np.zeros((6, 4, 3), np.int32)}, ["x"]),
        ({"state": STATE}, ["state"]),
        ({"state": bl.LSTMState([1.0], 2)}, ["state.h", "state.c"]),
        ({"state": (STATE, STATE[:, 1:])}, ["state.c"]),
        ({"state": (STATE[:, 1:], STATE.astype("f8")), "lengths": [1, 2]}, ["state.h", "state.c", "lengths"]),
        ({"lengths": [1, 2, 3, 7]}, ["lengths[3]"]),
        ({"lengths": [-1, 2, 3, 9]}, ["lengths[0]", "lengths[3]"]),
        ({"lengths": [1.0, 2.0, 3.0, 4.0]}, ["lengths"]),
    ],
)  # fmt: skip
def test_impossible_calls(arguments: dict[str, Any], paths: list[str]) -> None:
    lstm, x = example()
    with pytest.raises(bl.ArgumentError) as caught:
        lstm(**({"x": x} | arguments))
    assert [issue.path for issue in caught.value.issues] == paths


def test_impossible_gradients() -> None:
    lstm, x = example()
    y, _, tape = lstm.forward(x, training=True)
    for arguments, path in (
        ((), "dy"),
        ((y[1:],), "dy"),
        ((y.astype(np.float64),), "dy"),
        ((None, (STATE, STATE[:, :2])), "d_state.c"),
    ):
        with pytest.raises(bl.ArgumentError) as caught:
            lstm.backward(tape, *arguments)
        assert [issue.path for issue in caught.value.issues] == [path]


def test_weights_that_do_not_fit() -> None:
    lstm, x = example()
    before = lstm(x)[0]
    weights = lstm.state_dict()
    del weights["bias_hh_l0"]
    weights |= {"weight_hh_l1": STATE, "weight_ih_l0": STATE}
    with pytest.raises(bl.ArgumentError) as caught:
        lstm.load_state_dict(weights)
    paths = [issue.path for issue in caught.value.issues]
    assert paths == ["weight_ih_l0", "bias_hh_l0", "weight_hh_l1"]
    np.testing.assert_array_equal(lstm(x)[0], before)


def test_memory_does_not_grow_with_the_number_of_shapes() -> None:
    lstm, x = example()
    for steps in range(1, 7):
        for rows in range(1, 5):
            lstm(x[:steps, :rows])
    assert len(lstm._engine.kept) <= 4
