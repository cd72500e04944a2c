"""Floats, half floats and integers of Core ML's weights; and the forms that are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import coreml_tools
import numpy as np
import pytest
from bnns_lstm import codes
from bnns_lstm.formats import StoredLSTM, read_coreml
from coreml_tools import DATA, message, written
from refused import refused_in_little_memory

# The names of a gate's arrays begin so, in our order.
FIELDS = ("inputGate", "forgetGate", "blockInput", "outputGate")
ENDINGS = {"weight_ih": "WeightMatrix", "weight_hh": "RecursionMatrix", "bias_ih": "BiasVector"}
FIELD = "inputGateWeightMatrix"


def weights_of(model: Any) -> Any:
    return model.neuralNetwork.layers[0].uniDirectionalLSTM.weightParams


@pytest.mark.parametrize("name", ["linear8", "linear3", "symmetric8", "table2"])
def test_integers_become_the_numbers_that_coremltools_makes_of_them(name: str) -> None:
    found = read_coreml(DATA / f"{name}.mlmodel").parameters
    undone = coreml_tools.weights()
    for way in range(2 if name == "symmetric8" else 1):
        for ours, ending in ENDINGS.items():
            wanted = np.concatenate(
                [undone[f"dequantized.{name}.{way}.{one}{ending}"] for one in FIELDS]
            )
            array = found[f"{ours}_l0{'_reverse' if way else ''}"]
            np.testing.assert_array_equal(array, wanted.reshape(array.shape))
    if name == "linear3":
        i, f, o = (
            undone[f"dequantized.linear3.0.{one}PeepholeVector"] for one in (*FIELDS[:2], FIELDS[3])
        )
        np.testing.assert_array_equal(found["weight_ch_l0"], np.concatenate([i, f, 0 * i, o]))


@pytest.mark.parametrize(
    ("name", "tolerance"), [("linear8", 0.01), ("linear3", 0.3), ("table2", 0.6)]
)
def test_integers_are_near_the_weights_that_they_stand_for(name: str, tolerance: float) -> None:
    given = coreml_tools.weights()[f"{name}.W_x"][[0, 1, 3, 2]].reshape(16, 3)
    found = read_coreml(DATA / f"{name}.mlmodel").parameters["weight_ih_l0"]
    assert 0 < np.abs(found - given).max() < tolerance


def test_half_floats_become_floats_exactly() -> None:
    given = coreml_tools.weights()["half.W_h"][[0, 1, 3, 2]].reshape(16, 4)
    found = read_coreml(DATA / "half.mlmodel").parameters["weight_hh_l0"]
    np.testing.assert_array_equal(found, given.astype(np.float16).astype(np.float32))


def quantized(
    raw: bytes, bits: int, scale: list[float], bias: list[float], folder: Path
) -> StoredLSTM:
    """One layer [4, 3] whose input gate's weights are integers."""
    model = message("one")
    own = getattr(weights_of(model), FIELD)
    del own.floatValue[:]
    own.rawValue = raw
    own.quantization.numberOfBits = bits
    own.quantization.linearQuantization.scale.extend(scale)
    own.quantization.linearQuantization.bias.extend(bias)
    return read_coreml(written(folder, model))


def test_bits_stand_in_a_row_the_highest_first(tmp_path: Path) -> None:
    # Twelve integers of three bits: 0 1 2 3 4 5 6 7 1 3 5 7, and four bits of padding.
    raw = bytes([0b00000101, 0b00111001, 0b01110111, 0b00101110, 0b11110000])
    found = quantized(raw, 3, [0.5], [-1.0], tmp_path).parameters["weight_ih_l0"][:4]
    wanted = np.array([0, 1, 2, 3, 4, 5, 6, 7, 1, 3, 5, 7], np.float32).reshape(4, 3) / 2 - 1
    np.testing.assert_array_equal(found, wanted)


def test_scales_are_for_rows_and_a_bias_may_be_left_out(tmp_path: Path) -> None:
    raw = bytes(range(1, 13))
    found = quantized(raw, 8, [1.0, 2.0, 3.0, 0.1], [], tmp_path).parameters["weight_ih_l0"][:4]
    integers = np.arange(1, 13).reshape(4, 3)
    scale = np.array([1, 2, 3, np.float64(np.float32(0.1))])[:, None]
    np.testing.assert_array_equal(found, (integers * scale).astype(np.float32))


def test_infinite_and_odd_numbers_stay(tmp_path: Path) -> None:
    model = message("one")
    own = getattr(weights_of(model), FIELD).floatValue
    own[0], own[1] = float("inf"), float("nan")
    found = read_coreml(written(tmp_path, model)).parameters["weight_ih_l0"][0]
    assert np.isinf(found[0])
    assert np.isnan(found[1])


def linear(own: Any, **words: Any) -> None:
    del own.floatValue[:]
    own.rawValue = bytes(12)
    own.quantization.numberOfBits = 8
    for name, value in words.items():
        if name in {"scale", "bias"}:
            getattr(own.quantization.linearQuantization, name).extend(value)
        elif name == "table":
            own.quantization.lookupTableQuantization.floatValue.extend(value)
        elif name == "bits":
            own.quantization.numberOfBits = value
        else:
            setattr(own, name, value)


# What is done to the input gate's weights [4, 3], what is said of them, and its code.
WRONG: dict[str, tuple[Callable[[Any], object], str, str]] = {
    "too few": (lambda own: own.floatValue.pop(), "expected 12 numbers, found 11", codes.SIZE_MISMATCH),
    "too many": (lambda own: own.floatValue.append(0), "expected 12 numbers, found 13", codes.SIZE_MISMATCH),
    "none": (lambda own: own.ClearField("floatValue"), "found none", codes.MISSING_ENTRY),
    "two forms": (
        lambda own: setattr(own, "float16Value", bytes(24)),
        "found floatValue and float16Value", codes.UNEXPECTED_ENTRY,
    ),
    "half": (
        lambda own: (own.ClearField("floatValue"), setattr(own, "float16Value", bytes(23))),
        "expected 24 bytes of float16, found 23", codes.SIZE_MISMATCH,
    ),
    "as it runs": (
        lambda own: (own.ClearField("floatValue"), setattr(own, "int8RawValue", bytes(12))),
        "found int8RawValue", codes.UNSUPPORTED_HERE,
    ),
    "floats and a quantisation": (
        lambda own: setattr(own.quantization, "numberOfBits", 8),
        "no quantization beside floatValue, found quantization", codes.UNEXPECTED_ENTRY,
    ),
    "no scale": (
        lambda own: linear(own, bias=[1.0]), r"scale: expected one number, or 4: one a row, found 0",
        codes.SIZE_MISMATCH,
    ),
    "three scales": (
        lambda own: linear(own, scale=[1.0] * 3), "one number, or 4: one a row, found 3", codes.SIZE_MISMATCH,
    ),
    "other biases": (
        lambda own: linear(own, scale=[1.0] * 4, bias=[1.0]), "bias: expected no number, or 4",
        codes.SIZE_MISMATCH,
    ),
    "neither": (lambda own: linear(own), "lookupTableQuantization, found neither", codes.MISSING_ENTRY),
    "a small table": (
        lambda own: linear(own, table=[1.0] * 255), "expected 256 numbers, found 255", codes.SIZE_MISMATCH,
    ),
    "no bits": (
        lambda own: linear(own, bits=0, scale=[1.0]), "numberOfBits: expected 1 to 8, found 0",
        codes.INVALID_NUMBER,
    ),
    "many bits": (
        lambda own: linear(own, bits=2**64 - 1, table=[1.0]), "expected 1 to 8, found 18446744073709551615",
        codes.INVALID_NUMBER,
    ),
    "too few bytes": (
        lambda own: linear(own, scale=[1.0], rawValue=bytes(11)), "expected 12 bytes of 8 bits, found 11",
        codes.SIZE_MISMATCH,
    ),
    "too many bytes": (
        lambda own: linear(own, bits=4, scale=[1.0]), "expected 6 bytes of 4 bits, found 12",
        codes.SIZE_MISMATCH,
    ),
    "too large": (
        lambda own: linear(own, scale=[3e38], rawValue=b"\2" * 12), FIELD, codes.OUT_OF_RANGE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_weights_that_do_not_fit_are_refused(kind: str, tmp_path: Path) -> None:
    change, text, code = WRONG[kind]
    model = message("one")
    change(getattr(weights_of(model), FIELD))
    with refused_in_little_memory(bl.WeightsError, text) as caught:
        read_coreml(written(tmp_path, model))
    assert [issue.code for issue in caught.value.issues] == [code]
    assert caught.value.issues[0].path.startswith(f"lstm: weightParams.{FIELD}")


def test_sizes_that_a_file_claims_are_not_allocated(tmp_path: Path) -> None:
    model = message("pair")
    own = model.neuralNetwork.layers[0].biDirectionalLSTM
    own.inputVectorSize = own.outputVectorSize = 2**63
    with refused_in_little_memory(bl.WeightsError, "numbers, found 12") as caught:
        read_coreml(written(tmp_path, model))
    # All arrays but the candidate's peephole, which there is not.
    assert len(caught.value.issues) == 2 * 15


def test_all_arrays_that_are_wrong_are_named(tmp_path: Path) -> None:
    model = message("peepholes")
    own = weights_of(model)
    own.forgetGateBiasVector.floatValue.pop()
    own.outputGatePeepholeVector.ClearField("floatValue")
    own.blockInputRecursionMatrix.floatValue.pop()
    with pytest.raises(bl.WeightsError) as caught:
        read_coreml(written(tmp_path, model))
    found = {issue.path.rpartition(".")[2]: issue.code for issue in caught.value.issues}
    assert found == {
        "forgetGateBiasVector": codes.SIZE_MISMATCH,
        "outputGatePeepholeVector": codes.MISSING_ENTRY,
        "blockInputRecursionMatrix": codes.SIZE_MISMATCH,
    }
