"""Training a stack of LSTMs: gradients of the chain of backward calls, and finite differences."""

from __future__ import annotations

from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Array
from stacks import assert_equal, random_stack, random_states

STEPS, ROWS = 4, 3


def chained(
    stack: bl.Stack, tapes: list[bl.Tape], dy: Any, d_state: Any
) -> tuple[Array, tuple[bl.LSTMState, ...], dict[str, Array]]:
    """Gradients by a backward call of each LSTM."""
    states, parameters = [], dict[str, Array]()
    for number in reversed(range(len(tapes))):
        found = stack.lstms[number].backward(tapes[number], dy, d_state[number])
        dy = found.input
        states.insert(0, found.state)
        own = {f"{number}.{name}": array for name, array in found.parameters.items()}
        parameters = own | parameters
    return dy, tuple(states), parameters


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6), kind=st.sampled_from(["plain", "lengths", "mask"]))
def test_training_gives_the_bits_of_one_after_the_other(seed: int, kind: str) -> None:
    stack, random = random_stack(seed, dropout=0.25)
    config = stack.configs[0]
    axes = (ROWS, STEPS) if config.batch_first else (STEPS, ROWS)
    x = random.uniform(-1, 1, (*axes, config.input_size)).astype(np.float32)
    words: dict[str, Any] = {}
    if kind == "lengths":
        words["lengths"] = random.integers(0, STEPS + 1, ROWS)
    elif kind == "mask":
        words["mask"] = np.ones(axes, np.bool_)
        words["mask"][..., -1 if config.batch_first else 0] = False
        words["mask"] = words["mask"] if config.batch_first else words["mask"][::-1]
    state = random_states(stack, ROWS, random)
    y: Any = x
    finals, tapes = [], []
    for number, lstm in enumerate(stack.lstms):
        key = (2**64 - 1 + number) % 2**64
        y, final, tape = lstm.forward(y, state[number], training=True, dropout_seed=key, **words)
        finals.append(final)
        tapes.append(tape)
    found, states, tape = stack.forward(x, state, training=True, dropout_seed=2**64 - 1, **words)
    assert_equal((found, states), (y, tuple(finals)))
    d_state = random_states(stack, ROWS, random)
    wanted = chained(stack, tapes, y, d_state)
    gradients = stack.backward(tape, found, d_state)
    assert_equal((gradients.input, gradients.state, dict(gradients.parameters)), wanted)


def small(**words: Any) -> tuple[bl.Stack, Array]:
    stack = bl.Stack([
        bl.LSTM(2, 3, bidirectional=True, merge="mul", seed=0),
        bl.LSTM(3, 4, peephole="diagonal", activations={"candidate": "softsign"}, seed=1, **words),
        bl.LSTM(4, 2, bidirectional=True, bias=False, merge="ave", seed=2),
    ])  # fmt: skip
    return stack, np.random.default_rng(0).uniform(-1, 1, (4, 2, 2)).astype(np.float32)


def test_gradients_agree_with_finite_differences() -> None:
    stack, x = small()
    random = np.random.default_rng(1)
    state = [
        tuple(random.uniform(-1, 1, shape).astype(np.float32) for _ in range(2))
        for shape in ((2, 2, 3), (1, 2, 4), (2, 2, 2))
    ]
    y, final, tape = stack.forward(x, state, lengths=[4, 3], training=True)
    dy = random.uniform(-1, 1, y.shape).astype(np.float32)
    d_state = [
        tuple(random.uniform(-1, 1, part.shape).astype(np.float32) for part in pair)
        for pair in final
    ]
    gradients = stack.backward(tape, dy, d_state)

    def loss() -> float:
        found, states = stack(x, state, lengths=[4, 3])
        total = np.vdot(found.astype("f8"), dy)
        for pair, weights in zip(states, d_state, strict=True):
            for part, weight in zip(pair, weights, strict=True):
                total += np.vdot(part.astype("f8"), weight)
        return float(total)

    checked = [(x, gradients.input)]
    for pair, of_pair in zip(state, gradients.state, strict=True):
        checked += list(zip(pair, of_pair, strict=True))
    views = stack.parameters
    checked += [(views[name], array) for name, array in gradients.parameters.items()]
    assert len(checked) == 1 + 6 + len(stack.state_dict())
    for array, gradient in checked:
        direction = random.choice([-1.0, 1.0], array.shape).astype(np.float32)
        before, step = array.copy(), 1e-2
        sides = []
        for sign in (1, -1):
            array[...] = before + sign * step * direction
            stack.update()
            sides.append(loss())
        array[...] = before
        stack.update()
        slope = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(np.vdot(gradient, direction), slope, rtol=5e-3, atol=5e-4)


def test_a_gradient_of_one_lower_state_alone_is_enough() -> None:
    stack, x = small()
    _, final, tape = stack.forward(x, training=True)
    weight = np.ones_like(final[1].h)
    found = stack.backward(tape, d_state=[None, (weight, np.zeros_like(final[1].c)), None])
    _, _, low = stack.lstms[0].forward(x, training=True)
    y, _, middle = stack.lstms[1].forward(stack.lstms[0](x)[0], training=True)
    above = stack.lstms[1].backward(middle, None, (weight, np.zeros_like(final[1].c)))
    below = stack.lstms[0].backward(low, above.input)
    assert_equal(found.input, below.input)
    assert found.input.any()
    assert not found.parameters["2.weight_ih_l0"].any()
    assert not found.state[2].h.any()
    assert y.shape == (4, 2, 4)


def test_a_pair_of_outputs_takes_a_pair_of_gradients() -> None:
    stack = bl.Stack([bl.LSTM(2, 3, seed=0), bl.LSTM(3, 4, bidirectional=True, merge=None, seed=1)])
    x = np.ones((4, 2, 2), np.float32)
    (forward, backward), _, tape = stack.forward(x, training=True)
    found = stack.backward(tape, (forward, backward))
    low, _, first = stack.lstms[0].forward(x, training=True)
    _, _, second = stack.lstms[1].forward(low, training=True)
    wanted = stack.lstms[1].backward(second, (forward, backward))
    assert_equal(found.input, stack.lstms[0].backward(first, wanted.input).input)


def test_each_lstm_draws_its_own_dropout_where_no_seed_is_given() -> None:
    def made() -> bl.Stack:
        return bl.Stack([bl.LSTM(3, 4, 2, dropout=0.5, seed=n) for n in (0,)]
                        + [bl.LSTM(4, 3, 2, dropout=0.5, seed=1)])  # fmt: skip

    stack, other = made(), made()
    x = np.ones((4, 2, 3), np.float32)
    for _ in range(2):
        found = stack.forward(x, training=True)[0]
        low = other.lstms[0].forward(x, training=True)[0]
        assert_equal(found, other.lstms[1].forward(low, training=True)[0])
    assert not np.array_equal(found, stack(x)[0])


def test_equal_seeds_drop_other_values_in_each_lstm() -> None:
    lstms = [bl.LSTM(3, 3, 2, dropout=0.5, seed=0), bl.LSTM(3, 3, 2, dropout=0.5, seed=0)]
    stack = bl.Stack(lstms)
    _, _, tape = stack.forward(np.ones((4, 2, 3), np.float32), training=True, dropout_seed=7)
    assert [one.filter_params.seed for one in tape.tapes] == [7, 8]


def test_tapes_of_changed_weights_are_refused_by_the_number_of_the_lstm() -> None:
    stack, x = small()
    y, _, tape = stack.forward(x, training=True)
    stack.parameters["1.weight_hh_l0"] *= 2
    with pytest.raises(bl.ArgumentError) as caught:
        stack.backward(tape, y)
    (issue,) = caught.value.issues
    assert (issue.path, issue.code) == ("tape.tapes[1]", bl.codes.CHANGED_WEIGHTS)
    stack.parameters["1.weight_hh_l0"] /= 2
    assert stack.backward(tape, y).input.any()


def test_tapes_belong_to_their_configurations() -> None:
    stack, x = small()
    y, _, tape = stack.forward(x, training=True)
    assert repr(tape).startswith("<StackTape: <Tape: 4 steps, 2 samples, ")
    other = bl.Stack(stack.lstms[:1])
    longer = stack.forward(np.ones((5, 2, 2), np.float32), training=True)[2]
    for wrong, code in (
        (other.forward(x, training=True)[2], bl.codes.OTHER_LAYER),
        (type(tape)((longer.tapes[0], *tape.tapes[1:])), bl.codes.SIZE_MISMATCH),
        (type(tape)(tape.tapes[::-1]), bl.codes.OTHER_LAYER),
        (tape.tapes[2], bl.codes.WRONG_TYPE),
        (tape.tapes, bl.codes.WRONG_TYPE),
        (type(tape)(()), bl.codes.WRONG_TYPE),
        (type(tape)((1, 2, 3)), bl.codes.WRONG_TYPE),
        (type(tape)(None), bl.codes.WRONG_TYPE),
    ):
        with pytest.raises(bl.ArgumentError) as caught:
            stack.backward(wrong, y)
        (issue,) = caught.value.issues
        assert (issue.path, issue.code) == ("tape", code)


def test_a_training_loop_lowers_a_loss() -> None:
    stack, x = small()
    losses = []
    for _ in range(20):
        y, _, tape = stack.forward(x, training=True)
        losses.append(float(np.mean((y - 0.5) ** 2)))
        gradients = stack.backward(tape, 2 * (y - np.float32(0.5)) / y.size)
        weights = stack.parameters
        for name in weights:
            weights[name] -= 2 * gradients.parameters[name]
    assert losses[-1] < 0.5 * losses[0]


def test_pytorch_gives_the_same_for_a_module_list() -> None:
    torch: Any = pytest.importorskip("torch")
    stack = bl.Stack([bl.LSTM(3, 5, bidirectional=True, seed=0), bl.LSTM(10, 4, 2, seed=1)])
    modules = torch.nn.ModuleList([
        torch.nn.LSTM(3, 5, bidirectional=True), torch.nn.LSTM(10, 4, num_layers=2),
    ])  # fmt: skip
    assert list(modules.state_dict()) == list(stack.state_dict())
    stack.load_state_dict({name: one.numpy() for name, one in modules.state_dict().items()})
    x = np.random.default_rng(0).uniform(-1, 1, (6, 2, 3)).astype(np.float32)
    given_x = torch.from_numpy(x).requires_grad_()
    wanted = modules[1](modules[0](given_x)[0])[0]
    wanted.backward(torch.ones_like(wanted))
    y, _, tape = stack.forward(x, training=True)
    np.testing.assert_allclose(y, wanted.detach().numpy(), atol=1e-6)
    gradients = stack.backward(tape, np.ones_like(y))
    np.testing.assert_allclose(gradients.input, given_x.grad.numpy(), atol=1e-5)
    for name, weight in modules.named_parameters():
        np.testing.assert_allclose(gradients.parameters[name], weight.grad.numpy(), atol=1e-5)
