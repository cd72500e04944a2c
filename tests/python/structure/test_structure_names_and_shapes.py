"""Names, values and shapes of the public surface: what a reader of Apple's documentation expects."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm import _native
from build import outputs_of, parameters, random_layer


def fields_of(structure: type) -> list[str]:
    return list(structure.__dataclass_fields__)  # type: ignore[attr-defined]


def test_fields_stand_in_the_order_of_the_c_structures() -> None:
    assert fields_of(bl.LayerParametersLSTM) == [
        "input_size", "hidden_size", "batch_size", "num_layers", "seq_len", "dropout", "lstm_flags",
        "sequence_descriptor", "input_descriptor", "output_descriptor", "input_gate", "forget_gate",
        "candidate_gate", "output_gate", "hidden_activation",
        # Apple's end here.
        "extensions",
    ]  # fmt: skip
    assert fields_of(bl.LSTMDataDescriptor) == ["data_desc", "hidden_desc", "cell_state_desc"]
    assert fields_of(bl.LSTMGateDescriptor) == [
        "iw_desc", "hw_desc", "cw_desc", "b_desc", "activation",
    ]  # fmt: skip
    assert list(inspect.signature(bl.NDArrayDescriptor).parameters) == [
        "data", "layout", "size", "stride", "data_type", "flags", "table_data", "table_data_type",
        "data_scale", "data_bias",
    ]  # fmt: skip
    assert list(inspect.signature(bl.Activation).parameters)[:3] == ["function", "alpha", "beta"]
    assert list(inspect.signature(bl.FilterParameters).parameters)[:2] == ["n_threads", "seed"]


# Apple's spellings, in the order of their values.
ACTIVATIONS = [
    "Identity", "RectifiedLinear", "LeakyRectifiedLinear", "Sigmoid", "Tanh", "ScaledTanh", "Abs",
    "Linear", "Clamp", "IntegerLinearSaturate", "IntegerLinearSaturatePerChannel", "Softmax",
    "GELUApproximation", "Gumbel", "GumbelMax", "HardSigmoid", "Softplus", "Softsign", "ELU",
    "ClampedLeakyRectifiedLinear", "LinearWithBias", "LogSoftmax", "LogSigmoid", "SELU", "CELU",
    "HardShrink", "SoftShrink", "TanhShrink", "Threshold", "PReLUPerChannel", "HardSwish", "SiLU",
]  # fmt: skip

# Every member under one of its spellings.
VALUES = {
    bl.DataLayout: {
        "Vector": 0x10000, "RowMajorMatrix": 0x20000, "ColumnMajorMatrix": 0x20001,
        "ImageCHW": 0x30000, "SNE": 0x30001, "NSE": 0x30002,
        "CONVOLUTION_WEIGHTS_OIHW": 0x40000, "CONVOLUTION_WEIGHTS_OIHRWR": 0x40001,
        "CONVOLUTION_WEIGHTS_IOHRWR": 0x40002, "CONVOLUTION_WEIGHTS_OIHW_PACK32": 0x40010,
        **{f"LAST_MAJOR_{rank}D": rank << 16 | 0x8000 for rank in range(1, 9)},
        **{f"FIRST_MAJOR_{rank}D": rank << 16 | 0x8001 for rank in range(1, 9)},
    },
    bl.DataType: {
        "Float16": 0x10010, "Float32": 0x10020, "BFloat16": 0x18010, "Boolean": 0x100008,
        **{f"Int{width}": 0x20000 | width for width in (1, 2, 4, 8, 16, 32, 64)},
        **{f"UInt{width}": 0x40000 | width for width in (1, 2, 4, 8, 16, 32, 64)},
        **{f"Indexed{width}": 0x80000 | width for width in (1, 2, 4, 8)},
    },
    bl.ActivationFunction: {name: value for value, name in enumerate(ACTIVATIONS)},
    bl.LayerFlags: {"LSTM_BIDIRECTIONAL": 1, "LSTM_DEFAULT_ACTIVATIONS": 2},
    bl.NDArrayFlags: {"BACKPROP_SET": 0, "BACKPROP_ACCUMULATE": 1},
}  # fmt: skip


@pytest.mark.parametrize("enumeration", VALUES, ids=lambda enumeration: enumeration.__name__)
def test_enumeration_values_are_apples(enumeration: type[bl.DataLayout]) -> None:
    for name, value in VALUES[enumeration].items():
        assert enumeration[name] == value
    # No more and no fewer: each member once, and Apple's spelling is an alias of ours.
    assert sorted(VALUES[enumeration].values()) == sorted(enumeration)


@pytest.mark.parametrize("enumeration", VALUES, ids=lambda enumeration: enumeration.__name__)
def test_every_apple_spelling_is_an_alias_of_capitals(enumeration: type[bl.DataLayout]) -> None:
    assert all(member.name.isupper() for member in enumeration)
    squeezed = {
        name.replace("_", "").upper(): member for name, member in enumeration.__members__.items()
    }
    for name in VALUES[enumeration]:
        assert enumeration[name] is squeezed[name.replace("_", "").upper()]
    assert bl.ActivationFunction.GELUApproximation2 is bl.ActivationFunction.HARD_SWISH


def test_a_repr_shows_shapes_and_no_contents() -> None:
    params = parameters(random_layer(1, seq_len=5, batch=3, input_size=9, any_activation=False))
    params.input_gate.hw_desc = np.zeros((4, 6), np.float32).T
    text = repr(params)
    assert "data_desc=<float32[5, 3, 9]>" in text
    assert "hw_desc=<float32[6, 4] strides (4, 24) bytes>" in text
    assert "0." not in text.replace("alpha=1.0, beta=1.0", "").replace("=0.", "")
    assert repr(bl.NDArrayDescriptor(layout=bl.DataLayout.SNE)).startswith(
        "NDArrayDescriptor(layout="
    )
    assert repr(bl.Activation.clamp(0, 2)) == "Activation(CLAMP, alpha=0, beta=2)"
    assert repr(bl.FilterParameters(n_threads=2)) == "FilterParameters(n_threads=2)"


def test_a_repr_shows_whatever_a_field_holds() -> None:
    array = np.full(3, 0.25, np.float32)
    gate = bl.LSTMGateDescriptor(iw_desc=[array, None], hw_desc=(array,), activation=array)
    assert repr(gate) == (
        "LSTMGateDescriptor(iw_desc=[<float32[3]>, None], hw_desc=(<float32[3]>,), "
        "activation=<float32[3]>)"
    )
    activation = bl.Activation(
        array, array, "x", iscale=array, ishift=2, iscale_per_channel=[array]
    )
    assert repr(activation) == (
        "Activation(<float32[3]>, alpha=<float32[3]>, beta='x', iscale=<float32[3]>, ishift=2, "
        "iscale_per_channel=[<float32[3]>])"
    )
    del activation.function, activation.alpha
    assert repr(activation).startswith("Activation(None, alpha=None, beta='x'")


def test_structures_can_be_pickled_and_copied() -> None:
    layer = random_layer(1)
    params = parameters(layer, **outputs_of(layer))
    for twin in (pickle.loads(pickle.dumps(params)), copy.deepcopy(params)):
        bl.direct_apply_lstm_batch_training_caching(params)
        bl.direct_apply_lstm_batch_training_caching(twin)
        np.testing.assert_array_equal(
            twin.output_descriptor.data_desc, params.output_descriptor.data_desc
        )
        assert not np.shares_memory(twin.input_gate.hw_desc, params.input_gate.hw_desc)


def test_errors_keep_their_issues_when_pickled() -> None:
    issue = bl.Issue("dropout", "invalid_dropout", "a ratio in [0, 1)", "2")
    error = pickle.loads(pickle.dumps(bl.DescriptorError((issue,))))
    assert error.issues == (issue,)
    assert str(error) == issue.message
    assert issue.message == "dropout: expected a ratio in [0, 1), found 2 [invalid_dropout]"


def test_the_hierarchy_of_errors() -> None:
    assert issubclass(bl.DescriptorError, bl.BNNSLSTMError)
    assert issubclass(bl.DescriptorError, ValueError)
    assert issubclass(bl.ConfigurationError, bl.BNNSLSTMError)
    assert issubclass(bl.ComputeError, (bl.BNNSLSTMError, RuntimeError))


def test_info_says_what_computes() -> None:
    info = bl.info()
    assert info["level"] in info["levels"]
    assert info["levels"][0] == "fallback"
    assert info["products"] in {"panels", "gemm", "by rows"}
    assert info["gemm"] in {"matrixmultiply", "accelerate", "openblas"}
    assert info["n_threads"] >= 1
    assert info["version"] == bl.__version__


def told_with(variable: str, value: str) -> str:
    """What `info` says, or refuses, in a process with this variable."""
    code = "import bnns_lstm as bl\ntry: print(bl.info())\nexcept bl.ConfigurationError as error: print(error)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={variable: value, "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_level_that_is_not_there_is_a_configuration_error() -> None:
    said = told_with("BNNSLSTM_LEVEL", "mmx")
    assert "BNNSLSTM_LEVEL" in said
    assert "mmx" in said
    assert "fallback" in said


def test_products_take_a_route_that_there_is() -> None:
    for route in ("panels", "gemm"):
        assert f"'products': '{route}'" in told_with("BNNSLSTM_PRODUCTS", route)
    said = told_with("BNNSLSTM_PRODUCTS", "blas")
    assert said == (
        'environment variable BNNSLSTM_PRODUCTS: expected panels or gemm, found "blas"\n'
    )
    assert "panels" in told_with("BNNSLSTM_PRODUCTS", "")


ALIASES = {"Coupled", "Direction", "Merge", "Peephole"}
# What training calls of a module are planned with; its users have `LSTM.forward` and `backward`.
OF_MODULE = {"PreparedGradients", "PreparedTraining", "prepare_gradients", "prepare_training"}


def test_everything_public_is_documented_and_everything_native_is_reachable() -> None:
    for name in bl.__all__:
        value = getattr(bl, name)
        # Types for annotations cannot have a docstring.
        is_alias = name in ALIASES
        assert is_alias or name.startswith("__") or value.__doc__, name
    native = {name for name in dir(_native) if not name.startswith("_")}
    assert native - set(bl.__all__) == OF_MODULE
