"""`bl.Stack` with what a caller may pass by mistake: the error is the package's own and names it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm import codes

X = np.random.default_rng(0).uniform(-1, 1, (5, 2, 3)).astype(np.float32)
Y = np.zeros((5, 2, 4), np.float32)
LOW = bl.LSTMState(np.zeros((2, 2, 5), np.float32), np.zeros((2, 2, 5), np.float32))
HIGH = bl.LSTMState(np.zeros((1, 2, 4), np.float32), np.zeros((1, 2, 4), np.float32))


def boom(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("boom")


class RaisingClass:
    __class__ = property(boom)


class RaisingList(list[Any]):
    __len__ = boom
    __iter__ = boom


class RaisingArray:
    __array__ = boom


class RaisingRepr:
    __repr__ = boom


HAZARDS = [RaisingClass, RaisingArray, RaisingRepr, lambda: RaisingList([1, 2])]


def lstm(inputs: int = 3, hidden: int = 5, **words: Any) -> bl.LSTM:
    return bl.LSTM(inputs, hidden, seed=0, **words)


def made() -> bl.Stack:
    return bl.Stack([lstm(bidirectional=True, merge="ave"), lstm(5, 4)])


def backward(**changed: Any) -> Any:
    stack = made()
    y, _, tape = stack.forward(X, training=True)
    return stack.backward(**({"tape": tape, "dy": y} | changed))


def twice() -> bl.Stack:
    one = lstm(5, 5)
    return bl.Stack([one, lstm(5, 5), one])


# What is passed, the paths of the findings, the code of the first.
ROWS: list[tuple[Callable[[], Any], list[str], str]] = [
    (lambda: bl.Stack([]), ["lstms"], codes.MISSING_ENTRY),
    (lambda: bl.Stack(()), ["lstms"], codes.MISSING_ENTRY),
    (lambda: bl.Stack(lstm()), ["lstms"], codes.WRONG_TYPE),  # type: ignore[arg-type]
    (lambda: bl.Stack(iter([lstm()])), ["lstms"], codes.WRONG_TYPE),  # type: ignore[arg-type]
    (lambda: bl.Stack({"a": lstm()}), ["lstms"], codes.WRONG_TYPE),  # type: ignore[arg-type]
    (lambda: bl.Stack("lstm"), ["lstms"], codes.WRONG_TYPE),  # type: ignore[arg-type]
    (lambda: bl.Stack([lstm(), 3, None]), ["lstms[1]", "lstms[2]"], codes.WRONG_TYPE),  # type: ignore[list-item]
    (lambda: bl.Stack([bl.LSTM]), ["lstms[0]"], codes.WRONG_TYPE),  # type: ignore[list-item]
    (lambda: bl.Stack([made()]), ["lstms[0]"], codes.WRONG_TYPE),  # type: ignore[list-item]
    (lambda: bl.Stack([lstm().config]), ["lstms[0]"], codes.WRONG_TYPE),  # type: ignore[list-item]
    (twice, ["lstms[2]"], codes.UNSUPPORTED_HERE),
    (lambda: bl.Stack([lstm(), lstm(4, 4), lstm(5, 4)]), ["lstms[1].input_size", "lstms[2].input_size"],
     codes.STACK_MISMATCH),
    (lambda: bl.Stack([lstm(bidirectional=True), lstm(5, 4)]), ["lstms[1].input_size"], codes.STACK_MISMATCH),
    (lambda: bl.Stack([lstm(bidirectional=True, merge="mul"), lstm(10, 4)]), ["lstms[1].input_size"],
     codes.STACK_MISMATCH),
    (lambda: bl.Stack([lstm(bidirectional=True, merge=None), lstm(5, 4)]), ["lstms[0].merge"],
     codes.STACK_MISMATCH),
    (lambda: bl.Stack([lstm(batch_first=True), lstm(5, 4)]), ["lstms[1].batch_first"], codes.STACK_MISMATCH),
    (lambda: made()(X[..., :2]), ["x"], codes.SIZE_MISMATCH),
    (lambda: made()(X.astype("f8")), ["x"], codes.UNSUPPORTED_DATA_TYPE),
    (lambda: made()(X, LOW), ["state[0]", "state[1]"], codes.WRONG_TYPE),  # an LSTM's own state
    (lambda: made()(X, [LOW]), ["state"], codes.WRONG_TYPE),
    (lambda: made()(X, [LOW, HIGH, HIGH]), ["state"], codes.WRONG_TYPE),
    (lambda: made()(X, np.zeros((2, 2, 1, 2, 5))), ["state"], codes.WRONG_TYPE),
    (lambda: made()(X, {0: LOW, 1: HIGH}), ["state"], codes.WRONG_TYPE),
    (lambda: made()(X, (HIGH, LOW)), ["state[0].h", "state[0].c", "state[1].h", "state[1].c"],
     codes.SIZE_MISMATCH),
    (lambda: made()(X, (None, (HIGH.h,))), ["state[1]"], codes.WRONG_TYPE),
    (lambda: made()(X, (LOW, (HIGH.h, LOW.c))), ["state[1].c"], codes.SIZE_MISMATCH),
    (lambda: made()(X[:, 0], (LOW, None)), ["state[0].h", "state[0].c"], codes.SIZE_MISMATCH),
    (lambda: made()(X, lengths=[5]), ["lengths"], codes.SIZE_MISMATCH),
    (lambda: made()(X, (None, LOW), lengths=[5, 6], out=X),
     ["lengths[1]", "state[1].h", "state[1].c", "out"], codes.INVALID_NUMBER),
    (lambda: made()(X, mask=[[True]]), ["mask"], codes.SIZE_MISMATCH),
    (lambda: made()(X, lengths=[5, 5], mask=np.ones((5, 2), bool)), ["mask"], codes.UNSUPPORTED_HERE),
    (lambda: made()(X, out=(Y, Y)), ["out"], codes.SIZE_MISMATCH),
    (lambda: made()(X, out=Y.astype("f8")), ["out"], codes.UNSUPPORTED_DATA_TYPE),
    (lambda: made()(X, return_cell_states=1), ["return_cell_states"], codes.WRONG_TYPE),  # type: ignore[arg-type]
    (lambda: made().forward(X, training=1), ["training"], codes.WRONG_TYPE),  # type: ignore[arg-type]
    (lambda: made().forward(X[0, 0], training=True, dropout_seed=-1), ["dropout_seed", "x"],
     codes.OUT_OF_RANGE),
    (lambda: backward(tape=None), ["tape"], codes.WRONG_TYPE),
    (lambda: backward(dy=None), ["dy"], codes.MISSING_GRADIENT),
    (lambda: backward(dy=None, d_state=[None, None]), ["dy"], codes.MISSING_GRADIENT),
    (lambda: backward(dy=Y[1:]), ["dy"], codes.SIZE_MISMATCH),
    (lambda: backward(dy=Y[1:], d_state=(HIGH, None)), ["dy", "d_state[0].h", "d_state[0].c"],
     codes.SIZE_MISMATCH),
    (lambda: backward(d_state=HIGH), ["d_state[0]", "d_state[1]"], codes.WRONG_TYPE),
    (lambda: made().load_state_dict(lstm(5, 4).state_dict())  , [
        *(f"{place}.{name}" for place, of in ((0, lstm(bidirectional=True)), (1, lstm()))
          for name in of.state_dict()),
        *lstm().state_dict()], codes.MISSING_ENTRY),
    (lambda: made().load_state_dict(None), ["given"], codes.WRONG_TYPE),  # type: ignore[arg-type]
    (lambda: bl.Stack([lstm()]).stream(-1), ["batch_size"], codes.OUT_OF_RANGE),
    (lambda: made().stream(), ["lstms[0].stream"], codes.UNSUPPORTED_HERE),
    (lambda: bl.Stack([lstm()]).stream(2, HIGH), ["state"], codes.WRONG_TYPE),
    (lambda: bl.Stack([lstm()]).stream(2).step(X[0, :1]), ["x_t"], codes.SIZE_MISMATCH),
    (lambda: bl.Stack([lstm()]).stream(2).process(X[0]), ["chunk"], codes.SIZE_MISMATCH),
    (lambda: bl.Stack([lstm()]).stream(2).reset(2), ["samples"], codes.INVALID_NUMBER),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_a_mistake_is_refused_by_its_name(number: int) -> None:
    act, paths, code = ROWS[number]
    with pytest.raises(bl.ArgumentError) as caught:
        act()
    assert [issue.path for issue in caught.value.issues] == paths
    assert caught.value.issues[0].code == code


ARGUMENTS: dict[str, Callable[[Any], Any]] = {
    "lstms": bl.Stack,
    "lstms[1]": lambda given: bl.Stack([lstm(), given]),
    "x": lambda given: made()(given),
    "state": lambda given: made()(X, given),
    "state[1]": lambda given: made()(X, [None, given]),
    "state[1].h": lambda given: made()(X, [None, (given, HIGH.c)]),
    "lengths": lambda given: made()(X, lengths=given),
    "mask": lambda given: made()(X, mask=given),
    "out": lambda given: made()(X, out=given),
    "return_cell_states": lambda given: made()(X, return_cell_states=given),
    "training": lambda given: made().forward(X, training=given),
    "dropout_seed": lambda given: made().forward(X, training=True, dropout_seed=given),
    "tape": lambda given: backward(tape=given),
    "dy": lambda given: backward(dy=given),
    "d_state": lambda given: backward(d_state=given),
    "d_state[0].c": lambda given: backward(d_state=[(LOW.h, given), None]),
    "given": lambda given: made().load_state_dict(given),
    "0.weight_ih_l0": lambda given: made().load_state_dict(
        dict(made().state_dict(), **{"0.weight_ih_l0": given})
    ),
    "batch_size": lambda given: made().stream(given),
    "x_t": lambda given: bl.Stack([lstm()]).stream().step(given),
    "chunk": lambda given: bl.Stack([lstm()]).stream().process(given),
    "samples": lambda given: bl.Stack([lstm()]).stream().reset(given),
}


@pytest.mark.parametrize("hazard", range(len(HAZARDS)))
@pytest.mark.parametrize("name", ARGUMENTS)
def test_objects_that_raise_are_refused_by_name(
    name: str, hazard: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(bl.ArgumentError) as caught:
        ARGUMENTS[name](HAZARDS[hazard]())
    assert [issue.path for issue in caught.value.issues] == [name]
    assert str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_refused_call_draws_and_writes_nothing() -> None:
    stack = bl.Stack([lstm(num_layers=2, dropout=0.5), lstm(5, 4, num_layers=2, dropout=0.5)])
    other = copy.deepcopy(stack)
    out = np.full((5, 2, 4), 7, np.float32)
    with pytest.raises(bl.ArgumentError):
        stack.forward(X, [None, LOW], training=True, out=out)
    assert (out == 7).all()
    found = stack.forward(X, training=True, out=out)[0]
    np.testing.assert_array_equal(found, other.forward(X, training=True)[0])


def test_a_copy_of_an_lstm_may_stand_above_it() -> None:
    one = lstm(5, 5)
    stack = bl.Stack([one, copy.deepcopy(one)])
    x = np.ones((4, 2, 5), np.float32)
    np.testing.assert_array_equal(stack(x)[0], one(one(x)[0])[0])
