"""PyTorch's exporters themselves, where they are installed: stacks of every kind, read whole."""

from __future__ import annotations

import io
from itertools import product
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import onnx
import pytest
from bnns_lstm.formats import read_onnx

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


def exported(torch: Any, lstm: Any, path: Path, *, dynamo: bool, dynamic: bool) -> Any:
    class Outputs(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.lstm = lstm

        def forward(self, x: Any) -> Any:
            return self.lstm(x)[0]

    words: dict[str, Any] = {}
    if dynamo:
        pytest.importorskip("onnxscript")
    if dynamic and dynamo:
        axes = {axis: torch.export.Dim(f"d{axis}", min=1, max=99) for axis in (0, 1)}
        words["dynamic_shapes"] = (axes,)
    elif dynamic:
        words["dynamic_axes"] = {"x": {0: "d0", 1: "d1"}}
    made = Outputs().eval()
    torch.onnx.export(
        made, (torch.randn(4, 5, 2),), path, dynamo=dynamo, input_names=["x"], external_data=False,
        verbose=False, **words,
    )  # fmt: skip
    return made


EITHER = (False, True)
KINDS = [
    *product((2,), EITHER, EITHER, EITHER, EITHER),
    *product((3,), (True,), (True,), EITHER, EITHER),
    *product((4,), (False,), (False,), EITHER, EITHER),
]


@pytest.mark.parametrize(("layers", "bidirectional", "batch_first", "dynamic", "dynamo"), KINDS)
def test_torch_exports_are_stacks(
    torch: Any,
    tmp_path: Path,
    layers: int,
    bidirectional: bool,
    batch_first: bool,
    dynamic: bool,
    dynamo: bool,
) -> None:
    torch.manual_seed(layers)
    kind = {"num_layers": layers, "bidirectional": bidirectional, "batch_first": batch_first}
    lstm = torch.nn.LSTM(2, 3, dropout=0.5, **kind)
    path = tmp_path / "a.onnx"
    made = exported(torch, lstm, path, dynamo=dynamo, dynamic=dynamic)
    nodes = [node.name for node in onnx.load(path).graph.node if node.op_type == "LSTM"]
    x = torch.randn(4, 5, 2)
    y = made(x).detach().numpy()
    given = x.numpy().swapaxes(0, 1) if batch_first else x.numpy()
    for node in (None, nodes):
        stored = read_onnx(path, node)
        assert (stored.num_layers, stored.batch_first) == (layers, False)
        found = bl.LSTM.from_onnx(path, node)(given)[0]
        np.testing.assert_allclose(found.swapaxes(0, 1) if batch_first else found, y, atol=2e-6)


def test_a_transpose_between_torch_layers_is_refused(torch: Any) -> None:
    class Mixed(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.low, self.high = torch.nn.LSTM(2, 3), torch.nn.LSTM(3, 3)

        def forward(self, x: Any) -> Any:
            return self.high(self.low(x)[0].transpose(0, 1))[0]

    file = io.BytesIO()
    torch.onnx.export(Mixed().eval(), (torch.randn(4, 5, 2),), file, dynamo=False)
    made = onnx.load_from_string(file.getvalue())
    with pytest.raises(bl.WeightsError, match=r"\(Transpose\) makes \[batch, steps, hidden\] of"):
        bl.LSTM.from_onnx(made)
