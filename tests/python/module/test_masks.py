"""Masks: padding before and after, against lengths of samples that were moved by hand."""

from __future__ import annotations

import pickle
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Array

MERGES = ("concat", "sum", "ave", "mul", None)
# Steps of four samples of six: padding after, before, both and nothing else.
STARTS, COUNTS = np.array([0, 2, 1, 0]), np.array([4, 4, 3, 0])
REAL = (np.arange(6)[:, None] >= STARTS) & (np.arange(6)[:, None] < STARTS + COUNTS)


def moved(by_step: Array, starts: Array, counts: Array, *, back: bool = False) -> Array:
    """Each sample's real steps at its beginning, or back in their places; 0 elsewhere."""
    found = np.zeros_like(by_step)
    for sample, (start, count) in enumerate(zip(starts, counts, strict=True)):
        inside, first = slice(start, start + count), slice(count)
        to, of = (inside, first) if back else (first, inside)
        found[to, sample] = by_step[of, sample]
    return found


def each(y: Any, change: Any) -> Any:
    """An output with something done to each of its arrays."""
    return tuple(change(part) for part in y) if isinstance(y, tuple) else change(y)


def assert_equal(found: Any, wanted: Any) -> None:
    for one, other in zip(each(found, lambda a: a), each(wanted, lambda a: a), strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=100, deadline=None)
@given(
    data=st.data(),
    merge=st.sampled_from(MERGES),
    num_layers=st.integers(1, 2),
    form=st.sampled_from(["steps first", "batch first", "without a batch"]),
    has_state=st.booleans(),
    proj_size=st.sampled_from([0, 2]),
)
def test_a_mask_is_lengths_of_samples_that_were_moved(
    data: Any, merge: Any, num_layers: int, form: str, has_state: bool, proj_size: int
) -> None:
    is_first = form == "batch first"
    lstm = bl.LSTM(
        3, 4, num_layers, bidirectional=merge != "concat" or data.draw(st.booleans()),
        merge=merge, batch_first=is_first, seed=1, proj_size=proj_size,
    )  # fmt: skip
    words: dict[str, Any] = {"bidirectional": lstm.config.bidirectional, "merge": merge}
    plain, width = bl.LSTM(3, 4, num_layers, proj_size=proj_size, seed=1, **words), proj_size or 4
    steps, rows = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 4))
    rows = 1 if form == "without a batch" else rows
    counts = np.array(data.draw(st.lists(st.integers(0, steps), min_size=rows, max_size=rows)))
    starts = np.array([data.draw(st.integers(0, int(steps - count))) for count in counts])
    place = np.arange(steps)[:, None]
    real = (place >= starts) & (place < starts + counts)
    random = np.random.default_rng(data.draw(st.integers(0, 9)))

    def drawn(*shape: int) -> Array:
        return random.uniform(-1, 1, shape).astype(np.float32)

    def as_given(by_step: Array) -> Array:
        if form == "without a batch":
            return by_step[:, 0]
        return by_step.swapaxes(0, 1) if is_first else by_step

    def as_state(pair: Any) -> Any:
        return tuple(part[:, 0] if form == "without a batch" else part for part in pair)

    x = drawn(steps, rows, 3)
    x[~real] = np.nan  # nothing of it may be read
    stack = num_layers * lstm.config.directions
    state = (drawn(stack, rows, width), drawn(stack, rows, 4)) if has_state else None
    other = None if state is None else as_state(state)
    by_hand = moved(x, starts, counts)

    def in_place(by_step: Array) -> Array:
        return as_given(moved(by_step, starts, counts, back=True))

    words = {"mask": as_given(real)}
    y, final, cells = lstm(as_given(x), other, **words, return_cell_states=True)
    wanted = plain(by_hand, state, lengths=counts, return_cell_states=True)
    assert_equal(y, each(wanted[0], in_place))
    assert_equal(tuple(final), as_state(wanted[1]))
    assert_equal(cells, in_place(wanted[2]))
    assert_equal(lstm(as_given(x), other, **words)[0], y)
    target = each(y, lambda part: np.full_like(part, np.nan))
    assert_equal(lstm(as_given(x), other, **words, out=target)[0], y)
    assert_equal(target, y)

    _, _, tape = lstm.forward(as_given(x), other, **words, training=True)
    _, _, same = plain.forward(by_hand, state, lengths=counts, training=True)
    dy = each(wanted[0], lambda part: drawn(*part.shape))
    d_state = (drawn(stack, rows, width), drawn(stack, rows, 4))

    def incoming(by_step: Array) -> Array:
        found = moved(by_step, starts, counts, back=True)
        found[~real] = np.nan  # counts for nothing
        return as_given(found)

    found = lstm.backward(tape, each(dy, incoming), as_state(d_state))
    gradients = plain.backward(same, dy, d_state)
    assert_equal(found.input, in_place(gradients.input))
    assert_equal(tuple(found.state), as_state(gradients.state))
    assert found.parameters.keys() == gradients.parameters.keys()
    for name, gradient in gradients.parameters.items():
        np.testing.assert_array_equal(found.parameters[name], gradient)


def example() -> tuple[bl.LSTM, Array]:
    lstm = bl.LSTM(3, 5, bidirectional=True, seed=1)
    return lstm, np.random.default_rng(2).uniform(-1, 1, (6, 4, 3)).astype(np.float32)


def test_masks_of_whole_numbers_lists_and_tensors_of_numpy() -> None:
    lstm, x = example()
    y, state = lstm(x, mask=REAL)
    assert (y[REAL] != 0).all()
    assert not y[~REAL].any()
    for mask in (REAL.astype(np.int64), REAL.tolist(), np.asfortranarray(REAL), memoryview(REAL)):
        again, other = lstm(x, mask=mask)
        assert_equal(again, y)
        assert_equal(tuple(other), tuple(state))
    alone, _ = lstm(x[2:, 1])
    np.testing.assert_array_equal(y[2:, 1], alone)


def test_padding_at_the_end_alone_is_lengths_and_moves_nothing() -> None:
    lstm, x = example()
    mask = np.arange(6)[:, None] < [6, 4, 2, 1]
    assert_equal(lstm(x, mask=mask)[0], lstm(x, lengths=[6, 4, 2, 1])[0])
    _, _, tape = lstm.forward(x, mask=mask, training=True)
    assert tape.starts is None
    assert tape.order is None
    assert_equal(lstm(x, mask=np.ones((6, 4), np.bool_))[0], lstm(x)[0])


def test_a_tape_keeps_where_samples_began() -> None:
    lstm, x = example()
    y, _, tape = lstm.forward(x, mask=REAL, training=True)
    gradients = lstm.backward(pickle.loads(pickle.dumps(tape)), np.ones_like(y))
    np.testing.assert_array_equal(gradients.input != 0, np.repeat(REAL[..., None], 3, -1))
    direction = np.random.default_rng(4).uniform(-1, 1, x.shape).astype(np.float32)
    step = np.float32(2**-6)
    high, low = (lstm(x + s * step * direction, mask=REAL)[0].sum(dtype="f8") for s in (1, -1))
    slope = (high - low) / 2**-5
    assert abs(float((gradients.input * direction).sum()) - slope) < 3e-3
    assert abs(slope) > 0.01


def test_gaps_are_named_with_their_sample_and_step() -> None:
    lstm, x = example()
    mask = REAL.copy()
    mask[3, 1] = mask[2, 2] = False
    with pytest.raises(bl.ArgumentError) as caught:
        lstm(x, mask=mask)
    found = [(issue.path, issue.actual) for issue in caught.value.issues]
    assert found == [("mask[3, 1]", "a gap in sample 1"), ("mask[2, 2]", "a gap in sample 2")]
    first = bl.LSTM(3, 5, batch_first=True)
    with pytest.raises(bl.ArgumentError) as caught:
        first(x.swapaxes(0, 1), mask=mask.T)
    assert [issue.path for issue in caught.value.issues] == ["mask[1, 3]", "mask[2, 2]"]
    everywhere = np.tile(np.array([True, False, True])[:, None], (1, 100))
    with pytest.raises(bl.ArgumentError) as caught:
        lstm(np.zeros((3, 100, 3), np.float32), mask=everywhere)
    assert len(caught.value.issues) == 20


def test_a_mask_with_lengths_or_of_another_shape_is_refused_with_all_else() -> None:
    lstm, x = example()
    for words, paths in (
        ({"mask": REAL, "lengths": [1, 1, 1, 1]}, ["mask"]),
        ({"mask": REAL[1:], "state": 3}, ["state", "mask"]),
        ({"mask": REAL[..., None]}, ["mask"]),
        ({"mask": np.where(REAL, 0.0, -np.inf)}, ["mask"]),
        ({"mask": REAL * 2 - 1}, [f"mask[{i}, {j}]" for i, j in np.argwhere(~REAL)]),
        ({"mask": "yes"}, ["mask"]),
    ):
        with pytest.raises(bl.ArgumentError) as caught:
            lstm(x, **words)
        assert [issue.path for issue in caught.value.issues] == paths


@settings(max_examples=150, deadline=None)
@given(data=st.data(), is_first=st.booleans())
def test_any_mask_is_taken_or_its_first_gaps_are_named(data: Any, is_first: bool) -> None:
    steps, rows = data.draw(st.integers(0, 6)), data.draw(st.integers(0, 3))
    bits = data.draw(st.lists(st.booleans(), min_size=steps * rows, max_size=steps * rows))
    real = np.array(bits, np.bool_).reshape(steps, rows)
    wanted = []
    for sample in range(rows):
        places = [step for step in range(steps) if real[step, sample]]
        inside = range(places[0], places[-1]) if places else ()
        missing = [step for step in inside if step not in places]
        if missing:
            place = (sample, missing[0]) if is_first else (missing[0], sample)
            wanted.append("mask[{}, {}]".format(*place))
    lstm = bl.LSTM(2, 3, batch_first=is_first, seed=0)
    x, mask = (np.ones((rows, steps, 2), np.float32), real.T) if is_first else (
        np.ones((steps, rows, 2), np.float32), real
    )  # fmt: skip
    found = []
    try:
        y, _ = lstm(x, mask=mask)
        np.testing.assert_array_equal((y != 0).any(-1), mask)
    except bl.ArgumentError as error:
        found = [issue.path for issue in error.issues]
    assert found == wanted
