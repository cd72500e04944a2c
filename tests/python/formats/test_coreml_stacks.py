"""What may stand between two LSTM layers of a Core ML network, which layers are meant, and initial states."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm import codes
from bnns_lstm.formats import read_coreml, read_coreml_stack
from coreml_tools import DATA, message, written
from formats_tools import assert_same

Adds = list[tuple[str, dict[str, Any]]]


def stack() -> tuple[Any, Any, Any, Any]:
    """A model: its layers, the lower LSTM, what stands between, the upper LSTM. The dense layer is left out."""
    model = message("stack")
    del model.neuralNetwork.layers[3:]
    lower, between, upper = model.neuralNetwork.layers
    return model, lower, between, upper


def between(adds: Adds, folder: Path) -> Path:
    """The stack with other layers between: a kind and the fields of its message for each."""
    model, lower, _, upper = stack()
    last = type(upper)()
    last.CopyFrom(upper)
    del model.neuralNetwork.layers[1:]
    value = lower.output[0]
    for number, (kind, fields) in enumerate(adds):
        layer = model.neuralNetwork.layers.add(name=f"between{number}")
        layer.input.append(value)
        value = f"v{number}"
        layer.output.append(value)
        own = getattr(layer, kind)
        if isinstance(own, bytes):
            setattr(layer, kind, b"")
            continue
        own.SetInParent()
        for name, given in fields.items():
            if isinstance(given, list):
                getattr(own, name).extend(given)
            else:
                setattr(own, name, given)
    last.input[0] = value
    model.neuralNetwork.layers.append(last)
    return written(folder, model)


HARMLESS: dict[str, Adds] = {
    "nothing": [],
    "copy": [("copy", {}), ("copy", {})],
    "squeezed and expanded": [("squeeze", {"axes": [3, 4]}), ("expandDims", {"axes": [3, 4]})],
    "from the end": [("squeeze", {"axes": [-1, -2]}), ("expandDims", {"axes": [-2, -1]})],
    "turned twice": [("transpose", {"axes": [1, 0, 2, 4, 3]}), ("transpose", {"axes": [1, 0, 2, 3, 4]})],
    "batch first within": [
        ("squeeze", {"axes": [3, 4]}), ("transpose", {"axes": [1, 0, 2]}), ("transpose", {"axes": [1, 0, 2]}),
        ("expandDims", {"axes": [3, 4]}),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", HARMLESS)
def test_layers_that_change_nothing_may_stand_between(kind: str, tmp_path: Path) -> None:
    found = read_coreml(between(HARMLESS[kind], tmp_path))
    assert_same(found, read_coreml(DATA / "stack.mlmodel"))


COMPUTING: dict[str, tuple[Adds, str]] = {
    "dense": ([("innerProduct", {})], "'between0' (innerProduct)"),
    "another kind": ([("softmaxND", {})], "'between0' (softmaxND)"),
    "behind a harmless one": ([("batchnorm", {}), ("copy", {})], "'between0' (batchnorm)"),
    "a function": ([("activation", {})], "'between0' (activation)"),
    "turned once": ([("transpose", {"axes": [1, 0, 2, 3, 4]})], "as [batch, steps, values, 1, 1]"),
    "squeezed": ([("squeeze", {"axes": [3, 4]})], "its outputs as [steps, batch, values]"),
    "expanded": (
        [("squeeze", {"axes": [3, 4]}), ("expandDims", {"axes": [0, 1]})],
        "its outputs as [1, 1, steps, batch, values]",
    ),
    "steps squeezed": ([("squeeze", {"axes": [0]})], "'between0' (squeeze) with other axes"),
    "all squeezed": ([("squeeze", {"squeezeAll": True})], "'between0' (squeeze) with other axes"),
    "axes that are none": ([("expandDims", {"axes": [2**62]})], "'between0' (expandDims) with other axes"),
    "an axis twice": ([("transpose", {"axes": [0, 0, 2, 3, 4]})], "'between0' (transpose) with other axes"),
    "too few axes": ([("transpose", {"axes": [0, 1]})], "'between0' (transpose) with other axes"),
    "many": ([("copy", {})] * 51, "more than 50 layers"),
}  # fmt: skip


@pytest.mark.parametrize("kind", COMPUTING)
def test_what_computes_between_two_layers_is_named(kind: str, tmp_path: Path) -> None:
    adds, text = COMPUTING[kind]
    path = between(adds, tmp_path)
    for read in (read_coreml, read_coreml_stack):
        with pytest.raises(bl.WeightsError) as caught:
            read(path)
        assert [issue.code for issue in caught.value.issues] == [
            codes.AMBIGUOUS_CHOICE,
            codes.STACK_MISMATCH,
        ]
        assert "the name of one of the LSTM layers 'lstm0', 'lstm1'" in str(caught.value)
        assert text in caught.value.issues[1].actual
        with pytest.raises(
            bl.WeightsError, match="lstm1: input: expected the outputs of 'lstm0', with nothing"
        ):
            read(path, ["lstm0", "lstm1"])
    assert read_coreml(path, "lstm1").num_layers == 1


def test_a_layer_of_an_unknown_kind_is_named(tmp_path: Path) -> None:
    model, _, middle, _ = stack()
    middle.ClearField("activation")
    with pytest.raises(bl.WeightsError, match=r"found 'identity' \(of a kind that is not known\)"):
        read_coreml(written(tmp_path, model))


def other_line(middle: Any) -> None:
    middle.activation.linear.beta = 1.0


def no_line(middle: Any) -> None:
    middle.activation.linear.alpha = 0.0


@pytest.mark.parametrize("change", [other_line, no_line])
def test_a_line_that_is_no_identity_computes(change: Callable[[Any], None], tmp_path: Path) -> None:
    model, _, middle, _ = stack()
    change(middle)
    with pytest.raises(bl.WeightsError, match=r"found 'identity' \(activation\)"):
        read_coreml(written(tmp_path, model))


def test_a_value_is_what_the_last_layer_before_made_of_it(tmp_path: Path) -> None:
    """A value may be written again, in a branch too; what is made later is not meant."""
    model, _, middle, upper = stack()
    middle.output[0] = upper.input[0] = "y0"
    again = model.neuralNetwork.layers.add(name="again", softmax=b"", input=["y0"], output=["y0"])
    assert_same(read_coreml(written(tmp_path, model)), read_coreml(DATA / "stack.mlmodel"))
    last = type(upper)()
    last.CopyFrom(upper)
    del model.neuralNetwork.layers[2]
    assert again.name == "again"
    model.neuralNetwork.layers.append(last)
    with pytest.raises(bl.WeightsError, match=r"found 'again' \(softmax\)"):
        read_coreml(written(tmp_path, model))
    kept = type(again)()
    kept.CopyFrom(model.neuralNetwork.layers[2])
    model.neuralNetwork.layers[2].Clear()
    model.neuralNetwork.layers[2].name = "maybe"
    model.neuralNetwork.layers[2].branch.ifBranch.layers.append(kept)
    with pytest.raises(bl.WeightsError, match=r"found 'maybe' \(branch\)"):
        read_coreml(written(tmp_path, model))


def test_a_layer_that_reads_states_is_no_stack(tmp_path: Path) -> None:
    model, lower, _, upper = stack()
    upper.input[0] = lower.output[1]
    with pytest.raises(bl.WeightsError, match=r"found a state of 'lstm0' \(uniDirectionalLSTM\)"):
        read_coreml(written(tmp_path, model))
    upper.input[0] = "x"
    with pytest.raises(bl.WeightsError, match="found 'x', which nothing before it makes"):
        read_coreml(written(tmp_path, model))
    del upper.input[:]
    with pytest.raises(bl.WeightsError, match="found no input"):
        read_coreml(written(tmp_path, model))


def test_lower_layers_give_all_outputs(tmp_path: Path) -> None:
    model, lower, _, _ = stack()
    lower.uniDirectionalLSTM.params.sequenceOutput = False
    with pytest.raises(
        bl.WeightsError, match="lstm0: sequenceOutput: expected true for all layers"
    ) as caught:
        read_coreml(written(tmp_path, model))
    assert caught.value.issues[0].code == codes.STACK_MISMATCH


def test_states_that_come_from_the_stack_are_refused(tmp_path: Path) -> None:
    """Encoder and decoder: no caller can give them."""
    model, lower, middle, upper = stack()
    upper.input[1] = lower.output[1]
    with pytest.raises(
        bl.WeightsError, match=r"lstm1: initial states: .* come from 'lstm0'"
    ) as caught:
        read_coreml(written(tmp_path, model))
    assert caught.value.issues[0].code == codes.UNSUPPORTED_HERE
    assert read_coreml(tmp_path / "model.mlmodel", "lstm1").num_layers == 1
    upper.input[1] = "g"
    copied = type(upper)()
    copied.CopyFrom(upper)
    del model.neuralNetwork.layers[2]
    model.neuralNetwork.layers.add(name="g", tanh=b"", input=[middle.output[0]], output=["g"])
    model.neuralNetwork.layers.append(copied)
    with pytest.raises(
        bl.WeightsError, match=r"states that come from 'lstm0' \(uniDirectionalLSTM\)"
    ):
        read_coreml(written(tmp_path, model))


NAMES: dict[str, tuple[Any, str, str]] = {
    "unknown": (
        "x",
        "layer: expected names of LSTM layers, 'lstm0', 'lstm1', found 'x'",
        codes.UNKNOWN_CHOICE,
    ),
    "of another layer": ("identity", "found 'identity'", codes.UNKNOWN_CHOICE),
    "one unknown": (["lstm0", "x"], "found ['lstm0', 'x']", codes.UNKNOWN_CHOICE),
    "none": ([], "found []", codes.UNKNOWN_CHOICE),
    "no text": ([1], "found [1]", codes.UNKNOWN_CHOICE),
    "no names": (1, "a name, a sequence of names or None, found int", codes.WRONG_TYPE),
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_that_are_not_there(kind: str) -> None:
    layer, text, code = NAMES[kind]
    with pytest.raises(bl.WeightsError) as caught:
        read_coreml(DATA / "stack.mlmodel", layer)
    assert text in str(caught.value)
    assert [issue.code for issue in caught.value.issues] == [code]


def test_the_wrong_order_is_no_stack() -> None:
    with pytest.raises(bl.WeightsError, match="lstm0: input: expected the outputs of 'lstm1'"):
        read_coreml(DATA / "stack.mlmodel", ["lstm1", "lstm0"])


def test_layers_of_one_name_cannot_be_told_apart(tmp_path: Path) -> None:
    model, _, _, upper = stack()
    upper.name = "lstm0"
    path = written(tmp_path, model)
    assert read_coreml(path).num_layers == 2
    with pytest.raises(bl.WeightsError) as caught:
        read_coreml(path, "lstm0")
    assert caught.value.issues[0].code == codes.AMBIGUOUS_CHOICE


def test_layers_in_branches_loops_and_pipelines_have_the_names_around_them(tmp_path: Path) -> None:
    inner = message("one").neuralNetwork.layers[0]
    model = message("pair")
    loop = model.neuralNetwork.layers.add(name="loop")
    loop.loop.bodyNetwork.layers.append(inner)
    wanted = read_coreml(DATA / "one.mlmodel")
    path = written(tmp_path, model)
    assert_same(read_coreml(path, "loop/lstm"), wanted)
    assert read_coreml(path, "lstm").bidirectional
    with pytest.raises(bl.WeightsError, match="found a layer of another network"):
        read_coreml(path)
    outer = type(model)(specificationVersion=4)
    outer.pipelineClassifier.pipeline.models.append(message("one"))
    outer.pipelineClassifier.pipeline.models.append(model)
    outer.pipelineClassifier.pipeline.names.append("first")
    path = written(tmp_path, outer)
    assert_same(read_coreml(path, "first/lstm"), wanted)
    assert read_coreml(path, "model1/lstm").bidirectional
    with pytest.raises(bl.WeightsError) as caught:
        read_coreml(path, "lstm")
    assert caught.value.issues[0].code == codes.AMBIGUOUS_CHOICE


@pytest.mark.parametrize("kind", ["neuralNetworkClassifier", "neuralNetworkRegressor", "pipeline"])
def test_networks_of_classifiers_regressors_and_pipelines(kind: str, tmp_path: Path) -> None:
    given = message("one")
    model = type(given)(specificationVersion=1)
    if kind == "pipeline":
        model.pipeline.models.append(given)
    else:
        getattr(model, kind).layers.extend(given.neuralNetwork.layers)
    assert_same(read_coreml(written(tmp_path, model)), read_coreml(DATA / "one.mlmodel"))


def loaded(model: Any, name: str, values: np.ndarray, kind: str = "loadConstantND") -> None:
    """Add a constant before all other layers."""
    layer = model.neuralNetwork.layers.add(name=name, output=[name])
    own = getattr(layer, kind)
    own.shape.extend(values.shape[2:] if kind == "loadConstant" else values.shape)
    own.data.floatValue.extend(values.ravel().tolist())
    rest = [type(layer).FromString(one.SerializeToString()) for one in model.neuralNetwork.layers]
    del model.neuralNetwork.layers[:]
    model.neuralNetwork.layers.extend([rest[-1], *rest[:-1]])


H = np.arange(1.0, 9.0, dtype=np.float32).reshape(1, 2, 4, 1, 1)


def test_constants_are_initial_states(tmp_path: Path) -> None:
    model = message("one")
    loaded(model, "h constant", H)
    model.neuralNetwork.layers[1].input[1] = "h constant"
    del model.neuralNetwork.layers[1].input[2]
    state = read_coreml(written(tmp_path, model)).state
    assert state is not None
    np.testing.assert_array_equal(state[0], H[0, :, :, 0, 0][None])
    assert not state[1].any()
    lstm = bl.LSTM.from_coreml(tmp_path / "model.mlmodel")
    assert lstm.initial_state is not None
    np.testing.assert_array_equal(lstm.initial_state.h, state[0])


def test_constants_of_three_sizes_have_one_sample(tmp_path: Path) -> None:
    model = message("one")
    for place, name in ((1, "a"), (2, "b")):
        loaded(model, name, H[:, :1] * place, "loadConstant")
        model.neuralNetwork.layers[-1].input[place] = name
    state = read_coreml(written(tmp_path, model)).state
    assert state is not None
    np.testing.assert_array_equal(state[0][0, 0], [1, 2, 3, 4])
    np.testing.assert_array_equal(state[1][0, 0], [2, 4, 6, 8])


WRONG_STATES: dict[str, tuple[np.ndarray, str, str]] = {
    "shape": (
        H.reshape(1, 4, 2, 1, 1), "lstm: initial h: expected [1, batch, 4, 1, 1], found [1, 4, 2, 1, 1]",
        codes.SIZE_MISMATCH,
    ),
    "rank": (H.reshape(2, 4), "expected [1, batch, 4, 1, 1], found [2, 4]", codes.SIZE_MISMATCH),
    "one is given": (
        H, "lstm: initial c: expected a constant, as 'initial h' is one, found 'c', which a call gives",
        codes.NOT_CONSTANT,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG_STATES)
def test_states_that_cannot_be_taken_over(kind: str, tmp_path: Path) -> None:
    values, text, code = WRONG_STATES[kind]
    model = message("one")
    loaded(model, "a", values)
    model.neuralNetwork.layers[1].input[1] = "a"
    if kind != "one is given":
        del model.neuralNetwork.layers[1].input[2]
    with pytest.raises(bl.WeightsError) as caught:
        read_coreml(written(tmp_path, model))
    assert text in str(caught.value)
    assert [issue.code for issue in caught.value.issues] == [code]


def test_states_of_different_batches_are_refused(tmp_path: Path) -> None:
    model = message("one")
    loaded(model, "a", H)
    loaded(model, "b", H[:, :1])
    model.neuralNetwork.layers[2].input[1:] = ["a", "b"]
    with pytest.raises(
        bl.WeightsError, match=r"lstm: initial states: expected one batch size, found \[1, 2\]"
    ):
        read_coreml(written(tmp_path, model))


def test_a_filled_constant_is_zeros_or_refused(tmp_path: Path) -> None:
    model = message("one")
    loaded(model, "a", H)
    filled = model.neuralNetwork.layers[0]
    filled.ClearField("loadConstantND")
    filled.fillStatic.targetShape.extend([1, 2**62, 4, 1, 1])
    model.neuralNetwork.layers[1].input[1] = "a"
    assert read_coreml(written(tmp_path, model)).state is None
    filled.fillStatic.value = 2.0
    with pytest.raises(bl.WeightsError, match="zeros, or a loadConstantND, found fillStatic of 2"):
        read_coreml(written(tmp_path, model))


@pytest.mark.parametrize("axes", [[0, 0], [7], [2**62], list(range(70))])
def test_axes_of_constants_that_do_not_fit(axes: list[int], tmp_path: Path) -> None:
    model = message("one")
    loaded(model, "a", H)
    model.neuralNetwork.layers[0].output[0] = "raw"
    middle = model.neuralNetwork.layers.add(name="m", input=["raw"], output=["a"])
    middle.squeeze.axes.extend(axes)
    order = [type(middle).FromString(one.SerializeToString()) for one in model.neuralNetwork.layers]
    del model.neuralNetwork.layers[:]
    model.neuralNetwork.layers.extend([order[0], order[2], order[1]])
    model.neuralNetwork.layers[2].input[1] = "a"
    with pytest.raises(bl.WeightsError, match="lstm: initial h: expected axes that fit"):
        read_coreml(written(tmp_path, model))


def test_long_and_odd_names_leave_errors_readable(tmp_path: Path) -> None:
    model, lower, _, upper = stack()
    lower.name, upper.name = "a" * 3000, "\x1b[31m"
    upper.input[0] = "b" * 3000
    with pytest.raises(bl.WeightsError) as caught:
        read_coreml(written(tmp_path, model))
    assert len(str(caught.value)) < 1000
    assert str(caught.value).replace("\n", "").isprintable()
