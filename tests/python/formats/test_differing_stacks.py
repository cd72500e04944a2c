"""Stacks of layers that differ in files of Keras and ONNX: `bl.Stack` reads them, `bl.LSTM` names its way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bnns_lstm as bl
import keras_stacks
import numpy as np
import onnx
import pytest
from bnns_lstm import codes
from bnns_lstm.formats import StoredLSTM, read_keras, read_keras_stack, read_onnx, read_onnx_stack
from bnns_lstm.formats.separate import separated
from formats_tools import assert_same, random_stored
from keras_tools import arrays_of, keras2
from onnx_tools import run

ONNX = Path(__file__).parents[1] / "data" / "onnx"
TORCH = ["torch_dynamo_differing", "torch_script_differing"]
KERAS = keras_stacks.FOLDER


@pytest.mark.parametrize("name", TORCH)
def test_stacks_that_pytorch_exported_give_onnx_runtimes_values(name: str) -> None:
    path = ONNX / f"{name}.onnx"
    stack = bl.Stack.from_onnx(path)
    assert repr(stack) == (
        "Stack([LSTM(3, 5), LSTM(5, 2, bidirectional=True), LSTM(4, 2, bidirectional=True), "
        "LSTM(4, 3, bias=False)])"
    )
    x = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)
    wanted = run(onnx.load(path), x=x)[0]
    assert np.abs(wanted).max() > 0.05
    np.testing.assert_allclose(stack(x)[0], wanted, rtol=1e-5, atol=1e-6)
    y, _, tape = stack.forward(x, training=True)
    assert stack.backward(tape, y).input.any()


@pytest.mark.parametrize("name", TORCH)
def test_an_lstm_refuses_them_and_names_what_reads_them(name: str) -> None:
    path = ONNX / f"{name}.onnx"
    with pytest.raises(bl.WeightsError) as caught:
        bl.LSTM.from_onnx(path)
    fields = [issue.path.rpartition(" ")[2] for issue in caught.value.issues]
    assert fields == ["hidden_size", "bidirectional"] * 2 + ["hidden_size", "bias"]
    for issue in caught.value.issues:
        assert issue.code == codes.STACK_MISMATCH
        assert "(bl.Stack.from_onnx reads layers that differ); node=[" in issue.expected


def test_a_part_of_a_stack_is_taken_by_the_names_of_its_nodes() -> None:
    path = ONNX / "torch_script_differing.onnx"
    names = [node.name for node in onnx.load(path).graph.node if node.op_type == "LSTM"]
    whole, part = bl.Stack.from_onnx(path), bl.Stack.from_onnx(path, names[1:])
    assert part.configs == whole.configs[1:]
    assert bl.Stack.from_onnx(path, names[2]).configs == whole.configs
    middle = bl.LSTM.from_onnx(path, names[1:3])  # these two are alike
    assert (middle.config.num_layers, middle.config.hidden_size) == (2, 2)
    with pytest.raises(bl.WeightsError) as caught:
        bl.Stack.from_onnx(path, [names[0], names[2]])
    assert caught.value.issues[0].code == codes.STACK_MISMATCH


def test_layers_that_are_alike_stay_an_lstm_each() -> None:
    path = ONNX / "torch_dynamo_four_layers_dynamic.onnx"
    whole, stack = read_onnx(path), read_onnx_stack(path)
    assert (whole.num_layers, len(stack)) == (4, 4)
    for number, layer in enumerate(stack):
        for name, array in layer.parameters.items():
            wanted = whole.parameters[name.replace("_l0", f"_l{number}")]
            np.testing.assert_array_equal(array, wanted)
    x = np.random.default_rng(0).normal(size=(5, 2, whole.input_size)).astype(np.float32)
    np.testing.assert_array_equal(bl.Stack.from_onnx(path)(x)[0], bl.LSTM.from_onnx(path)(x)[0])


@pytest.mark.parametrize("file", keras_stacks.FILES)
@pytest.mark.parametrize("top", keras_stacks.STACKS)
def test_stacks_of_keras_give_its_values(file: str, top: str) -> None:
    names, count = keras_stacks.STACKS[top]
    stack = bl.Stack.from_keras(KERAS / file, names)
    assert len(stack.lstms) == count
    with np.load(KERAS / "differing.npz") as values:
        x, wanted = values["x"], values[top]
    if names[0] == "product":
        x = bl.Stack.from_keras(KERAS / file, "wide")(x)[0]
    assert np.abs(wanted).max() > 0.01
    np.testing.assert_allclose(stack(x)[0], wanted, rtol=1e-5, atol=3e-7)


def test_the_recorded_model_is_a_stack_of_three() -> None:
    stack = bl.Stack.from_keras(KERAS / "model.keras", ["bi", "middle", "plain"])
    assert [config.bias for config in stack.configs] == [True, True, False]
    with np.load(KERAS / "outputs.npz") as values:
        np.testing.assert_allclose(stack(values["x"])[0], values["plain"], rtol=1e-5, atol=1e-6)


def test_an_lstm_refuses_layers_of_keras_that_differ_and_names_what_reads_them() -> None:
    hint = r"\(bl\.Stack\.from_keras reads layers that differ\)"
    with pytest.raises(bl.WeightsError, match=rf"cells\[1\]: hidden_size: expected 4, .* {hint}"):
        bl.LSTM.from_keras(KERAS / "differing.keras", ["cells", "reader"])
    with pytest.raises(bl.WeightsError, match=rf"middle: activations: .* {hint}"):
        bl.LSTM.from_keras(KERAS / "model.keras", ["bi", "middle"])
    with pytest.raises(bl.WeightsError, match=r"\(bl\.Stack\.from_keras reads 'mul', too\)"):
        bl.LSTM.from_keras(KERAS / "differing.keras", ["product", "mean"])


def test_a_pair_below_another_layer_is_refused(tmp_path: Path) -> None:
    words: dict[str, Any] = {"batch_first": True, "bidirectional": True}
    low, high = random_stored(0, **words), random_stored(1, input_size=8, **words)
    config = {
        "class_name": "Bidirectional",
        "config": {
            "merge_mode": None,
            "layer": {"class_name": "LSTM", "config": {"units": 4, "return_sequences": True}},
        },
    }
    layers = {"low": (config, arrays_of(low)), "high": (config, arrays_of(high))}
    path = keras2(tmp_path / "a.h5", layers)
    with pytest.raises(bl.WeightsError) as caught:
        read_keras_stack(path, ["low", "high"])
    (issue,) = caught.value.issues
    assert issue.message.startswith(
        "low: merge_mode: expected 'concat', 'sum', 'ave' or 'mul' for all layers of a stack but the last, "
    )
    with pytest.raises(bl.WeightsError) as refused:
        read_keras(path, ["low", "high"])
    assert "reads" not in str(refused.value)


def test_the_arrays_of_one_layer_are_a_stack_of_one() -> None:
    stored = random_stored(bidirectional=True, batch_first=True)
    stack = bl.Stack.from_keras(arrays_of(stored), num_threads=1, convert=True)
    (found,) = stack.lstms
    assert found.num_threads == 1
    wanted = bl.LSTM.from_keras(arrays_of(stored))
    assert found.config == wanted.config
    for name, array in wanted.state_dict().items():
        np.testing.assert_array_equal(found.state_dict()[name], array)


def test_weights_alone_that_do_not_fit_are_refused_by_name(tmp_path: Path) -> None:
    low, high = random_stored(0, batch_first=True), random_stored(1, input_size=5, batch_first=True)
    path = keras2(
        tmp_path / "a.h5", {"low": (None, arrays_of(low)), "high": (None, arrays_of(high))}
    )
    with pytest.raises(bl.WeightsError) as caught:
        bl.Stack.from_keras(path, ["low", "high"])
    assert [(issue.path, issue.code) for issue in caught.value.issues] == [
        ("high: input_size", codes.STACK_MISMATCH)
    ]


def named(*layers: StoredLSTM) -> list[tuple[str, StoredLSTM]]:
    return list(zip("abc", layers, strict=False))


def test_everything_that_does_not_fit_is_named_at_once() -> None:
    layers = named(
        random_stored(bidirectional=True, merge=None),
        random_stored(input_size=8, batch_first=True),
        random_stored(input_size=5),
    )
    with pytest.raises(bl.WeightsError) as caught:
        separated(layers)
    assert [issue.path for issue in caught.value.issues] == [
        "a: merge", "b: batch_first", "c: input_size",
    ]  # fmt: skip
    assert {issue.code for issue in caught.value.issues} == {codes.STACK_MISMATCH}


def test_initial_states_of_different_batches_are_refused() -> None:
    low, high = random_stored(state=True), random_stored(1, input_size=4, state=True)
    for one, other in zip(separated(named(low, high)), (low, high), strict=True):
        assert_same(one, other)
    assert high.state is not None
    fewer = (high.state[0][:, :1], high.state[1][:, :1])
    odd = StoredLSTM.from_config(high.config, high.parameters, fewer)
    with pytest.raises(bl.WeightsError, match="initial states: expected one batch size"):
        separated(named(low, odd))


def test_weights_of_a_direction_that_reads_its_own_alone_are_zero_for_the_other() -> None:
    words: dict[str, Any] = {"bidirectional": True}
    low, high = random_stored(0, **words), random_stored(1, input_size=4, hidden_size=2, **words)
    below, above = separated(named(low, high), {0})
    assert_same(below, low)
    assert above.input_size == 8
    for suffix, own, other in (("", slice(4), slice(4, 8)), ("_reverse", slice(4, 8), slice(4))):
        found = above.parameters[f"weight_ih_l0{suffix}"]
        np.testing.assert_array_equal(found[:, own], high.parameters[f"weight_ih_l0{suffix}"])
        assert not found[:, other].any()
