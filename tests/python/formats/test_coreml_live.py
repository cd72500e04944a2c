"""Core ML's messages and models are those of coremltools, where that is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bnns_lstm.formats import read_coreml
from bnns_lstm.formats.coreml.schema import model_class

coremltools = pytest.importorskip("coremltools", reason="coremltools is not installed")

# What our messages are called there.
NAMES = {
    "Model": "Model", "Pipeline": "Pipeline", "Pipelined": "PipelineClassifier", "Network": "NeuralNetwork",
    "Layer": "NeuralNetworkLayer", "Branch": "BranchLayerParams", "Loop": "LoopLayerParams",
    "Fill": "FillStaticLayerParams", "Squeeze": "SqueezeLayerParams", "ExpandDims": "ExpandDimsLayerParams",
    "Transpose": "TransposeLayerParams", "Split": "SplitNDLayerParams", "Activation": "ActivationParams",
    "OneWay": "UniDirectionalLSTMLayerParams", "BothWays": "BiDirectionalLSTMLayerParams",
    "Params": "LSTMParams",
    "LSTMWeights": "LSTMWeightParams", "Weights": "WeightParams", "Quantization": "QuantizationParams",
    "Linear": "LinearQuantizationParams", "Table": "LookUpTableQuantizationParams",
    "Program": "Program", "FunctionEntry": "Program.FunctionsEntry", "Function": "Function",
    "BlockEntry": "Function.BlockSpecializationsEntry", "Block": "Block", "Operation": "Operation",
    "ArgumentEntry": "Operation.InputsEntry", "Argument": "Argument", "Binding": "Argument.Binding",
    "Output": "NamedValueType", "ValueEntry": "Operation.AttributesEntry", "Value": "Value",
    "ValueType": "ValueType", "TensorType": "TensorType", "Dimension": "Dimension",
    "Size": "Dimension.ConstantDimension", "Immediate": "Value.ImmediateValue", "Tensor": "TensorValue",
    "Floats": "TensorValue.RepeatedFloats", "Ints": "TensorValue.RepeatedInts",
    "Bools": "TensorValue.RepeatedBools", "Strings": "TensorValue.RepeatedStrings",
    "Bytes": "TensorValue.RepeatedBytes", "Blob": "Value.BlobFileValue",
}  # fmt: skip


def theirs(name: str) -> Any:
    first, *rest = name.split(".")
    files = [
        getattr(coremltools.proto, f"{file}_pb2") for file in ("Model", "NeuralNetwork", "MIL")
    ]
    found = next(getattr(file, first) for file in files if hasattr(file, first))
    for inner in rest:
        found = getattr(found, inner)
    return found.DESCRIPTOR


@pytest.mark.parametrize("name", NAMES)
def test_fields_have_the_names_numbers_and_types_of_coremltools(name: str) -> None:
    own = model_class().DESCRIPTOR.file.message_types_by_name[name]
    other = theirs(NAMES[name])
    for field in own.fields:
        same = other.fields_by_number[field.number]
        assert same.name == field.name
        is_unread = field.type == field.TYPE_BYTES and same.type == same.TYPE_MESSAGE
        is_choice = same.type == same.TYPE_ENUM and field.type == field.TYPE_INT32
        assert is_unread or is_choice or same.type == field.type
        assert same.is_repeated == field.is_repeated
        assert (same.containing_oneof is None) == (field.containing_oneof is None)
    kinds = {"Layer", "Activation", "Params", "OneWay", "BothWays", "LSTMWeights", "Weights"}
    if name in kinds | {"Quantization", "Linear", "Table", "Squeeze", "ExpandDims", "Transpose"}:
        assert {field.number for field in own.fields} == {field.number for field in other.fields}


def test_a_model_of_today_is_read(tmp_path: Path) -> None:
    array, builder = coremltools.models.datatypes.Array, coremltools.models.neural_network
    random = np.random.default_rng(0)
    made = builder.NeuralNetworkBuilder([("x", array(3))], [("y", array(4))])
    arrays = {
        "W_h": random.normal(0, 1, (4, 4, 4)),
        "W_x": random.normal(0, 1, (4, 4, 3)),
        "b": np.ones((4, 4)),
    }
    made.add_unilstm(
        "lstm", **arrays, hidden_size=4, input_size=3, input_names=["x", "h", "c"],
        output_names=["y", "h2", "c2"], output_all=True,
    )  # fmt: skip
    path = tmp_path / "a.mlmodel"
    coremltools.utils.save_spec(made.spec, str(path))
    found = read_coreml(path)
    np.testing.assert_array_equal(
        found.parameters["weight_ih_l0"],
        arrays["W_x"][[0, 1, 3, 2]].reshape(16, 3).astype(np.float32),
    )
