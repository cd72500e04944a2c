"""`bl.LSTM` with objects that raise when they are looked at, and with values of other kinds than meant.

Whatever it is, the error is the package's own and names the argument; NumPy's scalars count as numbers.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest


def boom(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("boom")


class RaisingClass:
    __class__ = property(boom)


class RaisingInterface:
    __array_interface__ = property(boom)


class RaisingStruct:
    __array_struct__ = property(boom)


class RaisingDlpack:
    __dlpack__ = property(boom)


class RaisingExport:
    __dlpack__ = boom

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


class RaisingArray:
    __array__ = boom


class RaisingSequence:
    __len__ = boom
    __getitem__ = boom
    __iter__ = boom


class RaisingRepr:
    __repr__ = boom


class RaisingMapping(Mapping[str, Any]):
    __len__ = boom
    __getitem__ = boom
    __iter__ = boom


class RaisingList(list[int]):
    __len__ = boom
    __iter__ = boom


class RaisingModule:
    state_dict = boom


HAZARDS = [
    RaisingClass, RaisingInterface, RaisingStruct, RaisingDlpack, RaisingExport, RaisingArray,
    RaisingSequence, RaisingRepr, RaisingMapping,
]  # fmt: skip

X = np.random.default_rng(0).uniform(-1, 1, (5, 2, 3)).astype(np.float32)
STATE = np.zeros((1, 2, 4), np.float32)
Y = np.zeros((5, 2, 4), np.float32)


def lstm_of(**config: Any) -> bl.LSTM:
    return bl.LSTM(3, 4, **({"seed": 0} | config))


def pair() -> bl.LSTM:
    return lstm_of(bidirectional=True, merge=None)


class Packed:
    """What has the attributes of a PackedSequence, of which some are others."""

    def __init__(self, **others: Any) -> None:
        self.data, self.batch_sizes = np.zeros((3, 3), np.float32), [2, 1]
        self.sorted_indices = self.unsorted_indices = [1, 0]
        vars(self).update(others)


def weights_with(given: Any) -> dict[str, Any]:
    return dict(lstm_of().state_dict(), weight_ih_l0=given)


def backward(**arguments: Any) -> Any:
    lstm = lstm_of()
    y, _, tape = lstm.forward(X, training=True)
    return lstm.backward(**({"tape": tape, "dy": y} | arguments))


ARGUMENTS: dict[str, Callable[[Any], Any]] = {
    "x": lambda given: lstm_of()(given),
    "state": lambda given: lstm_of()(X, given),
    "state.c": lambda given: lstm_of()(X, (STATE, given)),
    "lengths": lambda given: lstm_of()(X, lengths=given),
    "mask": lambda given: lstm_of()(X, mask=given),
    "out": lambda given: lstm_of()(X, out=given),
    "out[1]": lambda given: pair()(X, out=(np.zeros_like(Y), given)),
    "x.data": lambda given: lstm_of()(Packed(data=given)),
    "x.batch_sizes": lambda given: lstm_of()(Packed(batch_sizes=given)),
    "x.sorted_indices": lambda given: lstm_of()(Packed(sorted_indices=given)),
    "x.unsorted_indices": lambda given: lstm_of()(Packed(unsorted_indices=given)),
    "dy[0]": lambda given: pair().backward(pair().forward(X, training=True)[2], (given, Y)),
    "return_cell_states": lambda given: lstm_of()(X, return_cell_states=given),
    "training": lambda given: lstm_of().forward(X, training=given),
    "dropout_seed": lambda given: lstm_of().forward(X, training=True, dropout_seed=given),
    "tape": lambda given: backward(tape=given),
    "dy": lambda given: backward(dy=given),
    "d_state": lambda given: backward(d_state=given),
    "d_state.h": lambda given: backward(d_state=(given, STATE)),
    "given": lambda given: lstm_of().load_state_dict(given),
    "weight_ih_l0": lambda given: lstm_of().load_state_dict(weights_with(given)),
    "batch_size": lambda given: lstm_of().stream(given),
    "x_t": lambda given: lstm_of().stream().step(given),
    "chunk": lambda given: lstm_of().stream().process(given),
    "samples": lambda given: lstm_of().stream().reset(given),
    "params": bl.LSTM.from_layer_parameters,
    "source": bl.LSTM.from_torch,
    "source ": bl.LSTM.from_keras,
    "source  ": bl.LSTM.from_onnx,
    "prefix": lambda given: bl.LSTM.from_torch(lstm_of().state_dict(), given),
    "path": bl.LSTM.load,
    "path ": lambda given: lstm_of().save(given),
    "path  ": lambda given: lstm_of().to_onnx(given),
    "input_size": lambda given: bl.LSTM(given, 4),
    "hidden_size": lambda given: bl.LSTM(3, given),
} | {
    name: lambda given, name=name: lstm_of(**{name: given})
    for name in (
        "num_layers", "bias", "batch_first", "dropout", "bidirectional", "peephole", "activations",
        "merge", "seed", "num_threads", "forget_bias", "convert", "cell_clip", "gate_clip",
        "gate_clip_hidden", "direction", "coupled", "proj_size",
    )
}  # fmt: skip


@pytest.mark.parametrize("hazard", HAZARDS)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_objects_that_raise_are_refused_by_name(
    name: str, hazard: type, capfd: pytest.CaptureFixture[str]
) -> None:
    errors = (bl.ArgumentError, bl.DescriptorError, bl.WeightsError)
    with pytest.raises(errors) as caught:
        ARGUMENTS[name](hazard())
    assert [issue.path for issue in caught.value.issues] == [name.strip()]
    assert str(caught.value)
    assert capfd.readouterr().err == ""  # nothing like "Exception ignored in"


@pytest.mark.parametrize(
    "name", ["state", "d_state", "source", "source ", "source  ", "activations"]
)
def test_lists_and_modules_that_raise_are_refused_by_name(name: str) -> None:
    for hazard in (RaisingList([1, 2]), RaisingModule()):
        with pytest.raises((bl.ArgumentError, bl.WeightsError)) as caught:
            ARGUMENTS[name](hazard)
        (issue,) = caught.value.issues
        assert issue.path in {name.strip(), "source.state_dict()"}


def test_an_interrupt_is_not_swallowed() -> None:
    class Interrupted:
        def __array__(self, *_: Any, **__: Any) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lstm_of()(Interrupted())


def test_all_wrong_arguments_are_named_at_once() -> None:
    with pytest.raises(bl.ArgumentError) as caught:
        bl.LSTM(
            0, 4, activations={"some": "tanh"}, num_threads=-1, seed=-1, forget_bias=np.nan,
            convert=1,
        )  # fmt: skip
    assert [issue.path for issue in caught.value.issues] == [
        "activations['some']", "input_size", "num_threads", "convert", "seed", "forget_bias",
    ]  # fmt: skip
    with pytest.raises(bl.ArgumentError) as caught:
        lstm_of()(X[..., :2], out=X.astype("f8"), return_cell_states="no")
    assert [issue.path for issue in caught.value.issues] == ["return_cell_states", "x", "out"]


def test_numpy_scalars_are_numbers_in_the_configuration() -> None:
    lstm = bl.LSTM(
        np.int64(3), np.uint8(4), np.int32(2), dropout=np.float32(0.25), bias=np.True_,
        num_threads=np.int64(1), seed=np.int64(0), forget_bias=np.float32(1),
    )  # fmt: skip
    assert lstm.config == bl.LSTM(3, 4, 2, dropout=0.25).config
    assert [type(value) for value in (lstm.config.input_size, lstm.config.bias)] == [int, bool]
    wanted = bl.LSTM(3, 4, 2, dropout=0.25, seed=0, forget_bias=1.0)
    np.testing.assert_array_equal(lstm(X)[0], wanted(X)[0])
    assert lstm_of().stream(np.int64(2)).step(X[0]).shape == (2, 4)


def test_masked_arrays_are_refused_and_numpy_matrices_are_arrays() -> None:
    with pytest.raises(bl.ArgumentError, match="mask"):
        lstm_of()(np.ma.masked_array(X, X > 0))
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix(X[:, 0])
    np.testing.assert_array_equal(lstm_of()(matrix)[0], lstm_of()(X[:, 0])[0])


@pytest.mark.parametrize("config", [{}, {"batch_first": True}])
def test_a_wrong_out_is_refused_before_anything_is_drawn_or_written(config: dict[str, Any]) -> None:
    lstm = lstm_of(num_layers=2, dropout=0.5, **config)
    other = copy.deepcopy(lstm)
    for out in (
        np.zeros((2, 5, 5), np.float32),
        np.zeros((5, 2, 4)),
        np.zeros((3, 2, 4), np.float32),
    ):
        with pytest.raises(bl.ArgumentError, match="out: "):
            lstm.forward(X, training=True, out=out)
        assert not out.any()
    out = np.zeros((5, 2, 4), np.float32)
    out.flags.writeable = False
    with pytest.raises(bl.ArgumentError, match="read_only"):
        lstm(X, out=out)
    np.testing.assert_array_equal(
        lstm.forward(X, training=True)[0], other.forward(X, training=True)[0]
    )


def test_out_may_be_a_view_and_share_memory_with_the_input() -> None:
    lstm = bl.LSTM(3, 3, seed=0)
    wanted = lstm(X)[0]
    whole = np.zeros((5, 2, 6), np.float32)
    for out in (whole[..., ::2], np.zeros_like(wanted, order="F"), X.copy()):
        given = lstm(X, out=out)[0]
        assert given is out
        np.testing.assert_array_equal(out, wanted)
    both = X.copy()
    np.testing.assert_array_equal(lstm(both, out=both)[0], wanted)


def test_a_tape_belongs_to_its_configuration() -> None:
    y, _, tape = lstm_of().forward(X, training=True)
    for other in (lstm_of(num_layers=2), bl.LSTM(3, 5), lstm_of(batch_first=True)):
        with pytest.raises(bl.ArgumentError, match=r"tape: .* another configuration"):
            other.backward(tape, y)
    found = lstm_of().backward(pickle.loads(pickle.dumps(tape)), y)
    np.testing.assert_array_equal(found.input, lstm_of().backward(tape, y).input)


def test_nan_and_infinity_stay_in_their_sample() -> None:
    lstm = lstm_of(num_layers=2, bidirectional=True)
    x = X.copy()
    wanted = lstm(x)[0]
    x[2, 0] = np.nan
    y = lstm(x)[0]
    np.testing.assert_array_equal(y[:, 1], wanted[:, 1])
    assert np.isnan(y[:, 0]).any()
    lstm.parameters["weight_hh_l0"][...] = np.nan
    assert np.isnan(lstm(X)[0]).any()


@pytest.mark.parametrize("threads", [1, 2, 3, 1024])
def test_any_number_of_threads_gives_the_same_bits(threads: int) -> None:
    np.testing.assert_array_equal(lstm_of(num_threads=threads)(X)[0], lstm_of()(X)[0])


@pytest.mark.parametrize("threads", [0, 1025, 2**64, 1.0, "2", True])
def test_impossible_numbers_of_threads(threads: Any) -> None:
    for make in (lstm_of, lambda **words: bl.LSTM.from_torch(lstm_of().state_dict(), **words)):
        with pytest.raises(
            bl.ArgumentError, match="num_threads: expected a whole number from 1 to 1024"
        ):
            make(num_threads=threads)


def test_an_empty_list_resets_nothing() -> None:
    stream = lstm_of().stream(2)
    stream.step(X[0])
    before = stream.state
    stream.reset([])
    np.testing.assert_array_equal(stream.state.h, before.h)
    stream.reset(np.array([True, False]))
    assert not stream.state.h[:, 0].any()
    np.testing.assert_array_equal(stream.state.h[:, 1], before.h[:, 1])


@pytest.mark.parametrize("kind", ["broadcast", "reversed", "unaligned"])
@pytest.mark.parametrize("lengths", [None, [2, 5], [5, 2]])
def test_gradients_in_any_memory_give_the_same_as_plain_ones(
    kind: str, lengths: list[int] | None
) -> None:
    lstm = bl.LSTM(3, 4, seed=0)
    x = np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)
    y, state, tape = lstm.forward(x, lengths=lengths, training=True)

    def odd(shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.float32]]:
        if kind == "broadcast":
            return np.broadcast_to(np.float32(1), shape)
        if kind == "reversed":
            return np.ones(shape, np.float32)[::-1]
        array = np.zeros(4 * int(np.prod(shape)) + 1, np.uint8)[1:].view(np.float32)
        array[...] = 1
        return array.reshape(shape)

    h, c = (odd(part.shape) for part in state)
    found = lstm.backward(tape, odd(y.shape), (h, c))
    plain = (np.ones_like(y), (np.ones_like(state.h), np.ones_like(state.c)))
    wanted = lstm.backward(tape, *plain)
    assert np.array_equal(found.input, wanted.input)
    for name, gradient in wanted.parameters.items():
        assert np.array_equal(found.parameters[name], gradient)


def test_the_weights_of_an_lstm_itself_can_be_loaded_in_another_order() -> None:
    lstm = bl.LSTM(3, 4, bidirectional=True, seed=0)
    before = lstm.state_dict()
    views = lstm.parameters

    def partner(name: str) -> str:
        return name.removesuffix("_reverse") if name.endswith("_reverse") else f"{name}_reverse"

    lstm.load_state_dict({name: views[partner(name)] for name in views})
    for name, array in lstm.state_dict().items():
        assert np.array_equal(array, before[partner(name)])


def test_an_unannounced_write_changes_nothing_after_a_call_with_cell_states() -> None:
    lstm = bl.LSTM(3, 4, seed=0)
    x = np.ones((5, 2, 3), np.float32)
    before = lstm(x)[0]
    kept = dict(lstm.parameters)
    lstm(x, return_cell_states=True)
    lstm(x)
    for array in kept.values():
        array[...] *= 2
    assert np.array_equal(lstm(x)[0], before)


@pytest.mark.parametrize("activations", [((1, 2),), ((1, 0.0, 0.0),), 3, [[1, 2, "x"]] * 5])
def test_functions_of_a_configuration_are_checked(activations: Any) -> None:
    with pytest.raises(bl.ArgumentError, match="activations: expected"):
        bl.LSTMConfig(3, 4, activations=activations)
    assert hash(bl.LSTMConfig(3, 4, activations=[[8, 1, 1]] * 5)) is not None  # type: ignore[arg-type]
