"""Fields of Core ML's LSTM layers: honoured, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm import codes
from bnns_lstm.formats import StoredLSTM, read_coreml
from coreml_tools import DATA, message, written
from formats_tools import assert_same


def layer_of(model: Any) -> Any:
    """The content of the first layer."""
    layer = model.neuralNetwork.layers[0]
    return getattr(layer, layer.WhichOneof("kind"))


def changed(name: str, change: Callable[[Any], object], folder: Path) -> StoredLSTM:
    """A model of the data whose layer is changed."""
    model = message(name)
    change(layer_of(model))
    return read_coreml(written(folder, model))


def function(own: Any, place: int, kind: str, **words: float) -> None:
    """Give a layer another function."""
    given = own.activations[place]
    given.ClearField(given.WhichOneof("kind"))
    target = getattr(given, kind)
    if isinstance(target, bytes):
        setattr(given, kind, b"")
    else:
        target.SetInParent()
    for key, value in words.items():
        setattr(target, key, value)


HARD = bl.Activation.hard_sigmoid(0.2, 0.5)
SCALED = bl.Activation.scaled_tanh(1.71, 2 / 3)
# A function of the hidden state as it stands in a file, and ours.
FUNCTIONS: dict[str, tuple[str, dict[str, float], bl.Activation]] = {
    "linear": ("linear", {}, bl.Activation.identity()),
    "identity": ("linear", {"alpha": 1.0}, bl.Activation.identity()),
    "line": ("linear", {"alpha": 0.1, "beta": -2.0}, bl.Activation.linear_with_bias(0.1, -2.0)),
    "ReLU": ("ReLU", {}, bl.Activation.rectified_linear()),
    "sigmoid": ("sigmoid", {}, bl.Activation.sigmoid()),
    "hard": ("sigmoidHard", {}, HARD),
    "hard with numbers": ("sigmoidHard", {"alpha": 0.2, "beta": 0.5}, HARD),
    "scaled": ("scaledTanh", {}, SCALED),
    "scaled with numbers": ("scaledTanh", {"alpha": 1.71, "beta": 2 / 3}, SCALED),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str, tmp_path: Path) -> None:
    kind, words, wanted = FUNCTIONS[name]
    found = changed("one", lambda own: function(own, 2, kind, **words), tmp_path).activations
    assert found is not None
    assert found["hidden"] == wanted
    assert found["input"] == found["forget"] == found["output"] == bl.Activation.sigmoid()
    assert found["candidate"] == bl.Activation.tanh()


def set_params(**words: Any) -> Callable[[Any], None]:
    def change(own: Any) -> None:
        for name, value in words.items():
            setattr(own.params, name, value)

    return change


NAN = float("nan")
# The model, a change of its layer, the path of the issue, a part of its text and its code.
WRONG: dict[str, tuple[str, Callable[[Any], object], str, str, str]] = {
    "a function of other layers": (
        "one", lambda own: function(own, 1, "leakyReLU"), "lstm: activations[1]",
        "linear, sigmoid, tanh, ReLU, scaledTanh and sigmoidHard, as the format allows, found leakyReLU",
        codes.UNSUPPORTED_HERE,
    ),
    "an unknown function": (
        "one", lambda own: own.activations[0].ClearField("sigmoid"), "lstm: activations[0]",
        "found none, or one that is not known", codes.MISSING_ENTRY,
    ),
    "two functions": (
        "one", lambda own: own.activations.pop(), "lstm: activations",
        "3: of the gates, the candidate and the hidden state, found 2", codes.SIZE_MISMATCH,
    ),
    "another slope": (
        "one", lambda own: function(own, 0, "sigmoidHard", alpha=0.25, beta=0.5), "lstm: activations[0]",
        "sigmoidHard with alpha 0.2 and beta 0.5, as the format allows, found alpha 0.25 and beta 0.5",
        codes.UNSUPPORTED_HERE,
    ),
    "another scale": (
        "one", lambda own: function(own, 2, "scaledTanh", alpha=1.0, beta=1.0), "lstm: activations[2]",
        "scaledTanh with alpha 1.71 and beta 0.666667", codes.UNSUPPORTED_HERE,
    ),
    "a constant": (
        "one", lambda own: function(own, 2, "linear", beta=1.0), "lstm: activations[2]",
        "a finite alpha other than 0", codes.INVALID_NUMBER,
    ),
    "no number": (
        "one", lambda own: function(own, 2, "linear", alpha=NAN), "lstm: activations[2]",
        "found alpha nan", codes.INVALID_NUMBER,
    ),
    "other functions backward": (
        "pair", lambda own: own.activationsBackwardLSTM.reverse(), "lstm: activationsBackwardLSTM",
        "expected the same in both directions", codes.STACK_MISMATCH,
    ),
    "no functions backward": (
        "pair", lambda own: own.ClearField("activationsBackwardLSTM"), "lstm: activationsBackwardLSTM",
        "found 0", codes.SIZE_MISMATCH,
    ),
    "one direction's weights": (
        "pair", lambda own: own.weightParams.pop(), "lstm: weightParams", "2: forward and backward, found 1",
        codes.SIZE_MISMATCH,
    ),
    "a negative limit": (
        "one", set_params(cellClipThreshold=-1.0), "lstm: cellClipThreshold",
        "a number above 0, or 0 for 50, found -1", codes.INVALID_NUMBER,
    ),
    "no number as a limit": (
        "one", set_params(cellClipThreshold=NAN), "lstm: cellClipThreshold", "found nan", codes.INVALID_NUMBER,
    ),
    "an addition to nothing": (
        "without_bias", set_params(forgetBias=True), "lstm: forgetBias",
        "false where hasBiasVectors is false", codes.UNSUPPORTED_HERE,
    ),
    "an order that is not said": (
        "one", lambda own: setattr(own, "reverseInput", True), "lstm: reverseInput",
        "false where sequenceOutput is true, as the format does not say in which order the outputs stand",
        codes.UNSUPPORTED_HERE,
    ),
    "no values": (
        "one", lambda own: own.ClearField("inputVectorSize"), "lstm: inputVectorSize", "at least 1, found 0",
        codes.ZERO_SIZE,
    ),
    "no units": (
        "one", lambda own: own.ClearField("outputVectorSize"), "lstm: outputVectorSize", "at least 1, found 0",
        codes.ZERO_SIZE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_what_has_no_equal_here_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    name, change, path, text, code = WRONG[kind]
    with pytest.raises(bl.WeightsError) as caught:
        changed(name, change, tmp_path)
    assert [(issue.path, issue.code) for issue in caught.value.issues] == [(path, code)]
    assert text in str(caught.value)


def test_a_file_of_coremltools_that_reads_backwards_is_refused() -> None:
    with pytest.raises(bl.WeightsError, match="lstm: reverseInput: expected false where sequence"):
        read_coreml(DATA / "all_reverse.mlmodel")


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    def change(own: Any) -> None:
        own.params.cellClipThreshold = -1
        own.reverseInput = True
        function(own, 0, "ELU")
        function(own, 2, "softplus")
        own.weightParams.inputGateBiasVector.floatValue.pop()

    with pytest.raises(bl.WeightsError) as caught:
        changed("one", change, tmp_path)
    assert {issue.path for issue in caught.value.issues} == {
        "lstm: cellClipThreshold", "lstm: reverseInput", "lstm: activations[0]", "lstm: activations[2]",
        "lstm: weightParams.inputGateBiasVector",
    }  # fmt: skip


def test_no_limit_is_none(tmp_path: Path) -> None:
    found = changed("one", set_params(cellClipThreshold=float("inf")), tmp_path)
    assert found.cell_clip is None
    assert changed("one", set_params(cellClipThreshold=0.1), tmp_path).cell_clip == 0.1


def test_biases_and_peepholes_count_where_the_layer_says_so(tmp_path: Path) -> None:
    """Their arrays say nothing then, and neither does the forget gate's of a coupled layer."""
    found = changed(
        "peepholes",
        set_params(hasPeepholeVectors=False, hasBiasVectors=False, forgetBias=False),
        tmp_path,
    )
    assert (found.peephole, found.bias) == (None, False)
    assert list(found.parameters) == ["weight_ih_l0", "weight_hh_l0"]

    def without(own: Any) -> None:
        for ending in ("WeightMatrix", "RecursionMatrix", "BiasVector", "PeepholeVector"):
            own.weightParams.ClearField(f"forgetGate{ending}")

    assert_same(changed("coupled", without, tmp_path), read_coreml(DATA / "coupled.mlmodel"))


def test_a_coupled_layer_leaves_the_forget_gates_function_out(tmp_path: Path) -> None:
    found = changed("coupled", lambda own: function(own, 0, "sigmoidHard"), tmp_path)
    assert found.activations is not None
    assert found.activations["input"] == HARD
    assert found.config.coupled == "forget"
    y, _ = bl.LSTM.from_coreml(tmp_path / "model.mlmodel")(np.ones((2, 1, 3), np.float32))
    assert np.isfinite(y).all()


@pytest.mark.parametrize(
    ("unknown", "number"),
    [
        (b"\xb2\x06\x03abc", 102),  # of the layer
        (b"\x7a\x03\xf0\x03\x01", 62),  # of its parameters
        (b"\xa2\x01\x05\xa2\x06\x02\x0a\x00", 100),  # of its weights
        (b"\x52\x03\xaa\x06\x00", 101),  # of one more function
        (b"\xaa\x06\x00", 101),
    ],
)
def test_unknown_fields_are_refused(unknown: bytes, number: int, tmp_path: Path) -> None:
    model = message("one")
    layer = model.neuralNetwork.layers[0]
    content = layer.uniDirectionalLSTM.SerializeToString() + unknown
    layer.uniDirectionalLSTM.ParseFromString(content)
    text = f"lstm: expected only fields of LSTM layers .*, found others, of the numbers {number} "
    with pytest.raises(bl.WeightsError, match=text) as caught:
        read_coreml(written(tmp_path, model))
    assert caught.value.issues[0].code == codes.UNEXPECTED_ENTRY


def test_training_on_a_device_changes_nothing(tmp_path: Path) -> None:
    model = message("one")
    model.isUpdatable = True
    model.neuralNetwork.layers[0].isUpdatable = True
    layer_of(model).weightParams.inputGateWeightMatrix.isUpdatable = True
    assert_same(read_coreml(written(tmp_path, model)), read_coreml(DATA / "one.mlmodel"))


def test_more_inputs_than_a_layer_has_are_refused(tmp_path: Path) -> None:
    for name, most in (("one", 3), ("pair", 5)):
        model = message(name)
        model.neuralNetwork.layers[0].input.extend(["more", "and more"])
        with pytest.raises(
            bl.WeightsError, match=f"lstm: inputs: expected at most {most}"
        ) as caught:
            read_coreml(written(tmp_path, model))
        assert caught.value.issues[0].code == codes.UNEXPECTED_ENTRY
        assert "found 2 more, 'more', 'and more'" in str(caught.value)
