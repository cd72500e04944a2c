"""PyTorch's PackedSequence as an input, known by its attributes; PyTorch itself where it is installed."""

from __future__ import annotations

from typing import Any, NamedTuple

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm import codes
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Array


class Packed(NamedTuple):
    """What has the attributes of PyTorch's class."""

    data: Any
    batch_sizes: Any
    sorted_indices: Any = None
    unsorted_indices: Any = None


class Tensor:
    """What PyTorch's tensor of another device has: no way to NumPy but this one."""

    def __init__(self, array: Any) -> None:
        self.array = np.asarray(array)
        self.dtype = self.array.dtype

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> Any:
        return self.array


def packed(by_step: Array, lengths: list[int], *, is_sorted: bool = False) -> Packed:
    """As `pack_padded_sequence` packs `[steps, batch, values]`; written from its documentation."""
    order = sorted(range(len(lengths)), key=lambda sample: -lengths[sample])
    rows, sizes = [], []
    for step in range(max(lengths)):
        running = [sample for sample in order if lengths[sample] > step]
        rows += [by_step[step, sample] for sample in running]
        sizes.append(len(running))
    if is_sorted:
        assert order == list(range(len(lengths)))
        return Packed(np.array(rows, np.float32), np.array(sizes))
    back = [order.index(sample) for sample in range(len(lengths))]
    return Packed(np.array(rows, np.float32), np.array(sizes), np.array(order), np.array(back))


def assert_same(found: Any, wanted: Any) -> None:
    """Output and states, one and all."""
    parts = [each if isinstance(each, tuple) else (each,) for each in (*found, *wanted)]
    half = len(parts) // 2
    for ours, theirs in zip(parts[:half], parts[half:], strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    config=st.fixed_dictionaries(
        {
            "batch_first": st.booleans(),
            "merge": st.sampled_from(["concat", "mul", None]),
            "proj_size": st.sampled_from([0, 3]),
        }
    ),
    seed=st.integers(0, 9),
    form=st.sampled_from(["sorted", "as given", "tensors"]),
)
def test_a_packed_sequence_is_the_padded_array_with_its_lengths(
    lengths: list[int], config: dict[str, Any], seed: int, form: str
) -> None:
    lengths = sorted(lengths, reverse=True) if form == "sorted" else lengths
    lstm = bl.LSTM(3, 4, 2, bidirectional=True, seed=1, **config)
    random = np.random.default_rng(seed)
    by_step = random.uniform(-1, 1, (max(lengths), len(lengths), 3)).astype(np.float32)
    given = packed(by_step, lengths, is_sorted=form == "sorted")
    if form == "tensors":
        given = Packed(given.data, *(Tensor(part) for part in given[1:]))
    x = by_step.swapaxes(0, 1) if config["batch_first"] else by_step
    h, c = random.uniform(-1, 1, (2, 4, len(lengths), 4)).astype(np.float32)
    state = bl.LSTMState(h[..., : lstm.config.outputs], c)
    words: dict[str, Any] = {"return_cell_states": True}
    assert_same(lstm(given, state, **words), lstm(x, state, lengths=lengths, **words))
    y, final, tape = lstm.forward(given, state, training=True)
    *wanted, other = lstm.forward(x, state, lengths=lengths, training=True)
    assert_same((y, final), wanted)
    dy = tuple(np.ones_like(part) for part in y) if isinstance(y, tuple) else np.ones_like(y)
    found, same = lstm.backward(tape, dy), lstm.backward(other, dy)
    assert found.input.shape == x.shape  # the gradient of the padded array
    assert_same((found.input, found.state), (same.input, same.state))


def test_the_structure_of_a_packed_sequence_has_its_lengths() -> None:
    lstm = bl.LSTM(3, 4, seed=0)
    by_step = np.random.default_rng(0).normal(size=(5, 3, 3)).astype(np.float32)
    params: Any = lstm.layer_parameters(packed(by_step, [2, 5, 3]))
    np.testing.assert_array_equal(params.sequence_descriptor, [3, 3, 2, 1, 1])
    np.testing.assert_array_equal(params.input_descriptor.data_desc[:2, 2], by_step[:2, 0])
    np.testing.assert_array_equal(params.input_descriptor.data_desc[:, 0], by_step[:, 1])


def test_nothing_packed_is_nothing_to_do() -> None:
    nothing = Packed(np.zeros((0, 3), np.float32), np.zeros(0, np.int64))
    y, state = bl.LSTM(3, 4, seed=0)(nothing)
    assert y.shape == (0, 0, 4)
    assert state.h.shape == (1, 0, 4)


DATA, SIZES = np.zeros((5, 3), np.float32), np.array([3, 2])
ORDER, BACK = np.array([2, 0, 1]), np.array([1, 2, 0])


class RaisingData:
    batch_sizes, sorted_indices, unsorted_indices = SIZES, None, None

    @property
    def data(self) -> Any:
        raise ZeroDivisionError("boom")


# What is given, the paths of the findings, and the code of the first.
BAD: dict[str, tuple[Any, list[str], str]] = {
    "no data": (Packed(None, SIZES), ["x.data"], codes.WRONG_TYPE),
    "raising": (RaisingData(), ["x"], codes.WRONG_TYPE),
    "type": (Packed(DATA.astype("f8"), SIZES), ["x.data"], codes.UNSUPPORTED_DATA_TYPE),
    "width": (Packed(DATA[:, :2], SIZES), ["x.data"], codes.SIZE_MISMATCH),
    "padded": (Packed(DATA[None], SIZES), ["x.data"], codes.SIZE_MISMATCH),
    "no sizes": (Packed(DATA, None), ["x.batch_sizes"], codes.WRONG_TYPE),
    "both": (Packed(DATA[:, :2], SIZES.astype("f4")), ["x.data", "x.batch_sizes"], codes.SIZE_MISMATCH),
    "two axes": (Packed(DATA, SIZES[None]), ["x.batch_sizes"], codes.SIZE_MISMATCH),
    "none at a step": (Packed(DATA, [5, 0]), ["x.batch_sizes[1]"], codes.INVALID_NUMBER),
    "below": (Packed(DATA, [6, -1]), ["x.batch_sizes[0]"], codes.INVALID_NUMBER),
    "huge": (Packed(DATA, np.array([2**64 - 1], np.uint64)), ["x.batch_sizes[0]"], codes.INVALID_NUMBER),
    "increasing": (Packed(DATA, [2, 3]), ["x.batch_sizes[1]"], codes.SEQUENCE_INCREASING),
    "sum": (Packed(DATA, [2, 2]), ["x.batch_sizes"], codes.SIZE_MISMATCH),
    "nothing of something": (Packed(DATA, np.zeros(0, int)), ["x.batch_sizes"], codes.SIZE_MISMATCH),
    "one way": (Packed(DATA, SIZES, ORDER), ["x.unsorted_indices"], codes.WRONG_TYPE),
    "twice": (Packed(DATA, SIZES, [0, 0, 1], BACK), ["x.sorted_indices"], codes.INVALID_NUMBER),
    "negative": (Packed(DATA, SIZES, ORDER - 1, BACK), ["x.sorted_indices"], codes.INVALID_NUMBER),
    "too few": (Packed(DATA, SIZES, ORDER[:2], BACK), ["x.sorted_indices"], codes.SIZE_MISMATCH),
    "another way back": (Packed(DATA, SIZES, ORDER, ORDER), ["x.unsorted_indices"], codes.INVALID_NUMBER),
    "floats": (Packed(DATA, SIZES, ORDER * 1.0, BACK), ["x.sorted_indices"], codes.WRONG_TYPE),
}  # fmt: skip


@pytest.mark.parametrize(("given", "paths", "code"), BAD.values(), ids=BAD.keys())
def test_what_does_not_fit_together_is_refused_by_name(
    given: Any, paths: list[str], code: str
) -> None:
    lstm = bl.LSTM(3, 4, seed=0)
    for call in (lstm, lambda x: lstm.forward(x, training=True)):
        with pytest.raises(bl.ArgumentError) as caught:
            call(given)
        assert [issue.path for issue in caught.value.issues] == paths
        assert caught.value.issues[0].code == code
    assert lstm(Packed(DATA, SIZES, ORDER.astype(np.uint64), BACK))[0].shape == (2, 3, 4)


def test_lengths_and_masks_of_its_own_and_streams_are_refused() -> None:
    lstm = bl.LSTM(3, 4, seed=0)
    given = Packed(DATA, SIZES)
    for words, paths in (
        ({"lengths": [2, 2, 1]}, ["lengths"]),
        ({"mask": np.ones((2, 3), np.bool_)}, ["mask"]),
        ({"lengths": [2, 2, 1], "mask": True, "state": 1}, ["state", "lengths", "mask"]),
    ):
        with pytest.raises(bl.ArgumentError) as caught:
            lstm(given, **words)
        assert [issue.path for issue in caught.value.issues] == paths
    stream = lstm.stream(3)
    for name, call in (("x_t", stream.step), ("chunk", stream.process)):
        with pytest.raises(bl.ArgumentError) as caught:
            call(given)
        assert [issue.path for issue in caught.value.issues] == [name]


def test_other_types_of_data_are_converted_if_that_is_said() -> None:
    by_step = np.random.default_rng(0).normal(size=(5, 3, 3)).astype(np.float32)
    given = packed(by_step, [2, 5, 3])
    wanted = bl.LSTM(3, 4, seed=0)(given)
    wide = given._replace(data=given.data.astype("f8"))
    assert_same(bl.LSTM(3, 4, seed=0, convert=True)(wide), wanted)


@pytest.mark.parametrize("enforce_sorted", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_pytorchs_own_class_gives_what_pytorch_computes(
    batch_first: bool, enforce_sorted: bool
) -> None:
    torch = pytest.importorskip("torch")
    rnn = torch.nn.utils.rnn
    lengths = [5, 3, 3, 1] if enforce_sorted else [3, 1, 5, 3]
    torch.manual_seed(0)
    theirs = torch.nn.LSTM(3, 4, 2, bidirectional=True, batch_first=batch_first)
    ours = bl.LSTM.from_torch(theirs)
    x = torch.randn(*((4, 5) if batch_first else (5, 4)), 3)
    given = rnn.pack_padded_sequence(x, lengths, batch_first, enforce_sorted=enforce_sorted)
    state = (torch.randn(4, 4, 4), torch.randn(4, 4, 4))
    with torch.no_grad():
        out, wanted = theirs(given, state)
        padded, counts = rnn.pad_packed_sequence(out, batch_first=batch_first)
    y, found = ours(given, tuple(part.numpy() for part in state))
    assert counts.tolist() == lengths
    np.testing.assert_allclose(y, padded.numpy(), atol=1e-6)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other.numpy(), atol=1e-6)
