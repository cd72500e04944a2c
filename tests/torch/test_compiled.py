"""`torch.compile` breaks its graph at the module; `torch.export` and the tracers refuse it by name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import bnns_lstm.torch
import pytest
import torch
from torch import nn

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.below, self.above = nn.Linear(3, 3), nn.Linear(4, 2)
        self.lstm = bnns_lstm.torch.LSTM(3, 4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.above(self.lstm(self.below(x).relu())[0])
        return y


@pytest.fixture
def graphs() -> list[torch.fx.GraphModule]:
    torch._dynamo.reset()
    return []


def compiled(module: nn.Module, graphs: list[torch.fx.GraphModule]) -> Callable[..., Any]:
    def backend(graph: torch.fx.GraphModule, _: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    found: Callable[..., Any] = torch.compile(module, backend=backend)
    return found


def called(graphs: list[torch.fx.GraphModule]) -> str:
    """What the graphs call."""
    return " ".join(str(node.target) for graph in graphs for node in graph.graph.nodes)


def test_a_compiled_model_gives_what_it_gives_otherwise(graphs: list[Any]) -> None:
    """By default PyTorch compiles no function in which a recurrent module stands, its own ones neither."""
    model = Model()
    fast = compiled(model, graphs)
    for shape in ((5, 2, 3), (6, 4, 3)):
        x = torch.randn(shape)
        assert torch.equal(fast(x), model(x))
        with torch.no_grad():
            assert torch.equal(fast(x), model(x))
    assert "numpy" not in called(graphs)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_with_recurrent_modules_allowed_a_model_is_compiled_around_ours(graphs: list[Any]) -> None:
    model = Model()
    fast = compiled(model, graphs)
    with torch._dynamo.config.patch(allow_rnn=True):
        for _ in range(2):
            x = torch.randn(5, 2, 3)
            assert torch.equal(fast(x), model(x))
    found = called(graphs)
    assert len(graphs) >= 2
    assert "linear" in found
    assert "relu" in found
    assert "numpy" not in found


def test_a_compiled_model_trains_as_it_does_otherwise(graphs: list[torch.fx.GraphModule]) -> None:
    model, x, found = Model(), torch.randn(5, 2, 3), []
    for call in (model, compiled(model, graphs)):
        model.zero_grad()
        call(x).pow(2).sum().backward()
        found.append([weight.grad for weight in model.parameters()])
    for plain, fast in zip(*found, strict=True):
        torch.testing.assert_close(fast, plain, rtol=0, atol=1e-6)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    fast = compiled(model, graphs)
    before = fast(x)
    optimizer.step()
    assert not torch.equal(fast(x), before)
    assert torch.equal(fast(x), model(x))


def test_the_module_itself_is_compiled_to_itself(graphs: list[torch.fx.GraphModule]) -> None:
    lstm = bnns_lstm.torch.LSTM(3, 4, 2, dropout=0.5)
    fast, x = compiled(lstm, graphs), torch.randn(5, 2, 3)
    torch.manual_seed(1)
    expected = lstm(x)[0]
    torch.manual_seed(1)
    assert torch.equal(fast(x)[0], expected)
    assert "numpy" not in called(graphs)


def test_one_graph_of_everything_is_pytorchs_error() -> None:
    torch._dynamo.reset()
    whole = torch.compile(Model(), backend="eager", fullgraph=True)
    with pytest.raises(torch._dynamo.exc.Unsupported, match="LSTM"):
        whole(torch.randn(5, 2, 3))


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_with_recurrent_modules_allowed_the_reason_is_named() -> None:
    torch._dynamo.reset()
    model, x = Model(), torch.randn(5, 2, 3)
    expected = model(x)
    with torch._dynamo.config.patch(allow_rnn=True):
        assert torch.equal(torch.compile(model, backend="eager")(x), expected)
        torch._dynamo.reset()
        whole = torch.compile(model, backend="eager", fullgraph=True)
        with pytest.raises(torch._dynamo.exc.Unsupported, match="a graph cannot contain"):
            whole(x)


@pytest.mark.parametrize(
    "make", [Model, lambda: bnns_lstm.torch.LSTM(3, 4)], ids=["model", "module"]
)
def test_exports_and_traces_are_refused_by_name(make: Callable[[], nn.Module]) -> None:
    x = torch.randn(5, 2, 3)
    for name, record in (
        ("torch.export", lambda: torch.export.export(make(), (x,))),
        ("torch.jit.trace", lambda: torch.jit.trace(make(), (x,))),
        ("torch.jit.script", lambda: torch.jit.script(make())),
    ):
        with pytest.raises(
            bnns_lstm.torch.TensorError, match=rf"^{name}: expected torch\.nn\.LSTM"
        ):
            record()


def test_a_strict_export_is_refused() -> None:
    with pytest.raises(torch._dynamo.exc.Unsupported, match="LSTM"):
        torch.export.export(Model(), (torch.randn(5, 2, 3),), strict=True)


PROGRAM = """
import sys, torch, bnns_lstm.torch
lstm = bnns_lstm.torch.LSTM(3, 4)
lstm(torch.zeros(5, 2, 3))[0].sum().backward()
with torch.no_grad():
    lstm(torch.zeros(5, 2, 3))
print("torch._dynamo" in sys.modules)
"""


def test_the_compiler_is_not_imported_for_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "False", done.stderr
