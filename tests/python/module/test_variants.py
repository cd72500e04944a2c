"""Limits and the direction of reading: against the reference, against flipping, and everywhere an LSTM goes."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm import codes
from bnns_lstm.formats import load_lstm, save_lstm, write_keras, write_state_dict
from formats_tools import computed
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Array

# Limits that act on these weights.
VARIANTS: dict[str, dict[str, Any]] = {
    "cell_clip": {"cell_clip": 0.25},
    "gate_clip": {"gate_clip": 0.125},
    "gate_clip of gates": {"gate_clip": 0.125, "gate_clip_hidden": False},
    "reverse": {"direction": "reverse"},
    "coupled forget": {"coupled": "forget"},
    "coupled input": {"coupled": "input"},
    "all": {
        "cell_clip": 0.25,
        "gate_clip": 0.5,
        "gate_clip_hidden": False,
        "direction": "reverse",
        "coupled": "forget",
    },
}
every_variant = pytest.mark.parametrize("words", VARIANTS.values(), ids=VARIANTS)
# What the structure level is asked for.
EXTENSIONS = {
    "cell_clip": bl.LSTMExtensions(cell_clip=0.25),
    "gate_clip": bl.LSTMExtensions(gate_clip=0.125),
    "gate_clip of gates": bl.LSTMExtensions(gate_clip=0.125, gate_clip_hidden=False),
    "reverse": bl.LSTMExtensions(reverse=True),
    "coupled forget": bl.LSTMExtensions(coupled="forget"),
    "coupled input": bl.LSTMExtensions(coupled="input"),
    "all": bl.LSTMExtensions(
        cell_clip=0.25, gate_clip=0.5, gate_clip_hidden=False, coupled="forget", reverse=True
    ),
}


def lstm_of(**words: Any) -> bl.LSTM:
    return bl.LSTM(3, 4, **({"seed": 1} | words))


def uniform(shape: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(-2, 2, shape).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        (name, other)
        for name in VARIANTS
        for other in ("plain", "bidirectional", "peephole")
        if not (EXTENSIONS[name].reverse and other == "bidirectional")
    ],
)
def test_calls_are_those_of_the_reference(name: str, other: str) -> None:
    words: dict[str, Any] = {
        "plain": {},
        "bidirectional": {"bidirectional": True},
        "peephole": {"peephole": "diagonal", "activations": {"candidate": "softsign"}},
    }[other]
    lstm, x = lstm_of(num_layers=2, **VARIANTS[name], **words), uniform((6, 3, 3))
    stack = (2 * lstm.config.directions, 3, 4)
    state = bl.LSTMState(uniform(stack, 1), uniform(stack, 2))
    y, found = lstm(x, state)
    for ours, theirs in zip((y, *found), computed(lstm._stored(), x, *state), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
    plain = lstm_of(num_layers=2, **words)
    assert (plain(x, state)[0] != y).any()


@pytest.mark.parametrize("name", VARIANTS)
def test_the_structure_level_is_asked_for_it(name: str) -> None:
    lstm, x = lstm_of(num_layers=2, **VARIANTS[name]), uniform((5, 2, 3))
    params = lstm.layer_parameters(x)
    assert params.extensions == EXTENSIONS[name]
    bl.direct_apply_lstm_batch_training_caching(params)
    y, state = lstm(x)
    np.testing.assert_array_equal(params.output_descriptor.data_desc, y)
    np.testing.assert_array_equal(params.output_descriptor.cell_state_desc[:, 0], state.c)
    again = bl.LSTM.from_layer_parameters(params)
    assert again.config == lstm.config
    np.testing.assert_array_equal(again(x)[0], y)


def test_a_plain_lstm_asks_for_nothing() -> None:
    assert lstm_of().layer_parameters(uniform((5, 2, 3))).extensions is None


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 99),
    lengths=st.lists(st.integers(0, 5), min_size=3, max_size=3),
    num_layers=st.integers(1, 2),
    batch_first=st.booleans(),
    has_mask=st.booleans(),
)
def test_reading_backwards_is_flipping_each_sample_within_its_length(
    seed: int, lengths: list[int], num_layers: int, batch_first: bool, has_mask: bool
) -> None:
    words = {"num_layers": num_layers, "batch_first": batch_first}
    backward, plain = lstm_of(direction="reverse", **words), lstm_of(**words)
    x, dy = uniform((3, 5, 3), seed), uniform((3, 5, 4), seed + 1)
    state, d_state = uniform((2, num_layers, 3, 4), seed + 2), uniform((2, num_layers, 3, 4), seed)

    def flipped(sequence: Array) -> Array:
        found = sequence.copy()
        for sample, length in enumerate(lengths):
            found[sample, :length] = sequence[sample, :length][::-1]
        return found

    def turned(sequence: Array) -> Array:
        return sequence if batch_first else np.ascontiguousarray(sequence.swapaxes(0, 1))

    real: dict[str, Any] = {"lengths": lengths}
    if has_mask:
        real = {"mask": turned((np.arange(5) < np.array(lengths)[:, np.newaxis])[..., np.newaxis])}
        real = {"mask": real["mask"][..., 0]}
    y, final = backward(turned(x), tuple(state), **real)
    other, plain_final = plain(turned(flipped(x)), tuple(state), lengths=lengths)
    np.testing.assert_array_equal(turned(y), flipped(turned(other)))
    np.testing.assert_array_equal(final.h, plain_final.h)
    np.testing.assert_array_equal(final.c, plain_final.c)
    cells = [
        lstm(turned(values), tuple(state), lengths=lengths, return_cell_states=True)[2]
        for lstm, values in ((backward, x), (plain, flipped(x)))
    ]
    np.testing.assert_array_equal(turned(cells[0]), flipped(turned(cells[1])))

    *_, tape = backward.forward(turned(x), tuple(state), training=True, **real)
    found = backward.backward(tape, turned(dy), tuple(d_state))
    *_, tape = plain.forward(turned(flipped(x)), tuple(state), lengths=lengths, training=True)
    same = plain.backward(tape, turned(flipped(dy)), tuple(d_state))
    np.testing.assert_array_equal(turned(found.input), flipped(turned(same.input)))
    np.testing.assert_array_equal(found.state.h, same.state.h)
    np.testing.assert_array_equal(found.state.c, same.state.c)
    for name, gradient in same.parameters.items():
        np.testing.assert_allclose(found.parameters[name], gradient, atol=1e-5)


@every_variant
def test_gradients_are_slopes(words: dict[str, Any]) -> None:
    lstm = lstm_of(num_layers=2, **words)
    x, direction, dy = uniform((5, 2, 3), 3), uniform((5, 2, 3), 7), uniform((5, 2, 4), 5)
    y, _, tape = lstm.forward(x, training=True)
    np.testing.assert_array_equal(y, lstm(x)[0])
    found = lstm.backward(tape, dy)
    step, stored = 1e-6, lstm._stored()

    def loss(at: Array) -> float:
        return float(np.sum(computed(stored, at)[0] * dy))

    wide = x.astype(np.float64)
    slope = (loss(wide + step * direction) - loss(wide - step * direction)) / (2 * step)
    assert abs(float(np.sum(found.input * direction, dtype="f8")) - slope) < 1e-4
    assert abs(slope) > 0.003


@every_variant
def test_copies_pickles_and_files_are_the_same(words: dict[str, Any], tmp_path: Path) -> None:
    lstm, x = lstm_of(**words), uniform((5, 2, 3))
    lstm.save(tmp_path / "lstm.safetensors")
    for other in (
        copy.deepcopy(lstm), copy.copy(lstm), pickle.loads(pickle.dumps(lstm)),
        bl.LSTM.load(tmp_path / "lstm.safetensors"),
    ):  # fmt: skip
        assert other.config == lstm.config
        np.testing.assert_array_equal(other(x)[0], lstm(x)[0])
        assert other.config != lstm_of().config
    shown = ", ".join(f"{name}={value!r}" for name, value in words.items())
    assert repr(lstm) == f"LSTM(3, 4, {shown})"


def test_files_of_plain_lstms_say_nothing_of_variants(tmp_path: Path) -> None:
    lstm_of().save(tmp_path / "plain")
    lstm_of(cell_clip=2).save(tmp_path / "clipped")
    words = (b"cell_clip", b"gate_clip", b"direction\\", b"coupled")
    found = {name: (tmp_path / name).read_bytes() for name in ("plain", "clipped")}
    assert [word in found["plain"] for word in words] == [False, False, False, False]
    assert [word in found["clipped"] for word in words] == [True, False, False, False]


def test_states_before_variants_were_there_are_those_of_a_plain_lstm() -> None:
    lstm, x = lstm_of(), uniform((5, 2, 3))
    state = lstm.__getstate__()
    for name in ("cell_clip", "gate_clip", "gate_clip_hidden", "direction", "coupled"):
        del state["config"][name]
    other = lstm_of(cell_clip=0.1)
    other.__setstate__(state)
    assert other.config == lstm.config
    np.testing.assert_array_equal(other(x)[0], lstm(x)[0])


@every_variant
def test_a_stack_gives_what_one_after_the_other_gives(
    words: dict[str, Any], tmp_path: Path
) -> None:
    low, high = lstm_of(**words), bl.LSTM(4, 5, seed=2, cell_clip=0.5)
    stack, x = bl.Stack([low, high]), uniform((5, 2, 3))
    y, state = stack(x, lengths=[5, 3])
    below, first = low(x, lengths=[5, 3])
    above, second = high(below, lengths=[5, 3])
    np.testing.assert_array_equal(y, above)
    np.testing.assert_array_equal(state[0].c, first.c)
    np.testing.assert_array_equal(state[1].c, second.c)
    *_, tape = stack.forward(x, training=True)
    gradients = stack.backward(tape, y)
    low_y, _, low_tape = low.forward(x, training=True)
    _, _, high_tape = high.forward(low_y, training=True)
    wanted = low.backward(low_tape, high.backward(high_tape, y).input)
    np.testing.assert_array_equal(gradients.input, wanted.input)
    stack.save(tmp_path / "stack")
    again = bl.Stack.load(tmp_path / "stack")
    assert again.configs == stack.configs
    np.testing.assert_array_equal(again(x)[0], stack(x)[0])


@pytest.mark.parametrize(
    "name", ["cell_clip", "gate_clip", "gate_clip of gates", "coupled forget", "coupled input"]
)
def test_streams_are_calls(name: str) -> None:
    lstm, x = lstm_of(num_layers=2, **VARIANTS[name]), uniform((5, 2, 3))
    y, state = lstm(x)
    stream = lstm.stream(2)
    found = [stream.step(x_t).copy() for x_t in x[:3]]
    np.testing.assert_array_equal([*found, *stream.process(x[3:])], y)
    np.testing.assert_array_equal(stream.state.c, state.c)


def test_streams_refuse_to_read_backwards() -> None:
    with pytest.raises(bl.ArgumentError) as caught:
        lstm_of(direction="reverse").stream()
    (issue,) = caught.value.issues
    assert (issue.path, issue.code) == ("stream", codes.UNSUPPORTED_HERE)
    assert "needs the end of the sequence first" in issue.expected
    assert issue.actual == 'one with direction="reverse"'
    with pytest.raises(bl.ArgumentError) as caught:
        bl.Stack([lstm_of(), bl.LSTM(4, 4, direction="reverse")]).stream()
    assert [issue.path for issue in caught.value.issues] == ["lstms[1].stream"]


@pytest.mark.parametrize(
    ("words", "name", "code"),
    [
        ({"cell_clip": 0}, "cell_clip", codes.INVALID_NUMBER),
        ({"cell_clip": -1.0}, "cell_clip", codes.INVALID_NUMBER),
        ({"cell_clip": 1e-60}, "cell_clip", codes.INVALID_NUMBER),
        ({"gate_clip": 1e39}, "gate_clip", codes.INVALID_NUMBER),
        ({"gate_clip": float("nan")}, "gate_clip", codes.INVALID_NUMBER),
        ({"gate_clip": "3"}, "gate_clip", codes.WRONG_TYPE),
        ({"gate_clip": True}, "gate_clip", codes.WRONG_TYPE),
        ({"gate_clip_hidden": None, "gate_clip": 1}, "gate_clip_hidden", codes.WRONG_TYPE),
        ({"gate_clip_hidden": False}, "gate_clip_hidden", codes.EXTENSION_CONFLICT),
        ({"gate_clip_hidden": False, "cell_clip": 1}, "gate_clip_hidden", codes.EXTENSION_CONFLICT),
        ({"coupled": "output"}, "coupled", codes.UNKNOWN_CHOICE),
        ({"coupled": True}, "coupled", codes.UNKNOWN_CHOICE),
        (
            {"coupled": "forget", "activations": {"forget": "sigmoid"}},
            "activations['forget']",
            codes.DERIVED_GATE,
        ),
        (
            {"coupled": "input", "activations": {"input": "hard_sigmoid"}},
            "activations['input']",
            codes.DERIVED_GATE,
        ),
        ({"coupled": "forget", "forget_bias": 1.0}, "forget_bias", codes.DERIVED_GATE),
        ({"direction": "backward"}, "direction", codes.UNKNOWN_CHOICE),
        ({"direction": None}, "direction", codes.UNKNOWN_CHOICE),
        ({"direction": "reverse", "bidirectional": True}, "direction", codes.EXTENSION_CONFLICT),
    ],
)
def test_wrong_variants_are_refused_by_name(words: dict[str, Any], name: str, code: str) -> None:
    with pytest.raises(bl.ArgumentError) as caught:
        lstm_of(**words)
    assert [(issue.path, issue.code) for issue in caught.value.issues] == [(name, code)]


def test_numbers_of_numpy_are_numbers() -> None:
    lstm = lstm_of(cell_clip=np.float32(0.5), gate_clip=np.int64(2), gate_clip_hidden=np.False_)
    assert repr(lstm.config) == repr(
        lstm_of(cell_clip=0.5, gate_clip=2.0, gate_clip_hidden=False).config
    )


@pytest.mark.parametrize(("coupled", "left"), [("forget", [0, 2, 3]), ("input", [1, 2, 3])])
@pytest.mark.parametrize("peephole", [None, "diagonal", "full"])
def test_coupled_gates_have_three_blocks(coupled: Any, left: list[int], peephole: Any) -> None:
    """A sigmoid with the opposite argument is 1 minus the sigmoid: a plain LSTM can say that, too."""
    words = {"num_layers": 2, "bidirectional": True, "peephole": peephole}
    lstm, plain, x = lstm_of(coupled=coupled, **words), lstm_of(**words), uniform((5, 2, 3))
    shapes = {name: array.shape for name, array in lstm.parameters.items()}
    assert list(shapes) == list(plain.parameters)
    assert shapes["weight_ih_l1"] == (12, 8)
    assert shapes["bias_hh_l0_reverse"] == (12,)
    derived, source = (1, 0) if coupled == "forget" else (0, 1)
    wanted = {}
    for name, array in lstm.state_dict().items():
        blocks = dict(zip(left, np.split(array, 3), strict=True))
        blocks[derived] = -blocks[source]
        wanted[name] = np.concatenate([blocks[number] for number in range(4)])
    plain.load_state_dict(wanted)
    y, state = lstm(x)
    other, plain_state = plain(x)
    np.testing.assert_allclose(y, other, atol=1e-6)
    np.testing.assert_allclose(state.c, plain_state.c, atol=1e-6)

    gradients = lstm.backward(lstm.forward(x, training=True)[2], y).parameters
    plain_gradients = plain.backward(plain.forward(x, training=True)[2], y).parameters
    for name, array in plain_gradients.items():
        parts = np.split(array, 4)
        parts[source] = parts[source] - parts[derived]
        same = np.concatenate([parts[number] for number in left])
        np.testing.assert_allclose(gradients[name], same, atol=2e-5)


def test_coupled_gates_have_names_shapes_and_a_forget_bias_of_their_own() -> None:
    lstm, x = lstm_of(coupled="input"), uniform((5, 2, 3))
    biased = lstm_of(coupled="input", forget_bias=2.0)
    added = biased.state_dict()["bias_ih_l0"] - lstm.state_dict()["bias_ih_l0"]
    np.testing.assert_allclose(added, [2] * 4 + [0] * 8, atol=1e-6)
    with pytest.raises(bl.ArgumentError) as caught:
        lstm.load_state_dict(lstm_of().state_dict())
    assert [issue.code for issue in caught.value.issues] == [codes.SIZE_MISMATCH] * 4
    functions = {"forget": "hard_sigmoid", "output": "hard_sigmoid"}
    made = lstm_of(coupled="input", activations=functions)
    wanted = computed(made._stored(), x)[0]
    np.testing.assert_allclose(made(x)[0], wanted, atol=1e-6)
    again = bl.LSTM.from_layer_parameters(made.layer_parameters(x))
    assert again.config == made.config


def test_tapes_of_copies_are_those_of_coupled_weights() -> None:
    lstm, x = lstm_of(coupled="input"), uniform((5, 2, 3))
    y, _, tape = lstm.forward(x, training=True)
    found = copy.deepcopy(lstm).backward(pickle.loads(pickle.dumps(tape)), y)
    np.testing.assert_array_equal(found.input, lstm.backward(tape, y).input)


def test_no_step_changes_no_state() -> None:
    lstm = lstm_of(cell_clip=0.25, direction="reverse")
    h, c = uniform((2, 1, 2, 4))
    y, state = lstm(np.zeros((0, 2, 3), np.float32), (h, c))
    assert y.shape == (0, 2, 4)
    np.testing.assert_array_equal(state.c, c)


@every_variant
@pytest.mark.parametrize("write", [write_state_dict, write_keras])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_formats_without_variants_refuse_them_by_name(
    write: Any, words: dict[str, Any], num_layers: int, tmp_path: Path
) -> None:
    save_lstm(tmp_path / "lstm", lstm_of(num_layers=num_layers, **words)._stored())
    stored = load_lstm(tmp_path / "lstm")
    # One layer that reads backwards is one with `go_backwards` in Keras.
    is_said = write is write_keras and num_layers == 1
    lacks = [name for name in words if not (is_said and name == "direction")]
    if not lacks:
        assert len(write(stored)) == 1
        return
    with pytest.raises(bl.WeightsError) as caught:
        write(stored)
    wanted = [(name, codes.NOT_EXPRESSIBLE) for name in lacks]
    assert [(issue.path, issue.code) for issue in caught.value.issues] == wanted
