"""`bl.LSTM` at its limits: arrays that no kernel may read, sizes that no memory has, functions that no gate
has, calls from many threads, copies of streams."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from reference import Array

RANDOM = np.random.default_rng(0)
X = RANDOM.uniform(-1, 1, (5, 2, 3)).astype(np.float32)


def lstm_of(**config: Any) -> bl.LSTM:
    return bl.LSTM(3, 4, **({"seed": 0} | config))


def unaligned(array: Array) -> Array:
    moved = np.frombuffer(b"\0" + array.tobytes(), np.uint8)[1:].view(np.float32)
    assert not moved.flags.aligned
    return moved.reshape(array.shape)


def test_unaligned_arrays_give_the_same_bits() -> None:
    lstm = lstm_of()
    y, (h, c) = lstm(X)
    for _ in range(2):  # also where a layer of this shape is prepared
        np.testing.assert_array_equal(lstm(unaligned(X))[0], y)
        again = lstm(X, bl.LSTMState(unaligned(h), unaligned(c)))[0]
        np.testing.assert_array_equal(again, lstm(X, (h, c))[0])
    np.testing.assert_array_equal(lstm.stream(2).process(unaligned(X)), y)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[::-1].copy()[::-1],
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=2)[..., ::2],
        lambda x: x.astype(">f4").astype("=f4"),
    ],
)
def test_arrays_in_any_order(view: Any) -> None:
    np.testing.assert_array_equal(lstm_of()(view(X))[0], lstm_of()(X)[0])


def test_float32_overflow_in_converted_input_is_refused_and_infinity_is_not() -> None:
    lstm = lstm_of(convert=True)
    wide = X.astype(np.float64)
    np.testing.assert_array_equal(lstm(wide)[0], lstm_of()(X)[0])
    wide[0, 0, 0] = 1e300
    with pytest.raises(bl.ArgumentError, match="x: expected numbers within the range of float32"):
        lstm(wide)
    wide[0, 0, 0] = np.inf
    assert np.isfinite(lstm(wide)[0]).all()


@pytest.mark.parametrize("sizes", [(10**9, 10**9), (2**62, 2**62), (2**70, 1), (1, 2**70)])
def test_layer_sizes_that_overflow_memory_are_refused(sizes: tuple[int, int]) -> None:
    with pytest.raises(bl.ComputeError, match=f"input_size={sizes[0]}, hidden_size={sizes[1]}"):
        bl.LSTM(*sizes)


def repeated(steps: int, rows: int) -> Array:
    """An input of many zeros that takes hardly any memory."""
    return np.lib.stride_tricks.as_strided(np.zeros(3, np.float32), (steps, rows, 3), (0, 0, 4))


@pytest.mark.parametrize("rows", [2**50, 2**61])
def test_stream_batch_sizes_that_overflow_memory_are_refused(rows: int) -> None:
    with pytest.raises(bl.ComputeError, match=f"batch_size={rows}: expected arrays that fit"):
        lstm_of().stream(rows)


@pytest.mark.parametrize("config", [{}, {"convert": True}])
@pytest.mark.parametrize(
    "call",
    [
        lambda lstm, x: lstm(x),
        lambda lstm, x: lstm.forward(x, training=True),
        lambda lstm, x: lstm.layer_parameters(x),
        lambda lstm, x: lstm(x, lengths=np.arange(x.shape[1])),
        lambda lstm, x: lstm.forward(x, lengths=np.arange(x.shape[1]), training=True),
    ],
)
def test_input_sizes_that_overflow_memory_are_refused(call: Any, config: dict[str, Any]) -> None:
    lstm = lstm_of(**config)
    with pytest.raises(
        bl.ComputeError, match=r"x: \d+ steps of 4096 samples: expected arrays that"
    ):
        call(lstm, repeated(2**40, 4096))
    lstm(X)  # as before


def test_masks_and_packed_sequences_that_overflow_memory_are_refused() -> None:
    def endless(kind: Any, shape: tuple[int, ...]) -> Any:
        return np.broadcast_to(np.ones((), kind), shape)

    lstm, shape = lstm_of(), (2**40, 4096)
    with pytest.raises(bl.ComputeError, match=r"mask: \[1099511627776, 4096\]: expected arrays"):
        lstm(repeated(*shape), mask=endless(np.bool_, shape))
    for sizes in (endless(np.int64, (2**50,)), endless(np.int32, (2**50,))):
        packed = SimpleNamespace(
            data=repeated(1, 2**50)[0],
            batch_sizes=sizes,
            sorted_indices=None,
            unsorted_indices=None,
        )
        with pytest.raises(bl.ComputeError, match=r"x: a PackedSequence: expected arrays"):
            lstm(packed)
    nothing = np.zeros((2**40, 0, 3), np.float32)
    y, _ = lstm(nothing, mask=np.zeros((2**40, 0), np.bool_))
    assert y.shape == (2**40, 0, 4)
    lstm(X)  # as before


def test_dtype_conversions_that_overflow_memory_are_refused() -> None:
    halves = np.lib.stride_tricks.as_strided(np.zeros(3, np.float16), (2**40, 4096, 3), (0, 0, 2))
    with pytest.raises(bl.ComputeError, match=r"x: \[1099511627776, 4096, 3\]: expected arrays"):
        lstm_of(convert=True)(halves)


@pytest.mark.parametrize(
    ("function", "path"),
    [
        (bl.Activation.clamp(np.nan, 6), "activations['hidden'].alpha"),
        (bl.Activation(999), "activations['hidden'].function"),
        (bl.Activation("tanh"), "activations['hidden']"),
        (bl.Activation(bl.ActivationFunction.TANH, "a"), "activations['hidden']"),
        (bl.Activation(bl.ActivationFunction.TANH, iscale=1), "activations['hidden']"),
    ],
)
def test_activations_that_no_gate_can_have_are_refused(function: Any, path: str) -> None:
    with pytest.raises(bl.ArgumentError) as caught:
        lstm_of(activations={"input": "hard_sigmoid", "hidden": function})
    assert [issue.path for issue in caught.value.issues] == [path]


@pytest.mark.parametrize("lengths", [None, [50, 3, 20, 9]])
def test_threads_may_call_at_the_same_time(lengths: list[int] | None) -> None:
    lstm = bl.LSTM(8, 24, batch_first=True, seed=0, num_threads=1)
    inputs = RANDOM.uniform(-1, 1, (4, 4, 50, 8)).astype(np.float32)
    wanted = [lstm(x, lengths=lengths)[0] for x in inputs]

    def work(number: int) -> bool:
        x = inputs[number % 4]
        if number % 7 == 0:
            lstm.update()
        y = lstm(x, lengths=lengths)[0] if number % 2 else lstm.forward(x, lengths=lengths)[0]
        return bool((y == wanted[number % 4]).all())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(400)))


def test_copies_of_streams_go_on_by_themselves() -> None:
    stream = lstm_of(num_layers=2).stream(2)
    stream.process(X[:3])
    copies = [copy.deepcopy(stream), copy.copy(stream), pickle.loads(pickle.dumps(stream))]
    wanted = stream.process(X[3:]).copy()
    for other in copies:
        np.testing.assert_array_equal(other.process(X[3:]), wanted)
        assert repr(other) == repr(stream)


def test_a_place_that_cannot_be_written_is_named_as_given(tmp_path: Path) -> None:
    place = tmp_path / "missing" / "lstm"
    for write in (lstm_of().save, lstm_of().to_onnx):
        with pytest.raises(FileNotFoundError) as caught:
            write(place)
        assert caught.value.filename == str(place)


def test_arrays_that_are_assigned_are_copied() -> None:
    lstm, other = lstm_of(), lstm_of(seed=1)
    kept = lstm.parameters
    for name, array in other.state_dict().items():
        kept[name] = array
        array[...] = 0
    np.testing.assert_array_equal(lstm(X)[0], other(X)[0])
    for best in (copy.deepcopy(kept), pickle.loads(pickle.dumps(kept))):
        assert type(best) is dict
        assert all((best[name] == array).all() for name, array in kept.items())
        best["weight_hh_l0"][...] = 0
        assert kept["weight_hh_l0"].any()
    kept["weight_hh_l0"] *= 2  # after a call, and seen all the same
    other.parameters["weight_hh_l0"][...] *= 2
    np.testing.assert_array_equal(lstm(X)[0], other(X)[0])
    kept.update(lstm_of().state_dict())
    kept["bias_hh_l0"] = np.zeros(16, np.float32)
    assert repr(kept).startswith("<Parameters: weight_ih_l0 [16, 3], ")
    for remove in (kept.clear, lambda: kept.pop("bias_hh_l0")):
        with pytest.raises(bl.ArgumentError, match="every weight to stay"):
            remove()
    assert not lstm.state_dict()["bias_hh_l0"].any()
    for name, array, path in (
        ("weight_hh_l1", X, "parameters"),
        ("weight_hh_l0", X, "weight_hh_l0"),
        ("bias_ih_l0", np.zeros(16), "bias_ih_l0"),
    ):
        before = lstm.state_dict()
        with pytest.raises(bl.ArgumentError) as caught:
            kept[name] = array
        assert [issue.path for issue in caught.value.issues] == [path]
        for one, same in zip(before.values(), lstm.state_dict().values(), strict=True):
            np.testing.assert_array_equal(one, same)


def test_a_copy_draws_masks_of_its_own() -> None:
    lstm = lstm_of(num_layers=2, dropout=0.5)
    other = copy.copy(lstm)
    masked = [lstm.forward(X, training=True)[0] for _ in range(2)]
    for y in masked:
        np.testing.assert_array_equal(other.forward(X, training=True)[0], y)
    assert (masked[0] != masked[1]).any()
