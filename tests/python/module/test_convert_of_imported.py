"""`convert=` of every way to an LSTM: as the constructor's."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from coreml_tools import message, written

LSTM = bl.LSTM(3, 4, seed=0)
X = np.random.default_rng(0).uniform(-1, 1, (5, 2, 3)).astype(np.float32)


def keras_weights() -> list[Any]:
    """Those of `get_weights()`: transposed, one bias; the order of gates is the same."""
    arrays = LSTM.state_dict()
    bias = arrays["bias_ih_l0"] + arrays["bias_hh_l0"]
    return [arrays["weight_ih_l0"].T.copy(), arrays["weight_hh_l0"].T.copy(), bias]


def from_coreml(folder: Path, **words: Any) -> Any:
    """Limits do not act on inputs as small as these."""
    model, arrays = message("default_clip"), LSTM.state_dict()
    own = model.neuralNetwork.layers[0].uniDirectionalLSTM.weightParams
    kinds = {"WeightMatrix": arrays["weight_ih_l0"], "RecursionMatrix": arrays["weight_hh_l0"]}
    kinds["BiasVector"] = arrays["bias_ih_l0"] + arrays["bias_hh_l0"]
    gates = ("inputGate", "forgetGate", "blockInput", "outputGate")
    for ending, array in kinds.items():
        for gate, block in zip(gates, np.split(array, 4), strict=True):
            getattr(own, gate + ending).floatValue[:] = block.ravel().tolist()
    return bl.LSTM.from_coreml(written(folder, model), **words)


def from_file(write: Callable[[Path], None], read: Any) -> Callable[..., Any]:
    def made(folder: Path, **words: Any) -> Any:
        write(folder / "a")
        return read(folder / "a", **words)

    return made


WAYS: dict[str, Callable[..., Any]] = {
    "from_torch": lambda _, **words: bl.LSTM.from_torch(LSTM.state_dict(), **words),
    "from_keras": lambda _, **words: bl.LSTM.from_keras(keras_weights(), **words),
    "from_coreml": from_coreml,
    "from_onnx": from_file(LSTM.to_onnx, bl.LSTM.from_onnx),
    "load": from_file(LSTM.save, bl.LSTM.load),
    "from_layer_parameters": lambda _, **words: bl.LSTM.from_layer_parameters(
        LSTM.layer_parameters(X), **words
    ),
}


@pytest.mark.parametrize("make", WAYS.values(), ids=WAYS.keys())
def test_other_types_are_converted_where_that_is_asked_for(
    make: Callable[..., Any], tmp_path: Path
) -> None:
    made = make(tmp_path, convert=True)
    x = X.swapaxes(0, 1) if made.config.batch_first else X
    wide = x.astype(np.float64)
    wanted = LSTM(X)[0]
    for lstm in (made, copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        y = lstm(wide)[0]
        np.testing.assert_allclose(
            y.swapaxes(0, 1) if made.config.batch_first else y, wanted, atol=1e-6
        )
        lstm.load_state_dict(
            {name: array.astype("f8") for name, array in lstm.state_dict().items()}
        )
    for plain in (make(tmp_path), make(tmp_path, convert=False)):
        assert plain(x)[0].shape == y.shape
        with pytest.raises(bl.ArgumentError, match="x: expected float32"):
            plain(wide)


@pytest.mark.parametrize("make", WAYS.values(), ids=WAYS.keys())
def test_what_is_neither_true_nor_false_is_refused_with_the_threads(
    make: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(bl.ArgumentError) as caught:
        make(tmp_path, convert="yes", num_threads=0)
    assert [issue.path for issue in caught.value.issues] == ["num_threads", "convert"]
