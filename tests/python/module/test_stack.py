"""Stacks of LSTMs that differ: to the bit what calling one after the other gives."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Array
from stacks import assert_equal, one_after_the_other, random_stack, random_states

STEPS, ROWS = 5, 3


def x_of(stack: bl.Stack, random: np.random.Generator, kind: str) -> Array:
    config = stack.configs[0]
    axes = (ROWS, STEPS) if config.batch_first else (STEPS, ROWS)
    shape = (STEPS,) if kind == "unbatched" else axes
    return random.uniform(-1, 1, (*shape, config.input_size)).astype(np.float32)


def mask_of(stack: bl.Stack, lengths: Array, starts: Array) -> Array:
    step = np.arange(STEPS)[:, np.newaxis]
    mask = (step >= starts) & (step < starts + lengths)
    return mask.T if stack.configs[0].batch_first else mask


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(["plain", "unbatched", "lengths", "mask", "none"]),
    is_given=st.booleans(),
)
def test_a_call_gives_the_bits_of_calling_one_after_the_other(
    seed: int, kind: str, is_given: bool
) -> None:
    stack, random = random_stack(seed)
    x = x_of(stack, random, kind)
    state = None
    if is_given:
        state = random_states(stack, None if kind == "unbatched" else ROWS, random)
    words: dict[str, Any] = {}
    lengths = random.integers(0, STEPS + 1, ROWS)
    if kind == "lengths":
        words["lengths"] = lengths
    elif kind == "mask":
        words["mask"] = mask_of(stack, lengths, random.integers(0, STEPS + 1 - lengths))
    elif kind == "none":
        words["lengths"] = [0] * ROWS
    wanted = one_after_the_other(stack, x, state, **words)
    for _ in range(2):  # the second one finds prepared layers
        assert_equal(stack(x, state, **words), wanted)
    assert_equal(stack.forward(x, state, **words), wanted)


@pytest.mark.parametrize("merge", ["concat", "mul", None])
def test_out_and_cell_states_are_those_of_the_last_one(merge: Any) -> None:
    stack = bl.Stack([
        bl.LSTM(3, 5, 2, seed=0), bl.LSTM(5, 4, bidirectional=True, merge=merge, seed=1),
    ])  # fmt: skip
    x = np.random.default_rng(0).uniform(-1, 1, (5, 2, 3)).astype(np.float32)
    low, first = stack.lstms[0](x, lengths=[5, 2])
    y, second, cells = stack.lstms[1](low, lengths=[5, 2], return_cell_states=True)
    found = stack(x, lengths=[5, 2], return_cell_states=True)
    assert_equal(found, (y, (first, second), cells))
    assert cells.shape == (5, 2, 8)
    target = tuple(map(np.zeros_like, y)) if merge is None else np.zeros_like(y)
    given = stack(x, lengths=[5, 2], out=target)[0]
    assert all(one is other for one, other in zip(given, target, strict=True)) or given is target
    assert_equal(target, y)


def test_a_frequent_call_takes_the_short_way_with_the_same_bits() -> None:
    stack = bl.Stack([bl.LSTM(3, 5, seed=0), bl.LSTM(5, 4, seed=1)])
    x = np.random.default_rng(0).uniform(-1, 1, (5, 2, 3)).astype(np.float32)
    assert stack._quick(x, None) is None  # nothing is prepared yet
    y, state = stack(x)
    quick = stack._quick(x, None)
    assert quick is not None
    assert_equal(quick, (y, state))
    assert_equal(stack._quick(x, state), one_after_the_other(stack, x, state))
    assert stack._quick(x, list(state)) is None
    stack.parameters["0.bias_hh_l0"] += 1  # seen by the short way, too
    assert_equal(stack(x), one_after_the_other(stack, x))
    assert not np.array_equal(stack(x)[0], y)


def test_threads_may_call_a_stack_at_the_same_time() -> None:
    stack = bl.Stack([bl.LSTM(3, 5, seed=0), bl.LSTM(5, 4, bidirectional=True, seed=1)])
    random = np.random.default_rng(0)
    inputs = [random.uniform(-1, 1, (5, 2, 3)).astype(np.float32) for _ in range(8)]
    wanted = [one_after_the_other(stack, x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            for found, one in zip(pool.map(stack, inputs), wanted, strict=True):
                assert_equal(found, one)


def test_a_packed_sequence_is_taken_as_by_an_lstm() -> None:
    class Packed:
        data = np.random.default_rng(0).uniform(-1, 1, (6, 3)).astype(np.float32)
        batch_sizes = np.array([2, 2, 1, 1])
        sorted_indices = unsorted_indices = np.array([1, 0])

    stack = bl.Stack([
        bl.LSTM(3, 5, bidirectional=True, seed=0), bl.LSTM(10, 4, bidirectional=True, seed=1),
    ])  # fmt: skip
    low, first = stack.lstms[0](Packed())
    y, second = stack.lstms[1](low, lengths=[2, 4])
    assert_equal(stack(Packed()), (y, (first, second)))
    with pytest.raises(bl.ArgumentError, match="lengths: expected None with a PackedSequence"):
        stack(Packed(), lengths=[2, 4])


@pytest.mark.parametrize("shape", [(0, 2, 3), (5, 0, 3), (0, 3)])
def test_a_call_with_nothing_to_do_keeps_the_states(shape: tuple[int, ...]) -> None:
    stack = bl.Stack([bl.LSTM(3, 5, seed=0), bl.LSTM(5, 4, bidirectional=True, seed=1)])
    x = np.zeros(shape, np.float32)
    rows = (*shape[1:-1],)
    state = [(np.full((n, *rows, h), 0.5, np.float32),) * 2 for n, h in ((1, 5), (2, 4))]
    y, final = stack(x, state)
    assert y.shape == (*shape[:-1], 8)
    assert_equal(final, tuple(state))
    _, _, tape = stack.forward(x, state, training=True)
    gradients = stack.backward(tape, y, state)
    assert gradients.input.shape == shape
    assert_equal(gradients.state, tuple(state))
    assert not any(array.any() for array in gradients.parameters.values())


def test_types_are_converted_by_the_lowest_one_and_states_by_their_own() -> None:
    plain = bl.Stack([bl.LSTM(3, 5, seed=0), bl.LSTM(5, 4, seed=1)])
    stack = bl.Stack([bl.LSTM(3, 5, seed=0, convert=True), bl.LSTM(5, 4, seed=1)])
    x = np.random.default_rng(0).uniform(-1, 1, (5, 2, 3)).astype(np.float32)
    _, state = plain(x)
    wide = [(h.astype("f8"), c.astype("f8")) for h, c in state]
    assert_equal(stack(x.astype("f8"), [wide[0], state[1]]), plain(x, state))
    with pytest.raises(bl.ArgumentError) as caught:
        stack(x.astype("f8"), wide)
    assert [issue.path for issue in caught.value.issues] == ["state[1].h", "state[1].c"]


def example() -> tuple[bl.Stack, Array]:
    stack = bl.Stack([
        bl.LSTM(3, 5, bidirectional=True, merge="sum", peephole="full", seed=0),
        bl.LSTM(5, 4, 2, bias=False, dropout=0.5, seed=1),
    ])  # fmt: skip
    return stack, np.random.default_rng(0).uniform(-1, 1, (5, 2, 3)).astype(np.float32)


def test_weights_have_the_names_of_a_sequential_of_pytorch() -> None:
    stack, x = example()
    names = [*(f"0.{name}" for name in stack.lstms[0].state_dict()),
             *(f"1.{name}" for name in stack.lstms[1].state_dict())]  # fmt: skip
    assert list(stack.state_dict()) == list(stack.parameters) == names
    assert names[0] == "0.weight_ih_l0"
    assert names[-1] == "1.weight_hh_l1"
    before = stack(x)[0]
    stack.parameters["1.weight_ih_l0"] *= 2
    changed = stack(x)[0]
    assert not np.array_equal(changed, before)
    lower, upper = stack.lstms
    upper.parameters["weight_ih_l0"] /= 2  # the same memory
    np.testing.assert_array_equal(stack(x)[0], before)
    view = lower.parameters["weight_hh_l0"]
    stack(x)
    view *= 2
    np.testing.assert_array_equal(stack(x)[0], before)
    stack.update()
    assert not np.array_equal(stack(x)[0], before)


def test_state_dicts_are_taken_whole_or_not_at_all() -> None:
    stack, x = example()
    other = bl.Stack([
        bl.LSTM(3, 5, bidirectional=True, merge="sum", peephole="full", convert=True),
        bl.LSTM(5, 4, 2, bias=False),
    ])  # fmt: skip
    stored = stack.state_dict()
    other.load_state_dict(stored)
    assert_equal(other.state_dict(), stored)
    assert_equal(other(x)[0], stack(x)[0])
    stored["0.weight_hh_l0"] = stored["0.weight_hh_l0"].astype("f8")
    other.load_state_dict(stored)  # the lower one converts
    before = other.state_dict()
    wrong: dict[Any, Any] = {name: np.full_like(array, 9) for name, array in stored.items()}
    wrong["1.weight_hh_l1"] = wrong["1.weight_hh_l1"].astype("f8")  # the upper one does not
    wrong["1.weight_ih_l0"] = wrong["1.weight_ih_l0"][:, :2]
    wrong["weight_ih_l0"] = wrong.pop("0.weight_ih_l0")
    with pytest.raises(bl.ArgumentError) as caught:
        other.load_state_dict(wrong)
    assert {issue.path: issue.code for issue in caught.value.issues} == {
        "0.weight_ih_l0": bl.codes.MISSING_ENTRY,
        "1.weight_ih_l0": bl.codes.SIZE_MISMATCH,
        "1.weight_hh_l1": bl.codes.UNSUPPORTED_DATA_TYPE,
        "weight_ih_l0": bl.codes.UNEXPECTED_ENTRY,
    }
    assert_equal(other.state_dict(), before)


@pytest.mark.parametrize(
    "way", [copy.copy, copy.deepcopy, lambda stack: pickle.loads(pickle.dumps(stack))]
)
def test_copies_and_pickles_have_weights_of_their_own(way: Any) -> None:
    stack, x = example()
    stack.lstms[1].initial_state = stack(x)[1][1]
    found = way(stack)
    assert found.configs == stack.configs
    assert repr(found) == repr(stack)
    assert_equal(found.initial_state[1], stack.initial_state[1])  # type: ignore[index]
    assert_equal(found(x), stack(x))
    assert_equal(found.forward(x, training=True)[0], stack.forward(x, training=True)[0])
    wanted = stack(x)[0]
    found.parameters["0.weight_ih_l0"] *= 2
    assert not np.array_equal(found(x)[0], wanted)
    np.testing.assert_array_equal(stack(x)[0], wanted)


def test_a_repr_shows_how_a_stack_is_made() -> None:
    stack, _ = example()
    assert repr(stack) == (
        "Stack([LSTM(3, 5, bidirectional=True, peephole='full', merge='sum'), "
        "LSTM(5, 4, 2, bias=False, dropout=0.5)])"
    )


def test_initial_states_of_models_can_be_given_as_they_are() -> None:
    stack, x = example()
    assert stack.initial_state is None
    _, states = stack(x)
    stack.lstms[1].initial_state = states[1]
    assert stack.initial_state is not None
    assert stack.initial_state[0] is None
    assert_equal(stack(x, stack.initial_state), one_after_the_other(stack, x, (None, states[1])))
