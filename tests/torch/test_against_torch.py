"""Values and gradients beside `torch.nn.LSTM`: every constructor argument, input forms, states."""

from __future__ import annotations

import itertools
from typing import Any

import bnns_lstm.torch
import pytest
import torch
from pairs import both, gradients, pair, results
from torch import nn

STEPS, ROWS, INPUTS, UNITS = 6, 4, 5, 7
OPTIONS = [
    {"num_layers": layers, "bidirectional": two, "bias": bias, "proj_size": projection}
    for layers, two, bias, projection in itertools.product(
        (1, 2), (False, True), (True, False), (0, 3)
    )
]


def text(options: dict[str, Any]) -> str:
    return "-".join(f"{name}={value}" for name, value in options.items())


def states(options: dict[str, Any], rows: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Random initial states; without rows those of an input without a batch."""
    stack = options["num_layers"] * (2 if options["bidirectional"] else 1)
    middle = () if rows is None else (rows,)
    outputs = options["proj_size"] or UNITS
    return torch.randn(stack, *middle, outputs), torch.randn(stack, *middle, UNITS)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("options", OPTIONS, ids=text)
def test_a_batch(options: dict[str, Any], batch_first: bool) -> None:
    modules = pair(INPUTS, UNITS, **options, batch_first=batch_first)
    x = torch.randn(STEPS, ROWS, INPUTS)
    both(modules, x)
    both(modules, x, states(options, STEPS if batch_first else ROWS))


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("options", OPTIONS[::3], ids=text)
def test_an_input_without_a_batch(options: dict[str, Any], batch_first: bool) -> None:
    modules = pair(INPUTS, UNITS, **options, batch_first=batch_first)
    x = torch.randn(STEPS, INPUTS)
    both(modules, x)
    both(modules, x, states(options, None))


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (50, 1), (3, 40)])
def test_odd_sizes(shape: tuple[int, int]) -> None:
    both(pair(3, 17, num_layers=2), torch.randn(*shape, 3))
    both(pair(3, 17, num_layers=2, batch_first=True), torch.randn(*shape, 3))


def test_no_sample_gives_empty_tensors_and_gradients_of_0() -> None:
    theirs, ours = pair(3, 4, num_layers=2)
    x, hx = torch.zeros(5, 0, 3), (torch.zeros(2, 0, 4), torch.zeros(2, 0, 4))
    for state in (None, hx):
        with torch.no_grad():
            expected, found = results(theirs, x, state), results(ours, x, state)
        assert {name: value.shape for name, value in found.items()} == {
            name: value.shape for name, value in expected.items()
        }
        expected, found = gradients(theirs, x, state), gradients(ours, x, state)
        for name, value in expected.items():
            assert torch.equal(found[name], value), name


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.transpose(0, 1),
        lambda x: x[::2],
        lambda x: x.flip(0)[:, 1:],
        lambda x: x[:, :1].expand(-1, 4, -1),
        lambda x: x.permute(2, 0, 1).contiguous().permute(1, 2, 0),
        lambda x: x.as_strided((3, 3, 5), (4, 2, 1)),
        lambda x: torch.complex(x, x).conj().imag,
    ],
    ids=["transposed", "stepped", "sliced", "expanded", "permuted", "overlapping", "negated"],
)
def test_inputs_with_strides(view: Any) -> None:
    both(pair(INPUTS, UNITS), view(torch.randn(6, 4, INPUTS)))
    both(pair(INPUTS, UNITS, batch_first=True), view(torch.randn(6, 4, INPUTS)))


def test_states_and_incoming_gradients_with_strides() -> None:
    modules = pair(INPUTS, UNITS, num_layers=2)
    x = torch.randn(STEPS, ROWS, INPUTS)
    h, c = torch.randn(ROWS, 2, UNITS).transpose(0, 1), torch.randn(1, 1, UNITS).expand(2, ROWS, -1)
    both(modules, x, (h, c))
    found = []
    for module in modules:
        module.zero_grad()
        module(x)[0].sum().backward()  # the gradient that reaches the node has strides of 0
        found.append(module.weight_hh_l1.grad)
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("wanted", ["y", "h", "c"])
def test_a_loss_of_one_result_alone(wanted: str) -> None:
    modules = pair(INPUTS, UNITS, num_layers=2)
    x, found = torch.randn(STEPS, ROWS, INPUTS), []
    for module in modules:
        module.zero_grad()
        (results(module, x)[wanted] ** 2).sum().backward()
        found.append([weight.grad for weight in module.parameters()])
    for theirs, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)


def test_the_constructor_is_pytorchs() -> None:
    torch.manual_seed(3)
    theirs = nn.LSTM(3, 4, 2, False, True, 0.25, True, 2)
    torch.manual_seed(3)
    ours = bnns_lstm.torch.LSTM(3, 4, 2, False, True, 0.25, True, 2)
    assert repr(ours) == repr(theirs)
    assert [name for name, _ in ours.named_parameters()] == [
        name for name, _ in theirs.named_parameters()
    ]
    # The same numbers after the same seed, too.
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)
    for name in ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional",
                 "proj_size", "mode"):  # fmt: skip
        assert getattr(ours, name) == getattr(theirs, name)
    assert isinstance(ours, nn.LSTM)
    assert [len(weights) for weights in ours.all_weights] == [3] * 4


def test_the_repr_names_what_pytorch_has_not() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4, peephole="full", activations={"hidden": "relu"})
    assert repr(lstm) == "LSTM(3, 4, peephole='full', activations={...})"


def test_reset_parameters_draws_anew() -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4, peephole="diagonal")
    x = torch.randn(5, 2, 3)
    before = {name: weight.clone() for name, weight in lstm.named_parameters()}
    with torch.no_grad():
        old = lstm(x)[0]
        lstm.reset_parameters()
        assert not torch.equal(lstm(x)[0], old)
    for name, weight in lstm.named_parameters():
        assert not torch.equal(weight, before[name]), name
        assert weight.abs().max() <= 0.5
