"""A program of a user who has all types checked: what each call gives is what it is taken for."""

from pathlib import Path

import bnns_lstm as bl
import numpy as np
from bnns_lstm.typing import Floats
from typing_extensions import assert_type


def predict(lstm: bl.LSTM, x: Floats, peephole: bl.Peephole) -> Floats:
    y, state = lstm(x, lengths=[3, 2])
    assert_type(y, Floats)
    assert_type(state, bl.LSTMState)
    y, state, cells = lstm(x, state, return_cell_states=True)
    assert_type(cells, Floats)
    other = bl.LSTM(3, 4, peephole=peephole, activations={"hidden": bl.Activation.relu()})
    y, state = other.forward(x, (state.h, state.c), mask=[[True, True]] * len(x))
    return y


def train(lstm: bl.LSTM, x: list[list[float]], rate: float) -> dict[str, Floats]:
    y, state, tape = lstm.forward(x, training=True, dropout_seed=3)
    assert_type(tape, bl.Tape)
    gradients = lstm.backward(tape, np.ones_like(y), state)
    assert_type(gradients.input, Floats)
    for name in lstm.parameters:
        lstm.parameters[name] -= rate * gradients.parameters[name]
    return lstm.state_dict()


def stack_up(path: Path, merge: bl.Merge, coupled: bl.Coupled, direction: bl.Direction) -> Floats:
    below = bl.LSTM(3, 8, bidirectional=True, merge=merge)
    stack = bl.Stack([below, bl.LSTM(16, 4, coupled=coupled, direction=direction)])
    y, states = stack(np.zeros((5, 2, 3), np.float32))
    assert_type(states, tuple[bl.LSTMState, ...])
    stack.save(path)
    y, states, tape = stack.forward(np.zeros((5, 2, 3)), training=True)
    assert_type(tape, bl.StackTape)
    return stack.backward(tape, dy=y).input


def step(lstm: bl.LSTM) -> Floats:
    stream = lstm.stream(state=(np.zeros((1, 1, 4)), np.zeros((1, 1, 4))))
    assert_type(stream.step([0.0, 1.0, 2.0]), Floats)
    return stream.process(np.zeros((3, 3), np.float32))


def read(path: Path) -> bl.LSTM:
    return bl.LSTM.load(path)


def fit(lstm: bl.LSTM, x: Floats, target: Floats) -> list[bl.optim.Epoch]:
    head = bl.optim.Linear(4, 1, seed=0)

    def objective(
        x: Floats, target: Floats
    ) -> tuple[float, list[bl.Gradients | bl.optim.LinearGradients]]:
        y, _, tape = lstm.forward(x, training=True)
        loss, slope = bl.optim.mse_loss(head(y), target)
        assert_type(slope, Floats)
        above = head.backward(y, slope)
        norm = bl.optim.clip_grad_norm_(above, 1.0)
        assert_type(norm, float)
        return loss, [lstm.backward(tape, above.input), above]

    optimizer = bl.optim.Adam([lstm, head], lr=1e-3)
    return bl.optim.fit(objective, optimizer, [(x, target)], 3, patience=2)


def fit_stack(stack: bl.Stack, x: Floats, target: list[list[int]]) -> dict[str, Floats]:
    def objective(x: Floats) -> tuple[float, bl.StackGradients]:
        y, _, tape = stack.forward(x, training=True)
        loss, slope = bl.optim.cross_entropy(y, target)
        return loss, stack.backward(tape, slope)

    sgd = bl.optim.SGD(stack, lr=0.1, momentum=0.9, nesterov=True)
    for epoch in bl.optim.loop(objective, sgd, [[x]], 2, schedule=lambda epoch: 0.1 / (1 + epoch)):
        assert_type(epoch.validation, float | None)
    return sgd.copies()
