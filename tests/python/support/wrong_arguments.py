"""Wrong arguments of `bl.LSTM` and wrong models of other libraries, each with the one finding it brings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
from bnns_lstm import codes
from bnns_lstm.formats import (
    load_lstm,
    read_keras,
    read_onnx,
    read_torch,
    save_lstm,
    write_state_dict,
)
from formats_tools import random_stored
from onnx_tools import lstm, make, model, stack, weights

X = np.zeros((4, 1, 3), np.float32)
Y = np.zeros((4, 1, 4), np.float32)
REAL = np.ones((4, 1), np.bool_)


def lstm_of(**words: Any) -> bl.LSTM:
    return bl.LSTM(3, 4, seed=0, **words)


def of_entries(**changed: Any) -> bl.LSTM:
    """An LSTM that loads its own weights but for these entries; None takes one out."""
    made = lstm_of()
    entries = {**made.state_dict(), **changed}
    made.load_state_dict({name: array for name, array in entries.items() if array is not None})
    return made


def assign(name: str, array: Any) -> None:
    lstm_of().parameters[name] = array


def delete(name: str) -> None:
    del lstm_of().parameters[name]


def backward_of_another(_: Path) -> object:
    _, _, tape = lstm_of().forward(X, training=True)
    return bl.LSTM(3, 5).backward(tape, X)


def with_layout(_: Path) -> object:
    params = lstm_of().layer_parameters(X)
    array = np.zeros((1, 1, 4, 4), np.float32)
    params.input_gate.hw_desc = bl.NDArrayDescriptor(array, size=array.shape)
    return bl.LSTM.from_layer_parameters(params)


def of_torch(**changed: Any) -> Callable[[Path], object]:
    entries = {**random_stored().parameters, **changed}
    given = {name: array for name, array in entries.items() if array is not None}
    return lambda _: read_torch(given)


def of_bytes(content: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    """Load the bytes that are made of a good file's."""

    def load(folder: Path) -> object:
        path = folder / "a"
        save_lstm(path, random_stored())
        path.write_bytes(content(path.read_bytes()))
        try:
            return load_lstm(path)
        except bl.WeightsError as error:
            # The folder differs from run to run.
            issues = tuple(
                bl.WeightsIssue(i.path.replace(str(path), "a"), i.expected, i.actual, i.code)
                for i in error.issues
            )
            raise bl.WeightsError(issues) from None

    return load


def of_onnx(**words: Any) -> Callable[[Path], object]:
    arrays = weights(random_stored())
    node = lstm("one", "x", "y", {key: key for key in arrays}, hidden_size=4, **words)
    return lambda _: read_onnx(model([node], arrays, ["y"]))


def computed(_: Path) -> object:
    arrays = weights(random_stored())
    node = lstm("one", "x", "y", {"W": "x", "R": "R"}, hidden_size=4)
    return read_onnx(model([node], arrays, ["y"]))


def two_stacks(node: str) -> Callable[[Path], object]:
    way = ([make("Relu", "y", "z")], {})
    return lambda _: read_onnx(stack(random_stored(num_layers=2), way), node)


def two_of_a_name() -> object:
    arrays = weights(random_stored())
    names = {key: key for key in arrays}
    return model(
        [lstm("one", "x", y, names, hidden_size=4) for y in ("y", "z")], arrays, ["y", "z"]
    )


def unlike_layers(_: Path) -> object:
    made = stack(random_stored(num_layers=2), ([make("Relu", "y", "z")], {}))
    return read_onnx(made, ["low", "high"])


# What is done, the path of the finding, its code.
ARGUMENT_ROWS: list[tuple[Callable[[Path], object], str, str]] = [
    (lambda _: bl.LSTM("3", 4), "input_size", codes.WRONG_TYPE),  # type: ignore[arg-type]
    (lambda _: bl.LSTM(3, 0), "hidden_size", codes.ZERO_SIZE),
    (lambda _: bl.LSTM(3, -4), "hidden_size", codes.OUT_OF_RANGE),
    (lambda _: lstm_of(peephole="half"), "peephole", codes.UNKNOWN_CHOICE),
    (lambda _: lstm_of(bidirectional=True, merge="max"), "merge", codes.UNKNOWN_CHOICE),
    (lambda _: lstm_of(merge="sum"), "merge", codes.UNSUPPORTED_HERE),
    (lambda _: lstm_of(merge=None), "merge", codes.UNSUPPORTED_HERE),
    (lambda _: lstm_of(bidirectional=True, merge="sum").layer_parameters(X), "merge",
     codes.UNSUPPORTED_HERE),
    (lambda _: lstm_of(bidirectional=True, merge=None)(X, out=X), "out", codes.WRONG_TYPE),
    (lambda _: lstm_of(bidirectional=True, merge=None)(X, out=(Y, X)), "out[1]",
     codes.SIZE_MISMATCH),
    (lambda _: lstm_of(bidirectional=True, merge=None)(X, out=(Y, Y)), "out[1]", codes.OVERLAP),
    (lambda _: write_state_dict(random_stored(bidirectional=True, merge="mul")), "merge",
     codes.NOT_EXPRESSIBLE),
    (lambda folder: lstm_of(bidirectional=True, merge=None).to_onnx(folder / "a"), "merge",
     codes.NOT_EXPRESSIBLE),
    (lambda _: lstm_of(dropout=1), "dropout", codes.INVALID_DROPOUT),
    (lambda _: lstm_of(activations={"gate": "tanh"}), "activations['gate']", codes.UNEXPECTED_ENTRY),
    (lambda _: lstm_of(activations={"input": "t"}), "activations['input']", codes.UNKNOWN_ACTIVATION),
    (lambda _: lstm_of(num_threads=0), "num_threads", codes.INVALID_NUMBER),
    (lambda _: lstm_of(num_threads=1025), "num_threads", codes.TOO_MANY_THREADS),
    (lambda _: lstm_of(num_threads="2"), "num_threads", codes.WRONG_TYPE),
    (lambda _: lstm_of(forget_bias=np.inf), "forget_bias", codes.INVALID_NUMBER),
    (lambda _: lstm_of(forget_bias="1"), "forget_bias", codes.WRONG_TYPE),
    (lambda _: bl.LSTM(3, 4, seed=-1), "seed", codes.OUT_OF_RANGE),
    (lambda _: bl.LSTM(3, 4, seed="a"), "seed", codes.WRONG_TYPE),  # type: ignore[arg-type]
    (lambda _: lstm_of().forward(X, training=True, dropout_seed=2**64), "dropout_seed",
     codes.OUT_OF_RANGE),
    (lambda _: lstm_of()(X, lengths=[9]), "lengths[0]", codes.INVALID_NUMBER),
    (lambda _: lstm_of()(X, lengths=[4], mask=REAL), "mask", codes.UNSUPPORTED_HERE),
    (lambda _: lstm_of()(X, mask=REAL.T), "mask", codes.SIZE_MISMATCH),
    (lambda _: lstm_of()(X, mask=REAL.astype("f4")), "mask", codes.WRONG_TYPE),
    (lambda _: lstm_of()(X, mask=[[1], [2], [1], [1]]), "mask[1, 0]", codes.INVALID_NUMBER),
    (lambda _: lstm_of()(X, mask=[[1], [0], [1], [1]]), "mask[1, 0]", codes.UNSUPPORTED_HERE),
    (lambda _: lstm_of(batch_first=True)(X.swapaxes(0, 1), mask=[[1, 1, 0, 1]]), "mask[0, 2]",
     codes.UNSUPPORTED_HERE),
    (lambda _: lstm_of()(X[:, 0], mask=[True, False, False, True]), "mask[1]",
     codes.UNSUPPORTED_HERE),
    (lambda _: lstm_of().layer_parameters(X[:0]), "x", codes.ZERO_SIZE),
    (lambda _: lstm_of().layer_parameters(X, lengths=[0]), "lengths", codes.SEQUENCE_EMPTY),
    (lambda _: lstm_of()(X[..., 0]), "x", codes.SIZE_MISMATCH),
    (lambda _: lstm_of()(X.astype(complex)), "x", codes.UNSUPPORTED_DATA_TYPE),
    (lambda _: lstm_of(convert=True)(np.full(X.shape, 1e39)), "x", codes.OUT_OF_RANGE),
    (lambda _: of_entries(bias_hh_l0=None), "bias_hh_l0", codes.MISSING_ENTRY),
    (lambda _: of_entries(bias_hh_l1=X), "bias_hh_l1", codes.UNEXPECTED_ENTRY),
    (lambda _: assign("bias_hh_l1", X), "parameters", codes.UNEXPECTED_ENTRY),
    (lambda _: delete("bias_hh_l0"), "parameters", codes.UNSUPPORTED_HERE),
    (lambda _: lstm_of(bidirectional=True).stream(), "stream", codes.UNSUPPORTED_HERE),
    (lambda _: lstm_of().stream().reset(7), "samples", codes.INVALID_NUMBER),
    (with_layout, "input_gate.hw_desc", codes.UNSUPPORTED_HERE),
    (backward_of_another, "tape", codes.OTHER_LAYER),
    (of_torch(bias_hh_l0=None), "bias_hh_l0", codes.MISSING_ENTRY),
    (of_torch(more=X), "more", codes.UNEXPECTED_ENTRY),
    (of_torch(weight_hr_l0=X), "weight_hr_l0", codes.SIZE_MISMATCH),
    (of_torch(bias_hh_l0=np.zeros(3, np.float32)), "bias_hh_l0", codes.SIZE_MISMATCH),
    (of_torch(bias_hh_l0=np.zeros(16, int)), "bias_hh_l0", codes.UNSUPPORTED_DATA_TYPE),
    (of_torch(bias_hh_l0=np.full(16, 1e39)), "bias_hh_l0", codes.OUT_OF_RANGE),
    (of_torch(bias_hh_l0=object()), "bias_hh_l0", codes.WRONG_TYPE),
    (lambda _: load_lstm("a\0b"), "path", codes.INVALID_PATH),
    (of_bytes(lambda _: b"\x89PNG\r\n\x1a\n" * 9), "a", codes.FOREIGN_FILE),
    (of_bytes(lambda content: content[:-1]), "a", codes.DAMAGED_FILE),
    (of_bytes(lambda content: (10**9).to_bytes(8, "little") + content[8:]), "a", codes.TOO_LARGE),
    (lambda _: write_state_dict(random_stored(peephole="full")), "peephole", codes.NOT_EXPRESSIBLE),
    (lambda _: read_keras([]), "source", codes.SIZE_MISMATCH),
    (of_onnx(clip=-1.0), "one: clip", codes.INVALID_NUMBER),
    (of_onnx(input_forget=2), "one: input_forget", codes.UNKNOWN_CHOICE),
    (of_onnx(direction="up"), "one: direction", codes.UNKNOWN_CHOICE),
    (of_onnx(more=1), "one: attributes", codes.UNEXPECTED_ENTRY),
    (computed, "one: W", codes.NOT_CONSTANT),
    (lambda _: read_onnx(two_of_a_name()), "node", codes.AMBIGUOUS_CHOICE),
    (two_stacks("middle"), "node", codes.UNKNOWN_CHOICE),
    (unlike_layers, "node: high", codes.STACK_MISMATCH),
    (lambda _: read_onnx(two_of_a_name(), "one"), "node", codes.AMBIGUOUS_CHOICE),
    (lambda _: read_onnx(two_of_a_name(), ["one"]), "node", codes.AMBIGUOUS_CHOICE),
    (lambda _: read_onnx(two_of_a_name(), ["two"]), "node", codes.UNKNOWN_CHOICE),
]  # fmt: skip
