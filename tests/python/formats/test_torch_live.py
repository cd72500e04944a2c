"""Weights of PyTorch itself; each test is skipped where it is not installed."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm.formats import read_torch, write_state_dict
from formats_tools import assert_same, computed, random_stored, x_of
from reference import Array


@pytest.fixture
def torch() -> Any:
    module = pytest.importorskip("torch")
    module.manual_seed(3)
    return module


def assert_computes(source: Any, wanted: Any, prefix: Any = "") -> None:
    """Compare outputs [S, N, H] with those of what is read."""
    stored = read_torch(source, prefix)
    x = x_of(stored)
    assert not stored.batch_first
    np.testing.assert_allclose(computed(stored, x)[0], wanted(x), atol=1e-6)


def called(torch: Any, lstm: Any) -> Any:
    """What a module computes, as a function of NumPy's arrays."""

    def call(x: Array) -> Array:
        lstm.eval()
        with torch.no_grad():
            found: Array = lstm(torch.from_numpy(x))[0].numpy()
        return found

    return call


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_pytorch_computes_the_same(
    layers: int, bidirectional: bool, bias: bool, torch: Any
) -> None:
    sizes = {"num_layers": layers, "bidirectional": bidirectional, "bias": bias}
    lstm = torch.nn.LSTM(3, 4, batch_first=True, **sizes)
    stored = read_torch(lstm)
    assert_same(stored, random_stored(batch_first=True, **sizes), but=("parameters",))
    x = x_of(stored)
    y, (hn, cn) = lstm(torch.from_numpy(x).transpose(0, 1))
    wanted = (y.transpose(0, 1), hn, cn)
    for one, other in zip(computed(stored, x), wanted, strict=True):
        np.testing.assert_allclose(one, other.detach().numpy(), atol=1e-6)
    other = torch.nn.LSTM(3, 4, **sizes)
    entries = write_state_dict(random_stored(**sizes))
    other.load_state_dict({name: torch.from_numpy(array) for name, array in entries.items()})
    assert_same(read_torch(other), random_stored(**sizes))
    half = {name: tensor.to(torch.bfloat16) for name, tensor in lstm.state_dict().items()}
    for name, array in read_torch(half).parameters.items():
        np.testing.assert_array_equal(array, half[name].float().numpy())


def stepped(torch: Any, cells: Any) -> Any:
    """What cells above each other compute."""

    def call(x: Array) -> Array:
        states: list[Any] = [None] * len(cells)
        outputs = []
        with torch.no_grad():
            for step in torch.from_numpy(x):
                below = step
                for i, cell in enumerate(cells):
                    states[i] = cell(below, states[i])
                    below = states[i][0]
                outputs.append(below)
        found: Array = torch.stack(outputs).numpy()
        return found

    return call


@pytest.mark.parametrize("bias", [False, True])
def test_cells_and_lists_of_cells_compute_the_same(bias: bool, torch: Any) -> None:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            cells = [torch.nn.LSTMCell(3, 4, bias), torch.nn.LSTMCell(4, 4, bias)]
            self.cells = torch.nn.ModuleList(cells)
            self.head = torch.nn.Linear(4, 1)

    model = Model()
    cells, entries = list(model.cells), model.state_dict()
    assert_computes(cells[0], stepped(torch, cells[:1]))
    assert_computes(entries, stepped(torch, cells[:1]), "cells.0.")
    both = stepped(torch, cells)
    for source in (model.cells, cells, tuple(one.state_dict() for one in cells)):
        assert_computes(source, both)
    for source in (model, entries, {"epoch": 1, "state_dict": entries}):
        assert_computes(source, both, "cells.")
        assert_computes(source, both, ["cells.0.", "cells.1."])


@pytest.mark.parametrize("dim", [0, 1, None])
@pytest.mark.parametrize("way", ["utils", "parametrizations"])
@pytest.mark.parametrize("name", ["weight_ih_l1", "weight_hh_l0"])
def test_weight_norm_is_folded(name: str, way: str, dim: int | None, torch: Any) -> None:
    lstm = torch.nn.LSTM(3, 4, 2)
    utils = torch.nn.utils if way == "utils" else torch.nn.utils.parametrizations
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        utils.weight_norm(lstm, name, dim=dim)
    with torch.no_grad():  # after this the attribute of the older way is stale
        for key, parameter in lstm.named_parameters():
            if key.endswith(("_g", "original0")):
                parameter.mul_(1.5)
    assert_computes(lstm.state_dict(), called(torch, lstm))
    assert_computes(lstm, called(torch, lstm))


@pytest.mark.parametrize("way", ["utils", "parametrizations"])
@pytest.mark.parametrize("training", [False, True])
def test_spectral_norm_is_folded_as_in_eval(way: str, training: bool, torch: Any) -> None:
    lstm = torch.nn.LSTM(3, 4)
    utils = torch.nn.utils if way == "utils" else torch.nn.utils.parametrizations
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        utils.spectral_norm(lstm, "weight_hh_l0")
    lstm.train()
    lstm(torch.zeros(2, 1, 3))
    lstm.train(training)
    before = {name: tensor.clone() for name, tensor in lstm.state_dict().items()}
    stored = read_torch(lstm)
    assert all(torch.equal(tensor, before[name]) for name, tensor in lstm.state_dict().items())
    assert_same(read_torch(before), stored)
    lstm.eval()
    assert_computes(lstm, called(torch, lstm))
    wanted = lstm.weight_hh_l0.detach().numpy()
    np.testing.assert_allclose(stored.parameters["weight_hh_l0"], wanted, rtol=1e-6)


def test_other_parametrisations_are_read_from_modules_alone(torch: Any) -> None:
    lstm = torch.nn.LSTM(3, 4)
    torch.nn.utils.parametrizations.orthogonal(lstm, "weight_hh_l0")
    assert_computes(lstm, called(torch, lstm))
    np.testing.assert_array_equal(
        read_torch(lstm).parameters["weight_hh_l0"], lstm.weight_hh_l0.detach().numpy()
    )
    with pytest.raises(bl.WeightsError, match="remove_parametrizations"):
        read_torch(lstm.state_dict())
    torch.nn.utils.parametrize.remove_parametrizations(lstm, "weight_hh_l0")
    assert_computes(lstm.state_dict(), called(torch, lstm))


def test_pruned_weights_are_folded(torch: Any) -> None:
    lstm = torch.nn.LSTM(3, 4)
    import_module("torch.nn.utils.prune").l1_unstructured(lstm, "weight_hh_l0", 0.3)
    assert (read_torch(lstm).parameters["weight_hh_l0"] == 0).sum() == 19
    assert_computes(lstm, called(torch, lstm))
    assert_computes(lstm.state_dict(), called(torch, lstm))


def test_quantised_modules_are_refused(torch: Any) -> None:
    model = torch.nn.Sequential(torch.nn.LSTM(3, 4, 2), torch.nn.LSTMCell(3, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = torch.ao.quantization.quantize_dynamic(
            model, {torch.nn.LSTM, torch.nn.LSTMCell}, dtype=torch.qint8
        )
    for part in (model[0], model[1]):
        with pytest.raises(
            bl.WeightsError, match=r"a dynamically quantised LSTM, .*unsupported_he"
        ):
            read_torch(part)
    with pytest.raises(
        bl.WeightsError, match=r"quantised LSTMs alone, under the prefixes '0\.', '1\.'"
    ):
        read_torch(model)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_pytorch_computes_the_same_projections(
    layers: int, bidirectional: bool, bias: bool, torch: Any
) -> None:
    sizes = {"num_layers": layers, "bidirectional": bidirectional, "bias": bias, "proj_size": 2}
    lstm = torch.nn.LSTM(3, 4, **sizes)
    assert_computes(lstm, called(torch, lstm))
    assert_computes(lstm.state_dict(), called(torch, lstm))
    own = bl.LSTM(3, 4, seed=1, **sizes)
    assert [*own.state_dict()] == [*lstm.state_dict()]
    lstm.load_state_dict(
        {name: torch.from_numpy(array) for name, array in own.state_dict().items()}
    )
    assert_same(read_torch(lstm), own._stored())
    assert_computes(own.state_dict(), called(torch, lstm))


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_projected_modules_give_the_gradients_of_pytorch(
    bidirectional: bool, is_packed: bool, torch: Any
) -> None:
    module = torch.nn.LSTM(3, 7, 2, batch_first=True, bidirectional=bidirectional, proj_size=4)
    lstm = bl.LSTM.from_torch(module)
    assert lstm.config.batch_first
    x = torch.randn(4, 6, 3, requires_grad=True)
    state = [
        torch.randn(2 * lstm.config.directions, 4, width, requires_grad=True) for width in (4, 7)
    ]
    given = x
    if is_packed:
        pack = torch.nn.utils.rnn.pack_padded_sequence
        given = pack(x, [3, 6, 1, 4], batch_first=True, enforce_sorted=False)
    y, final = module(given, tuple(state))
    if is_packed:
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True)
        given = pack(x.detach(), [3, 6, 1, 4], batch_first=True, enforce_sorted=False)
    start = [part.detach().numpy() for part in state]
    found, own, tape = lstm.forward(given if is_packed else x.detach(), start, training=True)
    dy, *d_state = [torch.randn_like(part) for part in (y, *final)]
    torch.autograd.backward([y, *final], [dy, *d_state])
    gradients = lstm.backward(tape, dy, d_state)
    pairs = zip((found, *own), (y, *final), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other.detach().numpy(), atol=2e-6)
    leaves = {"x": x, "h0": state[0], "c0": state[1], **dict(module.named_parameters())}
    ours = {"x": gradients.input, "h0": gradients.state.h, "c0": gradients.state.c}
    ours |= gradients.parameters
    assert ours.keys() == leaves.keys()
    for name, leaf in leaves.items():
        np.testing.assert_allclose(ours[name], leaf.grad.numpy(), atol=3e-5, err_msg=name)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("way", ["utils", "parametrizations"])
def test_weight_norm_of_a_projection_is_folded(way: str, torch: Any) -> None:
    lstm = torch.nn.LSTM(3, 4, proj_size=2)
    utils = torch.nn.utils if way == "utils" else torch.nn.utils.parametrizations
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        utils.weight_norm(lstm, "weight_hr_l0")
    assert_computes(lstm.state_dict(), called(torch, lstm))
    assert_computes(lstm, called(torch, lstm))
