"""Arrays of every kind, through every door: a call, a call that converts, and weights of other libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bnns_lstm as bl
import ml_dtypes
import numpy as np
import pytest
from bnns_lstm import codes
from bnns_lstm.formats import read_torch
from formats_tools import random_stored
from reference import Array

# Numbers that all of the types hold.
VALUES = np.arange(-8, 8, dtype=np.float32)


class Own(np.ndarray):
    """A subclass that is no array to itself any more."""

    def __getitem__(self, _: Any) -> Any:
        raise RuntimeError


class OfArray:
    """What has `__array__` alone."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.array


class OfDlpack:
    """What has DLPack alone, as tensors have."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __dlpack__(self, **words: Any) -> Any:
        return self.array.__dlpack__(**words)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


class Tensor(OfDlpack):
    """A tensor that carries a gradient: it has no array until it is detached."""

    def __dlpack__(self, **_: Any) -> Any:
        raise BufferError("cannot export a tensor that requires gradient")

    def detach(self) -> Any:
        return self

    def cpu(self) -> Any:
        return self

    @property
    def dtype(self) -> str:
        return "torch.float32"

    def numpy(self) -> Array:
        return self.array


def read_only(array: Array) -> Array:
    array = array.copy()
    array.setflags(write=False)
    return array


TAKEN, TYPE, DATA = "taken", codes.WRONG_TYPE, codes.UNSUPPORTED_DATA_TYPE
# What is made of float32 numbers; what becomes of it in a call, in one that converts, and as weights.
KINDS: dict[str, tuple[Callable[[Array], Any], str, str, str]] = {
    "float32": (lambda a: a, TAKEN, TAKEN, TAKEN),
    "read-only": (read_only, TAKEN, TAKEN, TAKEN),
    "strided": (lambda a: np.repeat(a, 2, axis=-1)[..., ::2], TAKEN, TAKEN, TAKEN),
    "backwards": (lambda a: a[..., ::-1].copy()[..., ::-1], TAKEN, TAKEN, TAKEN),
    "a subclass": (lambda a: a.view(Own), TAKEN, TAKEN, TAKEN),
    "__array__": (OfArray, TAKEN, TAKEN, TAKEN),
    "DLPack": (OfDlpack, TAKEN, TAKEN, TAKEN),
    "byte-swapped": (lambda a: a.astype(">f4"), DATA, TAKEN, TAKEN),
    "float16": (lambda a: a.astype(np.float16), DATA, TAKEN, TAKEN),
    "bfloat16": (lambda a: a.astype(ml_dtypes.bfloat16), DATA, TAKEN, TAKEN),
    "float64": (lambda a: a.astype(np.float64), DATA, TAKEN, TAKEN),
    "a list": (lambda a: a.tolist(), DATA, TAKEN, TAKEN),
    # Integers may be numbers of a series, but weights that are integers are quantised.
    "int8": (lambda a: a.astype(np.int8), DATA, TAKEN, DATA),
    "uint64": (lambda a: np.abs(a).astype(np.uint64), DATA, TAKEN, DATA),
    # A call would lose the gradient; weights are taken over without it.
    "a tensor with a gradient": (Tensor, TYPE, TYPE, TAKEN),
    "masked": (lambda a: np.ma.masked_array(a, a > 0), TYPE, TYPE, TYPE),
    "masked behind __array__": (lambda a: OfArray(np.ma.masked_array(a, a > 0)), TYPE, TYPE, TYPE),
    "objects": (lambda a: a.astype(object), TYPE, TYPE, TYPE),
    "no array": (lambda _: object(), TYPE, TYPE, TYPE),
    "complex": (lambda a: a.astype(np.complex64), DATA, DATA, DATA),
    "bool": (lambda a: a > 0, DATA, DATA, DATA),
    "text": (lambda a: a.astype(str), DATA, DATA, DATA),
    "dates": (lambda a: a.astype(np.int64).astype("M8[s]"), DATA, DATA, DATA),
    "records": (lambda a: np.zeros(a.shape, [("a", "f4")]), DATA, DATA, DATA),
    "out of range": (lambda a: np.full(a.shape, -1e39), DATA, codes.OUT_OF_RANGE, codes.OUT_OF_RANGE),
}  # fmt: skip


def through_a_call(given: Callable[[Array], Any], *, convert: bool) -> tuple[Array, Array]:
    """Outputs for what is given, and for the numbers that it stands for."""
    lstm = bl.LSTM(4, 2, seed=0, convert=convert)
    x = VALUES.reshape(4, 1, 4)
    wanted = np.abs(x) if given is KINDS["uint64"][0] else x
    return lstm(given(x))[0], lstm(wanted)[0]


def through_weights(given: Callable[[Array], Any]) -> tuple[Array, Array]:
    entries: dict[str, Any] = dict(random_stored().parameters)
    assert entries["bias_ih_l0"].shape == VALUES.shape
    entries["bias_ih_l0"] = given(VALUES)
    return read_torch(entries).parameters["bias_ih_l0"], VALUES


DOORS: list[Callable[[Callable[[Array], Any]], tuple[Array, Array]]] = [
    lambda given: through_a_call(given, convert=False),
    lambda given: through_a_call(given, convert=True),
    through_weights,
]
PATHS = ["x", "x", "bias_ih_l0"]


@pytest.mark.parametrize("door", [0, 1, 2], ids=["call", "convert", "weights"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_array_is_taken_or_refused_by_one_rule(kind: str, door: int) -> None:
    given, outcome = KINDS[kind][0], KINDS[kind][1 + door]
    if outcome == TAKEN:
        found, wanted = DOORS[door](given)
        np.testing.assert_array_equal(found, wanted)
        assert type(found) is np.ndarray
    else:
        with pytest.raises((bl.ArgumentError, bl.WeightsError)) as caught:
            DOORS[door](given)
        assert [(i.path, i.code) for i in caught.value.issues] == [(PATHS[door], outcome)]


def test_weights_are_copies_whatever_they_came_from() -> None:
    array = VALUES.copy()
    for given in (array, OfArray(array), Tensor(array)):
        found, _ = through_weights(lambda _, given=given: given)
        assert not np.shares_memory(found, array)
        assert found.flags.c_contiguous
