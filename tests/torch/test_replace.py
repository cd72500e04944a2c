"""`replace_lstms`: what it replaces, what goes along, and what it says that it left."""

from __future__ import annotations

import copy

import bnns_lstm.torch
import pytest
import torch
from bnns_lstm.torch import Replaced, TensorError, replace_lstms
from torch import nn
from torch.nn.utils import parametrizations


class Own(nn.LSTM):
    """A subclass of somebody's."""


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 3)
        self.encoder = nn.LSTM(3, 4, 2, bidirectional=True, batch_first=True, dropout=0.3)
        self.head = nn.ModuleDict({"rnn": nn.LSTM(8, 5, proj_size=2), "out": nn.Linear(2, 2)})

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        y, _ = self.encoder(self.embedding(tokens))
        z: torch.Tensor = self.head["out"](self.head["rnn"](y.transpose(0, 1))[0])
        return z


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_a_model_computes_the_same_and_trains_on() -> None:
    model, tokens = Model().eval(), torch.randint(7, (2, 6))
    # An optimiser that was made before goes on with the same parameters.
    twin = copy.deepcopy(model)
    optimizers = [torch.optim.Adam(each.parameters(), lr=0.05) for each in (model, twin)]
    report = replace_lstms(model)
    assert report == Replaced(model, ("encoder", "head.rnn"), {})
    assert str(report) == "encoder: replaced\nhead.rnn: replaced"
    assert type(model.encoder) is type(model.head["rnn"]) is bnns_lstm.torch.LSTM
    assert repr(model) == repr(twin)
    assert list(model.state_dict()) == list(twin.state_dict())
    for _ in range(3):
        losses = []
        for each, optimizer in zip((model, twin), optimizers, strict=True):
            optimizer.zero_grad()
            loss = each(tokens).pow(2).sum()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        torch.testing.assert_close(losses[0], losses[1], rtol=1e-4, atol=0)


def test_parameters_are_the_same_objects_in_one_memory() -> None:
    model = nn.Sequential(nn.LSTM(3, 4, 2))
    before = [id(weight) for weight in model.parameters()]
    replace_lstms(model)
    assert [id(weight) for weight in model.parameters()] == before
    lstm = model[0]
    assert lstm._home.has([getattr(lstm, name) for name in lstm._shapes])


def test_hooks_attributes_and_the_mode_go_along() -> None:
    lstm = nn.LSTM(3, 4)
    seen = []
    lstm.register_forward_hook(lambda *_: seen.append(1))
    lstm.register_buffer("mask", torch.ones(2))
    lstm.remark, lstm.training = "a remark", False
    model = replace_lstms(nn.Sequential(lstm)).model
    model(torch.zeros(5, 2, 3))
    assert seen == [1]
    assert model[0].remark == "a remark"
    assert not model[0].training
    assert "mask" in model.state_dict() or "0.mask" in model.state_dict()


def test_an_lstm_in_several_places_stays_one() -> None:
    lstm = nn.LSTM(3, 3)
    model = nn.ModuleDict({"a": lstm, "b": nn.Sequential(lstm), "c": lstm})
    report = replace_lstms(model)
    assert set(report.replaced) == {"a", "b.0", "c"}
    assert model["a"] is model["b"][0] is model["c"]


def test_a_model_that_is_an_lstm_is_in_the_report() -> None:
    lstm = nn.LSTM(3, 4)
    report = replace_lstms(lstm)
    assert report.replaced == ("(the model)",)
    assert type(report.model) is bnns_lstm.torch.LSTM
    assert report.model.weight_hh_l0 is lstm.weight_hh_l0


def test_what_is_left_is_said_with_the_reason() -> None:
    quirky = nn.LSTM(3, 4)
    quirky.forward = lambda x: (x, None)  # type: ignore[method-assign]
    model = nn.ModuleDict(
        {
            "own": Own(3, 4),
            "normed": parametrizations.weight_norm(nn.LSTM(3, 4), "weight_hh_l0"),
            "meta": nn.LSTM(3, 4, device="meta"),
            "wide": nn.LSTM(3, 4, dtype=torch.float64),
            "narrow": nn.Sequential(nn.LSTM(3, 4).half()),
            "all": nn.LSTM(3, 4, 2, dropout=1.0),
            "quirky": quirky,
            "gru": nn.GRU(3, 4),
            "good": nn.LSTM(3, 4),
        }
    )
    before = {name: type(child) for name, child in model.named_modules()}
    report = replace_lstms(model)
    assert report.replaced == ("good",)
    assert report.left == {
        "own": "Own is a subclass of torch.nn.LSTM, which may compute something else",
        "normed": "ParametrizedLSTM is a subclass of torch.nn.LSTM, which may compute something else",
        "meta": "weight_ih_l0 lies on meta, and only the CPU is computed on",
        "wide": "weight_ih_l0 is torch.float64, and only torch.float32 is computed",
        "narrow.0": "weight_ih_l0 is torch.float16, and only torch.float32 is computed",
        "all": "dropout=1.0 drops everything between layers, and only ratios below 1 are computed",
        "quirky": "its forward was replaced",
    }
    assert "narrow.0: left, weight_ih_l0 is torch.float16" in str(report)
    before["good"] = bnns_lstm.torch.LSTM
    assert {name: type(child) for name, child in model.named_modules()} == before


def test_a_second_time_there_is_nothing_to_replace() -> None:
    model = nn.Sequential(nn.LSTM(3, 4))
    replace_lstms(model)
    first = model[0]
    report = replace_lstms(model)
    assert (report.replaced, report.left) == ((), {})
    assert str(report) == "no LSTM"
    assert model[0] is first


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(TensorError, match=r"model: expected a torch\.nn\.Module, found dict"):
        replace_lstms({})
