"""LSTMs in and out of other libraries' formats, by value."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import bnns_lstm.formats
import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def example(**config: Any) -> tuple[bl.LSTM, Any]:
    lstm = bl.LSTM(3, 5, **({"seed": 1} | config))
    shape = (4, 6, 3) if lstm.config.batch_first else (6, 4, 3)
    return lstm, np.random.default_rng(2).uniform(-1, 1, shape).astype(np.float32)


# ONNX has one function for input, forget and output gate.
HARD = dict.fromkeys(("input", "forget", "output"), "hard_sigmoid") | {"hidden": "relu"}

configurations = st.fixed_dictionaries(
    {
        "num_layers": st.integers(1, 3),
        "bias": st.booleans(),
        "batch_first": st.booleans(),
        "bidirectional": st.booleans(),
        "activations": st.sampled_from([None, HARD]),
        "seed": st.integers(0, 1000),
    }
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(config=configurations, peephole=st.sampled_from([None, "diagonal", "full"]))
def test_a_saved_lstm_is_the_same_when_loaded(
    config: dict[str, Any], peephole: Any, tmp_path: Path
) -> None:
    dropout = 0.25 if config["num_layers"] > 1 else 0.0
    merge = ("concat", "sum", "ave", "mul", None)[config["seed"] % 5 * config["bidirectional"]]
    variant = {
        "cell_clip": (None, 0.1)[config["seed"] // 5 % 2],
        "gate_clip": (None, 1e-3)[config["seed"] // 10 % 2],
        "coupled": (None, "forget", "input")[config["activations"] is None and config["seed"] % 3],
        "proj_size": (0, 2)[config["seed"] // 20 % 2],
    }
    lstm, x = example(**config, peephole=peephole, dropout=dropout, merge=merge, **variant)
    lstm.save(tmp_path / "lstm.safetensors")
    again = bl.LSTM.load(tmp_path / "lstm.safetensors")
    assert again.config == lstm.config
    np.testing.assert_array_equal(again(x)[0], lstm(x)[0])


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(config=configurations, has_peepholes=st.booleans())
def test_onnx_runtime_computes_what_was_written(
    config: dict[str, Any], has_peepholes: bool, tmp_path: Path
) -> None:
    lstm, x = example(**config, peephole="diagonal" if has_peepholes else None)
    if has_peepholes:
        for name, array in lstm.parameters.items():
            if name.startswith("weight_ch"):
                array[10:15] = 0  # ONNX has no peephole of the candidate gate
    path = tmp_path / "lstm.onnx"
    lstm.to_onnx(path)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(3)
    stack = lstm.config.num_layers * lstm.config.directions
    h0, c0 = random.uniform(-1, 1, (2, stack, 4, 5)).astype(np.float32)
    names = [entry.name for entry in session.get_inputs()]
    found = session.run(None, dict(zip(names, (x, h0, c0), strict=True)))
    y, state = lstm(x, (h0, c0))
    for theirs, ours in zip(found, (y, *state), strict=True):
        np.testing.assert_allclose(theirs, ours, atol=2e-6)
    again = bl.LSTM.from_onnx(path)
    assert again.config == lstm.config
    np.testing.assert_array_equal(again(x)[0], lstm(x)[0])


def test_states_that_a_model_carries_are_kept_and_not_used_in_silence(tmp_path: Path) -> None:
    lstm, x = example()
    h, c = np.random.default_rng(1).uniform(-1, 1, (2, 1, 4, 5)).astype(np.float32)
    lstm.initial_state = bl.LSTMState(h, c)
    lstm.save(tmp_path / "lstm.safetensors")
    for again in (bl.LSTM.load(tmp_path / "lstm.safetensors"), pickle.loads(pickle.dumps(lstm))):
        assert again.initial_state is not None
        np.testing.assert_array_equal(again.initial_state.h, h)
        np.testing.assert_array_equal(again(x)[0], lstm(x)[0])
        assert (again(x, again.initial_state)[0] != lstm(x)[0]).any()


def test_pytorchs_names_are_taken_over() -> None:
    lstm, x = example(num_layers=2, bidirectional=True)
    found = {f"encoder.{name}": array for name, array in lstm.state_dict().items()}
    again = bl.LSTM.from_torch(found, "encoder.", num_threads=1)
    assert again.num_threads == 1
    np.testing.assert_array_equal(again(x)[0], lstm(x)[0])
    del found["encoder.bias_hh_l1"]
    with pytest.raises(bl.WeightsError, match="bias_hh_l1"):
        bl.LSTM.from_torch(found, "encoder.")


def test_arrays_of_keras_are_taken_over() -> None:
    lstm, x = example(batch_first=True, seed=4)
    weights = lstm.state_dict()
    blocks = [0, 1, 2, 3]  # Keras has i, f, c, o, transposed, and one bias

    def stacked(array: Any) -> Any:
        parts = np.split(array, 4)
        return np.concatenate([parts[block] for block in blocks])

    bias = stacked(weights["bias_ih_l0"] + weights["bias_hh_l0"])
    arrays = [stacked(weights["weight_ih_l0"]).T, stacked(weights["weight_hh_l0"]).T, bias]
    again = bl.LSTM.from_keras(arrays)
    assert again.config.batch_first
    np.testing.assert_allclose(again(x)[0], lstm(x)[0], atol=1e-6)
    with pytest.raises(bl.WeightsError):
        bl.LSTM.from_keras(arrays[:1])


def test_weights_that_a_format_cannot_hold_and_files_of_no_format_are_refused(
    tmp_path: Path,
) -> None:
    with pytest.raises(bl.WeightsError):
        example(peephole="full")[0].to_onnx(tmp_path / "lstm.onnx")
    (tmp_path / "other").write_bytes(b"no model at all")
    for read in (bl.LSTM.load, bl.LSTM.from_torch, bl.LSTM.from_onnx):
        with pytest.raises(bl.WeightsError):
            read(tmp_path / "other")
        with pytest.raises(OSError, match="missing"):
            read(tmp_path / "missing.safetensors")


def test_a_format_is_imported_when_it_is_asked_for(tmp_path: Path) -> None:
    example()[0].save(tmp_path / "lstm.safetensors")
    code = (
        "import sys, bnns_lstm as bl; bl.LSTM.load('lstm.safetensors'); "
        "print(*sorted(name for name in sys.modules "
        "if any(one in name for one in ('keras', 'onnx', 'coreml', 'protobuf')))); "
        "from bnns_lstm.formats import *; import bnns_lstm.formats as formats; "
        "print(read_keras.__module__, set(formats.__all__) <= set(dir(formats)))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["", "bnns_lstm.formats.keras.reader True"]
    with pytest.raises(AttributeError, match="no attribute 'read_tea_leaves'"):
        bnns_lstm.formats.read_tea_leaves  # noqa: B018
