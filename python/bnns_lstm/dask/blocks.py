"""What a worker does for a prediction: a block of a batch, or a part of a bag.

In: a model, and arrays. Out: arrays. It knows neither graphs nor machines.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module import LSTM, Stack
from bnns_lstm.module.forks import new_lock
from bnns_lstm.typing import Floats

__all__ = ["Model", "block", "bound", "part"]

# Models that a process keeps: whichever it is sent again is there, with its packed weights.
KEPT = 2
# Sequences of a bag that are computed together, those of similar lengths.
TOGETHER = 64


class _Kept:
    """The models that this process has.

    Attributes:
        lock: Held to look and to change. A forked child has a new one.
    """

    lock: Lock

    def __init__(self) -> None:
        self.models: OrderedDict[str, Model] = OrderedDict()
        new_lock(self)


_kept = _Kept()


class Model:
    """A copy of an LSTM or a stack, of which a process has one, however often it is sent there."""

    def __init__(self, token: str, content: bytes) -> None:
        self.token, self._content = token, content
        self._lstm: LSTM | Stack | None = None

    @classmethod
    def of(cls, lstm: LSTM | Stack) -> Model:
        """A copy of an LSTM as it is now."""
        return cls(uuid4().hex, pickle.dumps(lstm))

    @property
    def lstm(self) -> LSTM | Stack:
        """The LSTM, made when it is first asked for."""
        with _kept.lock:
            if self._lstm is None:
                self._lstm = pickle.loads(self._content)  # noqa: S301  # our own, of this program
            return self._lstm

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.token, self._content)

    def __dask_tokenize__(self) -> str:
        return self.token


def _restored(token: str, content: bytes) -> Model:
    """The model of this token: the one that is there, or a new one."""
    with _kept.lock:
        models = _kept.models
        found = models.get(token)
        if found is None:
            found = models[token] = Model(token, content)
            while len(models) > KEPT:
                models.popitem(last=False)
        models.move_to_end(token)
        return found


def block(x: Floats, lengths: Any = None, *, model: Model, final: bool) -> Floats:
    """The outputs of a block of samples, or their final hidden states."""
    y, state = model.lstm(x, lengths=lengths)
    return _hidden(state) if final else y


def part(sequences: Iterable[Any], *, model: Model, final: bool) -> npt.NDArray[Any]:
    """The outputs of each sequence of a part of a bag, as an array of arrays, or their final hidden states."""
    arrays = [_sequence(given, number, model.lstm) for number, given in enumerate(sequences)]
    lengths = np.array([len(array) for array in arrays], np.int64)
    order = np.argsort(-lengths, kind="stable")
    outputs = np.empty(len(arrays), object)
    hidden = np.empty(bound(model.lstm, len(arrays)), np.float32)
    for start in range(0, len(arrays), TOGETHER):
        those = order[start : start + TOGETHER]
        y, state = _together([arrays[index] for index in those], model.lstm)
        hidden[:, those] = state
        for row, index in enumerate(those):
            outputs[index] = y[: lengths[index], row].copy()
    return hidden if final else outputs


def bound(lstm: LSTM | Stack, batch: int) -> tuple[int, int, int]:
    """The shape of the final hidden states of so many samples."""
    config = lstm.config if isinstance(lstm, LSTM) else lstm.configs[-1]
    return config.num_layers * config.directions, batch, config.outputs


def _hidden(state: Any) -> Floats:
    """Hidden states of an LSTM, or of a stack's last one."""
    hidden: Floats = state.h if hasattr(state, "h") else state[-1].h
    return hidden


def _sequence(given: Any, number: int, lstm: LSTM | Stack) -> Floats:
    """A sequence `[steps, input]`."""
    array = np.asarray(given)
    size = (lstm.config if isinstance(lstm, LSTM) else lstm.configs[0]).input_size
    if array.ndim != 2 or array.shape[1] != size or array.dtype != np.float32:
        path, expected = f"x, sequence {number} of its partition", f"float32[steps, {size}]"
        actual = f"{array.dtype}{list(array.shape)}"
        raise ArgumentError((Issue(path, codes.SIZE_MISMATCH, expected, actual),))
    return array


def _together(arrays: list[Floats], lstm: LSTM | Stack) -> tuple[Floats, Floats]:
    """Outputs `[steps, batch, outputs]` and final hidden states of sequences, the longest of which is first."""
    padded = np.zeros((len(arrays[0]), len(arrays), arrays[0].shape[1]), np.float32)
    for row, array in enumerate(arrays):
        padded[: len(array), row] = array
    first = lstm.config if isinstance(lstm, LSTM) else lstm.configs[0]
    x = padded.swapaxes(0, 1) if first.batch_first else padded
    y, state = lstm(x, lengths=[len(array) for array in arrays])
    return (y.swapaxes(0, 1) if first.batch_first else y), _hidden(state)
