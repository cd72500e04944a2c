"""ONNX Runtime's DynamicQuantizeLSTM: weights are exact, results near its own, which quantises inputs too."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import onnx
import pytest
from bnns_lstm.formats import StoredLSTM, read_onnx, write_onnx
from formats_tools import assert_same, computed, random_stored, x_of
from onnx import helper, numpy_helper
from onnx_tools import model, one_node, run, side_by_side, weights, without_candidate
from onnxruntime import InferenceSession
from onnxruntime.quantization import QuantType, quantize_dynamic
from reference import Array

NAMES = ("W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
SCALES = ("W_scale", "W_zero_point", "R_scale", "R_zero_point")
# Outputs are in -1 to 1; ONNX Runtime keeps 8 bits of the inputs of each step: the error of a few steps.
NEAR = 0.02
KINDS: list[dict[str, Any]] = [{}, {"bidirectional": True, "state": True}, {"bias": False}]


@cache
def saturates() -> bool:
    """Whether ONNX Runtime adds up two products of 8 bits in 16, as on processors with AVX2 alone.

    Two products with int8 may be too large for that, so that its result is wrong; with 7 bits they are not.
    """
    x, w = np.full((1, 4), 255, np.uint8), np.full((4, 1), 127, np.int8)
    node = helper.make_node("MatMulInteger", ["x", "w"], ["y"])
    to = helper.make_tensor_value_info("y", onnx.TensorProto.INT32, [1, 1])
    of = helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, [1, 4])
    graph = helper.make_graph([node], "sum", [of], [to], [numpy_helper.from_array(w, "w")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (found,) = InferenceSession(made.SerializeToString()).run(None, {"x": x})
    return int(found[0, 0]) != 4 * 255 * 127


def quantized_by_onnx_runtime(folder: Path, made: Any, **words: Any) -> Any:
    if saturates():
        words["reduce_range"] = True
    onnx.save(made, folder / "plain.onnx")
    quantize_dynamic(folder / "plain.onnx", folder / "quantized.onnx", **words)
    return onnx.load(folder / "quantized.onnx")


def values_of(made: Any) -> dict[str, Array]:
    """The arrays that the one quantised node of a model reads, by the names of its inputs."""
    (node,) = [node for node in made.graph.node if node.op_type == "DynamicQuantizeLSTM"]
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    names = ("X", *NAMES, *SCALES)
    return {key: arrays[one] for key, one in zip(names, node.input, strict=True) if one in arrays}


def plain(made: Any, stored: StoredLSTM) -> StoredLSTM:
    """The network with the weights of a quantised model in f64, rounded once."""
    arrays = values_of(made)
    for name in ("W", "R"):
        scale, zero = (arrays[f"{name}_{kind}"] for kind in ("scale", "zero_point"))
        shape = (stored.directions, 1, -1)
        wide = arrays[name].astype(np.float64) - zero.astype(np.float64).reshape(shape)
        wide = wide * scale.astype(np.float64).reshape(shape)
        arrays[name] = wide.transpose(0, 2, 1).astype(np.float32)
    arrays = {name: array for name, array in arrays.items() if name not in SCALES}
    constants = {name: array for name, array in arrays.items() if name != "X"}
    direction = "bidirectional" if stored.bidirectional else "forward"
    inputs = ["x", *(name if name in constants else "" for name in NAMES)]
    node = helper.make_node(
        "LSTM", inputs, ["y"], name="one", direction=direction, hidden_size=stored.hidden_size
    )
    return read_onnx(model([node], constants, ["y"]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("words", [{}, {"weight_type": QuantType.QUInt8}, {"reduce_range": True}])
def test_what_onnx_runtime_writes_is_read(
    tmp_path: Path, kind: dict[str, Any], per_channel: bool, words: dict[str, Any]
) -> None:
    stored = random_stored(input_size=5, hidden_size=8, **kind)
    made = quantized_by_onnx_runtime(tmp_path, one_node(stored), per_channel=per_channel, **words)
    found = read_onnx(made)
    assert_same(found, plain(made, stored))
    # Near the weights that were quantised, too: a wrong axis or gate would be far away.
    for name, array in stored.parameters.items():
        np.testing.assert_allclose(found.parameters[name], array, atol=0.02)
    x = x_of(stored, 20)
    y, hn, _ = computed(found, x)
    wanted = run(made, x=x)
    np.testing.assert_allclose(y, side_by_side(wanted[0]), atol=NEAR)
    np.testing.assert_allclose(hn, wanted[1], atol=NEAR)
    ours, _ = bl.LSTM.from_onnx(made)(x, found.state)
    np.testing.assert_allclose(ours, y, atol=2e-6)


def made_by_hand(dtype: Any, *, per_channel: bool, peephole: bool = False, **changes: Any) -> Any:
    """A model whose integers, scales and zero points are drawn; hidden 4, inputs 3, two directions."""
    random = np.random.default_rng(3)
    limits = np.iinfo(dtype)
    stored = without_candidate(
        random_stored(bidirectional=True, peephole="diagonal" if peephole else None)
    )
    arrays: dict[str, Any] = {"B": weights(stored)["B"]}
    if peephole:
        arrays["P"] = weights(stored)["P"]
    for name, rows in (("W", 3), ("R", 4)):
        shape = (2, 16) if per_channel else (2,)
        part = 2 if dtype is np.int8 and saturates() else 1
        low, high = limits.min // part, limits.max // part
        arrays[name] = random.integers(low, high, (2, rows, 16), dtype, endpoint=True)
        arrays[f"{name}_scale"] = random.uniform(0.001, 0.004, shape).astype(np.float32)
        zero = 0 if dtype is np.int8 else 120
        arrays[f"{name}_zero_point"] = np.full(shape, zero, dtype)
    arrays |= changes
    names = ("X", *NAMES, *SCALES)
    arrays = {name: array for name, array in arrays.items() if array is not None}
    inputs = ["x", *(name if name in arrays else "" for name in names[1:])]
    node = helper.make_node(
        "DynamicQuantizeLSTM", inputs, ["y", "y_h", "y_c"], name="one", domain="com.microsoft",
        direction="bidirectional", hidden_size=4,
    )  # fmt: skip
    made = model([node], arrays, ["y"])
    made.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return made


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("peephole", [False, True])
def test_inputs_that_8_bits_hold_give_what_onnx_runtime_computes(
    dtype: Any, per_channel: bool, peephole: bool
) -> None:
    """One step from states of zeros: the inputs are the multiples of 1/64 that ONNX Runtime rounds them to."""
    made = made_by_hand(dtype, per_channel=per_channel, peephole=peephole)
    x = np.random.default_rng(0).integers(-100, 155, (1, 6, 3)).astype(np.float32)
    x[0, 0] = [-100, 155, 0]
    x /= 64
    found = read_onnx(made)
    np.testing.assert_allclose(computed(found, x)[0], side_by_side(run(made, x=x)[0]), atol=2e-6)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_zero_points_may_differ_and_all_integers_are_exact(dtype: Any) -> None:
    random = np.random.default_rng(5)
    limits = np.iinfo(dtype)
    zeros = random.integers(limits.min, limits.max, (2, 16), dtype, endpoint=True)
    made = made_by_hand(
        dtype, per_channel=True, W_zero_point=zeros, R_zero_point=zeros[::-1].copy()
    )
    stored = random_stored(bidirectional=True)
    assert_same(read_onnx(made), plain(made, stored))


def test_a_stack_that_onnx_runtime_quantised(tmp_path: Path) -> None:
    stored = random_stored(num_layers=2, bidirectional=True)
    write_onnx(tmp_path / "stack.onnx", stored)
    made = quantized_by_onnx_runtime(tmp_path, onnx.load(tmp_path / "stack.onnx"))
    found = read_onnx(made)
    assert (found.num_layers, found.bidirectional) == (2, True)
    x = x_of(stored)
    zeros = np.zeros((4, 3, 4), np.float32)
    wanted = run(made, x=x, h0=zeros, c0=zeros)
    np.testing.assert_allclose(computed(found, x)[0], wanted[0], atol=NEAR)
    for name, array in stored.parameters.items():
        np.testing.assert_allclose(found.parameters[name], array, atol=0.02)


def test_scales_that_are_no_numbers_stay_what_they_are() -> None:
    scale = np.array([np.inf, np.nan], np.float32)
    found = read_onnx(made_by_hand(np.int8, per_channel=False, W_scale=scale))
    assert not np.isfinite(found.parameters["weight_ih_l0"]).any()
    assert np.isfinite(found.parameters["weight_hh_l0"]).all()


BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no scale": ({"W_scale": None}, ["one: W_scale: expected a constant, found no such input"]),
    "no zero point": ({"R_zero_point": None}, ["one: R_zero_point: expected a constant, found no such input"]),
    "no weights": ({"R": None}, ["one: R: expected a constant, found no such input"]),
    "weights that are floats": (
        {"W": np.zeros((2, 3, 16), np.float32)}, ["one: W: expected int8 or uint8, found float32"],
    ),
    "zero points of another type": (
        {"W_zero_point": np.zeros((2, 16), np.uint8)}, ["one: W_zero_point: expected int8, found uint8"],
    ),
    "scales of another type": (
        {"W_scale": np.zeros((2, 16), np.float64)}, ["one: W_scale: expected float32, found float64"],
    ),
    "the shape of a scale": (
        {"W_scale": np.zeros((2, 4), np.float32)}, ["one: W_scale: expected [2] or [2, 16], found [2, 4]"],
    ),
    "a scale for both directions": (
        {"W_scale": np.zeros(1, np.float32), "R_zero_point": np.zeros((), np.int8)},
        ["one: W_scale: expected [2] or [2, 16], found [1]", "one: R_zero_point: expected [2] or [2, 16], fou"],
    ),
    "weights that are not turned": (
        {"R": np.zeros((2, 16, 4), np.int8), "R_scale": np.zeros(2, np.float32),
         "R_zero_point": np.zeros(2, np.int8)},
        ["one: W: expected [2, 64, 3], found [2, 16, 3]", "one: R: expected [2, 64, 16], found [2, 4, 16]",
         "one: B: expected [2, 128], found [2, 32]", "one: hidden_size: expected 16"],
    ),
    "the rank of weights": (
        {"W": np.zeros((3, 16), np.int8)}, ["one: W: expected [directions, inputs, 4*hidden], found [3, 16]"],
    ),
    "empty weights": (
        {"R": np.zeros((2, 0, 16), np.int8)},
        ["one: R: expected [directions, hidden, 4*hidden], found [2, 0, 16]"],
    ),
    "other directions": (
        {"W": np.zeros((1, 3, 16), np.int8), "W_scale": np.zeros(1, np.float32),
         "W_zero_point": np.zeros(1, np.int8)},
        ["one: W: expected [2, 16, 3], found [1, 16, 3]"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "messages"), BAD.values(), ids=BAD.keys())
def test_what_does_not_fit_is_refused_by_name(changes: dict[str, Any], messages: list[str]) -> None:
    with pytest.raises(bl.WeightsError) as raised:
        read_onnx(made_by_hand(np.int8, per_channel=True, **changes))
    assert len(raised.value.issues) == len(messages), str(raised.value)
    for issue, message in zip(raised.value.issues, messages, strict=True):
        assert message in issue.message


@pytest.mark.parametrize(("kind", "value"), [("INT8", 200), ("UINT8", 300), ("UINT8", -1)])
def test_integers_that_are_none_of_their_type_are_refused(kind: str, value: int) -> None:
    made = made_by_hand(np.int8, per_channel=False)
    (tensor,) = [tensor for tensor in made.graph.initializer if tensor.name == "W_zero_point"]
    tensor.ClearField("raw_data")
    tensor.data_type = getattr(onnx.TensorProto, kind)
    tensor.int32_data.extend([0, value])
    with pytest.raises(
        bl.WeightsError, match=f"W_zero_point: expected numbers of {kind.lower()}, found {value}"
    ):
        read_onnx(made)


def test_integers_in_either_field_are_the_same() -> None:
    made = made_by_hand(np.int8, per_channel=False)
    wanted = read_onnx(made)
    for tensor in made.graph.initializer:
        if tensor.data_type == onnx.TensorProto.INT8:
            values = numpy_helper.to_array(tensor).ravel()
            tensor.ClearField("raw_data")
            tensor.int32_data.extend(values.tolist())
    assert_same(read_onnx(made), wanted)


def test_quantised_weights_may_be_given(tmp_path: Path) -> None:
    stored = random_stored()
    made = quantized_by_onnx_runtime(tmp_path, one_node(stored))
    wanted = read_onnx(made)
    (w,) = [tensor for tensor in made.graph.initializer if tensor.name == "W_quantized"]
    array = numpy_helper.to_array(w)
    made.graph.input.append(helper.make_tensor_value_info(w.name, w.data_type, list(w.dims)))
    made.graph.initializer.remove(w)
    assert_same(read_onnx(made, inputs={"W_quantized": array}), wanted)
    with pytest.raises(
        bl.WeightsError, match="one_quant: W: expected a constant, found 'W_quantized', an in"
    ):
        read_onnx(made)
