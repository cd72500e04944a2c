"""What becomes of the two directions of the last layer: against the plain output, forward and backward."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Array

MERGES = ("sum", "ave", "mul", None)
WORDS = {"bidirectional": True, "seed": 1}


def pair_of(merge: Any, **words: Any) -> tuple[bl.LSTM, bl.LSTM]:
    """An LSTM, and one that differs from it by giving both directions side by side."""
    return bl.LSTM(3, 4, merge=merge, **WORDS, **words), bl.LSTM(3, 4, **WORDS, **words)


def wanted(merge: Any, y: Array) -> Array | tuple[Array, ...]:
    """What is said of each `merge`, of an output whose last axis holds both directions."""
    forward, backward = np.split(y, 2, axis=-1)
    made: dict[Any, Any] = {
        "sum": forward + backward, "ave": (forward + backward) / 2, "mul": forward * backward,
        None: (forward, backward),
    }  # fmt: skip
    found: Array | tuple[Array, ...] = made[merge]
    return found


def as_parts(y: Any) -> tuple[Array, ...]:
    return y if isinstance(y, tuple) else (y,)


def assert_equal(found: Any, other: Any) -> None:
    assert type(found) is type(other)
    for one, two in zip(as_parts(found), as_parts(other), strict=True):
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, two)


calls = st.fixed_dictionaries(
    {
        "merge": st.sampled_from(MERGES),
        "num_layers": st.integers(1, 2),
        "batch_first": st.booleans(),
        "peephole": st.sampled_from([None, "diagonal"]),
        "proj_size": st.sampled_from([0, 0, 2, 4]),
    }
)


@settings(max_examples=60, deadline=None)
@given(call=calls, is_batched=st.booleans(), has_lengths=st.booleans(), data=st.data())
def test_calls_and_gradients_are_those_of_both_directions(
    call: dict[str, Any], is_batched: bool, has_lengths: bool, data: Any
) -> None:
    merge = call["merge"]
    lstm, plain = pair_of(**call)
    random = np.random.default_rng(data.draw(st.integers(0, 9)))
    steps, rows = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 3))
    shape = (rows, steps, 3) if call["batch_first"] else (steps, rows, 3)
    x = random.uniform(-1, 1, shape if is_batched else (steps, 3)).astype(np.float32)
    lengths = None
    if has_lengths:
        lengths = data.draw(st.lists(st.integers(0, steps), min_size=rows, max_size=rows))
        lengths = [steps, *lengths[1:]] if is_batched else [steps]
    y, state = lstm(x, lengths=lengths)
    both, other = plain(x, lengths=lengths)
    assert_equal(y, wanted(merge, both))
    assert_equal(tuple(state), tuple(other))
    y, state, cells = lstm(x, lengths=lengths, return_cell_states=True)
    assert_equal(y, wanted(merge, both))
    np.testing.assert_array_equal(cells, plain(x, lengths=lengths, return_cell_states=True)[2])

    y, state, tape = lstm.forward(x, lengths=lengths, training=True, dropout_seed=0)
    _, _, plain_tape = plain.forward(x, lengths=lengths, training=True, dropout_seed=0)
    parts = tuple(random.uniform(-1, 1, part.shape).astype(np.float32) for part in as_parts(y))
    d_state = tuple(random.uniform(-1, 1, part.shape).astype(np.float32) for part in state)
    found = lstm.backward(tape, parts[0] if len(parts) == 1 else parts, d_state)
    halves = {
        "sum": (parts[0], parts[0]), "ave": (parts[0] / 2, parts[0] / 2), None: parts,
        "mul": tuple(parts[0] * part for part in wanted(None, both)[::-1]),
    }[merge]  # fmt: skip
    same = plain.backward(plain_tape, np.concatenate(halves, -1), d_state)
    assert_equal(found.input, same.input)
    assert_equal(tuple(found.state), tuple(same.state))
    for name, gradient in same.parameters.items():
        np.testing.assert_array_equal(found.parameters[name], gradient)


@pytest.mark.parametrize("merge", MERGES)
def test_gradients_are_slopes(merge: Any) -> None:
    lstm, _ = pair_of(merge)
    random = np.random.default_rng(3)
    x, direction = random.uniform(-1, 1, (2, 5, 2, 3)).astype(np.float32)
    y, _, tape = lstm.forward(x, training=True)
    dy = tuple(random.uniform(-1, 1, part.shape).astype(np.float32) for part in as_parts(y))
    found = lstm.backward(tape, dy[0] if len(dy) == 1 else dy)

    def loss(at: Array) -> float:
        parts = as_parts(lstm(at)[0])
        return sum(float(np.sum(a * b, dtype="f8")) for a, b in zip(parts, dy, strict=True))

    step = np.float32(2**-6)
    slope = (loss(x + step * direction) - loss(x - step * direction)) / 2**-5
    assert abs(float(np.sum(found.input * direction)) - slope) < 2e-3
    assert abs(slope) > 0.01


def test_the_output_goes_where_it_is_wanted() -> None:
    x = np.random.default_rng(2).uniform(-1, 1, (2, 5, 3)).astype(np.float32)
    for merge in ("sum", "ave", "mul"):
        lstm, plain = pair_of(merge, batch_first=True)
        out = np.full((2, 5, 4), np.nan, np.float32)
        assert lstm(x, out=out)[0] is out
        assert_equal(out, wanted(merge, plain(x)[0]))
        assert lstm.forward(x, training=True, out=out)[0] is out
    lstm, plain = pair_of(None, batch_first=True)
    both = np.full((2, 5, 8), np.nan, np.float32)
    halves = both[..., ::2], both[..., 1::2]  # in one memory, side by side
    y, _ = lstm(x, out=halves)
    assert y[0] is halves[0]
    assert y[1] is halves[1]
    assert_equal(y, wanted(None, plain(x)[0]))


def test_layers_below_keep_both_directions_and_sizes_say_so() -> None:
    lstm, plain = pair_of("sum", num_layers=2)
    assert lstm.parameters["weight_ih_l1"].shape == (16, 8)
    assert lstm.state_dict().keys() == plain.state_dict().keys()
    assert (lstm.config.output_size, lstm.config.layer_size) == (4, 8)
    assert (plain.config.output_size, plain.config.layer_size) == (8, 8)
    assert pair_of(None)[0].config.output_size == 4


@pytest.mark.parametrize("merge", MERGES)
def test_copies_and_pickles_merge_the_same(merge: Any) -> None:
    lstm, plain = pair_of(merge)
    x = np.random.default_rng(2).uniform(-1, 1, (5, 2, 3)).astype(np.float32)
    for other in (copy.deepcopy(lstm), copy.copy(lstm), pickle.loads(pickle.dumps(lstm))):
        assert other.config == lstm.config
        assert_equal(other(x)[0], lstm(x)[0])
    assert lstm.config != plain.config
    assert repr(lstm) == f"LSTM(3, 4, bidirectional=True, merge={merge!r})"
    state = lstm.__getstate__()
    del state["config"]["merge"]  # as of a version that had no such field
    old = bl.LSTM.__new__(bl.LSTM)
    old.__setstate__(state)
    assert_equal(old(x)[0], plain(x)[0])


def test_infinities_are_results_without_a_warning() -> None:
    for merge in ("sum", "mul"):
        lstm, _ = pair_of(merge, activations={"hidden": "identity", "candidate": "identity"})
        x = np.full((40, 1, 3), 1e38, np.float32)
        y, _, tape = lstm.forward(x, training=True)
        assert not np.isfinite(y).all()
        lstm.backward(tape, np.full_like(y, 3e38))


def test_gradients_of_a_pair_are_a_pair() -> None:
    lstm, _ = pair_of(None)
    x = np.zeros((5, 2, 3), np.float32)
    y, _, tape = lstm.forward(x, training=True)
    for dy, paths in (
        (np.zeros((5, 2, 8), np.float32), ["dy"]),
        ((y[0],), ["dy"]),
        ((y[0], None), ["dy[1]"]),
        ((y[0][1:], y[1].astype("f8")), ["dy[0]", "dy[1]"]),
    ):
        with pytest.raises(bl.ArgumentError) as caught:
            lstm.backward(tape, dy)
        assert [issue.path for issue in caught.value.issues] == paths


def test_a_merge_that_cannot_be_is_named_once() -> None:
    for words, paths in (
        ({"merge": "sum"}, ["merge"]),
        ({"merge": None}, ["merge"]),
        ({"merge": "max", "bidirectional": True}, ["merge"]),
        ({"merge": 2}, ["merge"]),
        ({"merge": "sum", "bidirectional": "yes"}, ["bidirectional"]),
    ):
        with pytest.raises(bl.ArgumentError) as caught:
            bl.LSTM(3, 4, **words)  # type: ignore[arg-type]
        assert [issue.path for issue in caught.value.issues] == paths
