"""Operators `lstm` of ML programs compute what their description says; whatever is not clear is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import coreml_tools
import numpy as np
import pytest
from bnns_lstm import codes
from bnns_lstm.formats import StoredLSTM, read_coreml, read_coreml_stack
from bnns_lstm.formats.coreml.schema import model_class
from coreml_tools import DATA, outputs
from formats_tools import assert_same, computed
from reference import Array
from refused import refused_in_little_memory

INSIDE = "Data/com.apple.CoreML"
LIMITLESS = float("inf")


def x_of(batch: int = 1, steps: int = 4) -> Array:
    return np.random.default_rng(3).normal(0, 1, (steps, batch, 3)).astype(np.float32)


def way(name: str, x: Array, **words: Any) -> Array:
    return outputs(name, x, clip=LIMITLESS, **words)


def stack(name: str, x: Array, ways: int) -> Array:
    for number in range(2):
        parts = [way(f"{name}.{number}.{one}", x, backwards=one == 1) for one in range(ways)]
        x = np.concatenate(parts, axis=2)
    return x


CASES: dict[str, Callable[[Array], Array]] = {
    "program": lambda x: way("program.0", x),
    "program_stack": lambda x: stack("program_stack", x, 1),
    "program_casts": lambda x: stack("program_casts", x, 2),
    "program_final": lambda x: way("program_final.0", x, backwards=True),
    "program_functions": lambda x: way("program_functions.0", x, functions=("linear", "relu", "sigmoid")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_those_of_the_operators_formulas(name: str) -> None:
    path, x = DATA / f"{name}.mlpackage", x_of(2)
    wanted = CASES[name](x)
    found = read_coreml(path)
    np.testing.assert_allclose(computed(found, x)[0], wanted, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(bl.LSTM.from_coreml(path)(x)[0], wanted, rtol=2e-5, atol=2e-6)
    assert np.abs(wanted).max() > 0.05
    assert (found.gate_clip, found.cell_clip, found.state) == (None, None, None)


def test_half_floats_and_constant_states() -> None:
    found = read_coreml(DATA / "program_half.mlpackage")
    arrays = {
        key: value.astype(np.float16).astype(np.float32)
        for key, value in coreml_tools.weights().items()
        if key.startswith("program_half.")
    }
    order = [0, 1, 3, 2]
    for number, suffix in enumerate(("", "_reverse")):
        for ours, kind in (("weight_ih", "W_x"), ("weight_hh", "W_h"), ("bias_ih", "b")):
            array = found.parameters[f"{ours}_l0{suffix}"]
            given = arrays[f"program_half.{number}.{kind}"][order]
            np.testing.assert_array_equal(array, given.reshape(array.shape))
    assert found.state is not None
    for state, given in zip(found.state, arrays["program_half.states"], strict=True):
        np.testing.assert_array_equal(state, np.stack([given[:, :3], given[:, 3:]]))


def test_a_stack_is_read_layer_by_layer_too() -> None:
    whole = read_coreml(DATA / "program_stack.mlpackage")
    assert whole.num_layers == 2
    apart = read_coreml_stack(DATA / "program_stack.mlpackage", ["lstm0", "lstm1"])
    np.testing.assert_array_equal(
        apart[1].parameters["weight_ih_l0"], whole.parameters["weight_ih_l1"]
    )
    assert bl.Stack.from_coreml(DATA / "program_casts.mlpackage").lstms[0].config.bidirectional


def test_what_is_not_clear_is_refused_by_name_all_at_once() -> None:
    with pytest.raises(bl.WeightsError) as caught:
        read_coreml(DATA / "program_refused.mlpackage")
    assert [(issue.path, issue.code) for issue in caught.value.issues] == [
        ("lstm: clip", codes.UNSUPPORTED_HERE),
        ("lstm: peephole", codes.UNSUPPORTED_HERE),
        ("lstm: direction", codes.UNSUPPORTED_HERE),
        ("lstm: recurrent_activation", codes.UNSUPPORTED_HERE),
    ]


def test_weights_that_an_operator_makes_are_refused_with_what_undoes_it() -> None:
    with pytest.raises(bl.WeightsError, match="decompress_weights undoes compression") as caught:
        read_coreml(DATA / "program_quantized.mlpackage")
    assert {issue.code for issue in caught.value.issues} == {codes.NOT_CONSTANT}
    assert "(constexpr_affine_dequantize)" in str(caught.value)


class Changed:
    """A copy of a program of the data whose messages can be changed."""

    def __init__(self, name: str, folder: Path) -> None:
        self.path = folder / "a.mlpackage"
        shutil.copytree(DATA / f"{name}.mlpackage", self.path)
        self.file = self.path / INSIDE / "model.mlmodel"
        self.weights = self.path / INSIDE / "weights" / "weight.bin"
        self.model = model_class().FromString(self.file.read_bytes())
        function = self.model.mlProgram.functions[0].value
        self.block = function.block_specializations[0].value

    def operators(self, kind: str) -> list[Any]:
        return [one for one in self.block.operations if one.type == kind]

    def argument(self, name: str, operator: int = 0) -> Any:
        """What an LSTM has as an input."""
        given = self.operators("lstm")[operator].inputs
        return next(entry.value for entry in given if entry.key == name).arguments[0]

    def value(self, name: str) -> Any:
        """The constant that the LSTM has as an input."""
        made = self.argument(name).name
        for one in self.operators("const"):
            if one.outputs[0].name == made:
                return next(entry.value for entry in one.attributes if entry.key == "val")
        raise KeyError(name)

    def add(self, name: str, value: str, operator: int = 0) -> None:
        """Give the LSTM one more input."""
        entry = self.operators("lstm")[operator].inputs.add(key=name)
        entry.value.arguments.add(name=value)

    def without(self, name: str) -> None:
        """Take an input from the LSTM."""
        given = self.operators("lstm")[0].inputs
        del given[[entry.key for entry in given].index(name)]

    def read(self, layer: Any = None) -> StoredLSTM:
        self.file.write_bytes(self.model.SerializeToString())
        return read_coreml(self.path, layer)


def text(changed: Changed, name: str, word: str) -> None:
    changed.value(name).immediateValue.tensor.strings.values[0] = word


def shape(changed: Changed, name: str, *sizes: int) -> None:
    tensor = changed.value(name).type.tensorType
    del tensor.dimensions[:]
    tensor.rank = len(sizes)
    for size in sizes:
        tensor.dimensions.add().constant.size = size


WRONG: dict[str, tuple[Callable[[Changed], object], str, str]] = {
    "an input": (
        lambda c: c.add("zoneout", "x"), "lstm: inputs: expected only inputs of lstm", codes.UNEXPECTED_ENTRY,
    ),
    "a direction": (
        lambda c: text(c, "direction", "up"),
        "lstm: direction: expected 'forward', 'reverse' or 'bidirectional', found 'up'",
        codes.UNKNOWN_CHOICE,
    ),
    "a function": (
        lambda c: text(c, "activation", "scaled_tanh"),
        "lstm: activation: expected linear, relu, sigmoid, tanh",
        codes.UNSUPPORTED_HERE,
    ),
    "no text": (
        lambda c: setattr(c.argument("activation"), "name", "x"),
        "lstm: activation: expected a text, found no constant",
        codes.NOT_CONSTANT,
    ),
    "no flag": (
        lambda c: setattr(c.argument("output_sequence"), "name", "x"),
        "lstm: output_sequence: expected true or false, found no constant", codes.NOT_CONSTANT,
    ),
    "no weights": (
        lambda c: c.without("weight_hh"),
        "lstm: weight_hh: expected a constant, found none", codes.MISSING_ENTRY,
    ),
    "weights of a call": (
        lambda c: setattr(c.argument("weight_hh"), "name", "x"),
        "lstm: weight_hh: expected a constant, found 'x', which a call gives", codes.NOT_CONSTANT,
    ),
    "a shape": (
        lambda c: shape(c, "weight_ih", 6, 4), "lstm: weight_ih: expected [8, 4], found [6, 4]",
        codes.SIZE_MISMATCH,
    ),
    "a rank": (
        lambda c: setattr(c.value("weight_hh").type.tensorType, "rank", 3),
        "lstm: weight_hh: shape: expected up to 5 sizes of at least 1", codes.DAMAGED_FILE,
    ),
    "a large shape": (
        lambda c: shape(c, "weight_hh", 2**40, 2**20), "bytes for the shape [1099511627776, 1048576], found 64",
        codes.DAMAGED_FILE,
    ),
    "a large immediate": (
        lambda c: shape(c, "bias", 2**40), "numbers for the shape [1099511627776], found 8", codes.DAMAGED_FILE,
    ),
    "a type": (
        lambda c: setattr(c.value("bias").type.tensorType, "dataType", 23),
        "lstm: bias: expected FLOAT16 or FLOAT32, found the type 23 of MIL.proto", codes.UNSUPPORTED_DATA_TYPE,
    ),
    "a state": (
        lambda c: shape(c, "initial_h", 2), "lstm: initial_h: expected [batch, 2], found [2]",
        codes.SIZE_MISMATCH,
    ),
    "a file elsewhere": (
        lambda c: setattr(c.value("weight_ih").blobFileValue, "fileName", "@model_path/../../Manifest.json"),
        "lstm: weight_ih: fileName: expected a file beside the model", codes.INVALID_PATH,
    ),
    "an absolute file": (
        lambda c: setattr(c.value("weight_ih").blobFileValue, "fileName", "/etc/hostname"),
        "found '/etc/hostname'", codes.INVALID_PATH,
    ),
    "a place behind the end": (
        lambda c: setattr(c.value("weight_ih").blobFileValue, "offset", 2**63),
        "lstm: weight_ih: offset: expected a record in a file of 384 bytes, found 9223372036854775808",
        codes.DAMAGED_FILE,
    ),
    "a place without a record": (
        lambda c: setattr(c.value("weight_ih").blobFileValue, "offset", 0),
        "lstm: weight_ih: offset: expected a record of 0xdeadbeef and the type 2", codes.DAMAGED_FILE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_operators_that_do_not_fit_are_refused(kind: str, tmp_path: Path) -> None:
    change, words, code = WRONG[kind]
    changed = Changed("program", tmp_path)
    change(changed)
    with refused_in_little_memory(bl.WeightsError) as caught:
        changed.read()
    assert [issue.code for issue in caught.value.issues] == [code]
    assert words in str(caught.value)


@pytest.mark.parametrize("length", [0, 63, 64, 100, 150, 383])
def test_files_with_weights_that_end_early(length: int, tmp_path: Path) -> None:
    changed = Changed("program", tmp_path)
    changed.weights.write_bytes(changed.weights.read_bytes()[:length])
    with pytest.raises(bl.WeightsError) as caught:
        changed.read()
    assert {issue.code for issue in caught.value.issues} == {codes.DAMAGED_FILE}


def test_a_file_without_its_folder_says_what_is_missing(tmp_path: Path) -> None:
    shutil.copy(DATA / f"program.mlpackage/{INSIDE}/model.mlmodel", tmp_path)
    with pytest.raises(bl.WeightsError, match=r"\(the whole \.mlpackage is needed\)"):
        read_coreml(tmp_path / "model.mlmodel")


def test_defaults_of_inputs_that_are_left_out(tmp_path: Path) -> None:
    changed = Changed("program", tmp_path)
    for name in (
        "direction",
        "recurrent_activation",
        "cell_activation",
        "activation",
        "output_sequence",
    ):
        changed.without(name)
    assert_same(changed.read(), read_coreml(DATA / "program.mlpackage"))
    changed.without("bias")
    assert not changed.read().bias


def test_a_direction_without_biases_has_zeros(tmp_path: Path) -> None:
    changed = Changed("program_half", tmp_path)
    changed.without("bias_back")
    found = changed.read().parameters
    assert not found["bias_ih_l0_reverse"].any()
    assert found["bias_ih_l0"].any()


def test_a_value_may_stand_in_the_operator_itself(tmp_path: Path) -> None:
    changed = Changed("program", tmp_path)
    for name in ("weight_ih", "direction"):
        value = type(changed.value(name)).FromString(changed.value(name).SerializeToString())
        changed.argument(name).value.CopyFrom(value)
    assert_same(changed.read(), read_coreml(DATA / "program.mlpackage"))


def test_states_that_a_call_gives_are_not_carried(tmp_path: Path) -> None:
    changed = Changed("program_half", tmp_path)
    for name in ("initial_h", "initial_c"):
        changed.argument(name).name = "given"
    assert changed.read().state is None
    again = Changed("program_half", tmp_path / "again")
    again.argument("initial_c").name = "given"
    with pytest.raises(bl.WeightsError, match="initial_c: expected a constant, as the other"):
        again.read()


def between(changed: Changed, kind: str, **arguments: Any) -> None:
    """Put an operator between the two LSTMs of a stack."""
    value = changed.argument("x", 1).name
    first = changed.operators("lstm")[0]
    place = [one is first or one == first for one in changed.block.operations].index(True)
    rest = [type(first).FromString(one.SerializeToString()) for one in changed.block.operations]
    made = type(first)(type=kind)
    made.outputs.add(name="between")
    made.inputs.add(key="x").value.arguments.add(name=value)
    for name, given in arguments.items():
        held = made.inputs.add(key=name).value.arguments.add().value.immediateValue.tensor
        if isinstance(given, str):
            held.strings.values.append(given)
        else:
            held.ints.values.extend(given)
    del changed.block.operations[:]
    changed.block.operations.extend([*rest[: place + 1], made, *rest[place + 1 :]])
    changed.argument("x", 1).name = "between"


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [("identity", {}), ("cast", {"dtype": "fp16"}), ("transpose", {"perm": [0, 1, 2]})],
)
def test_operators_that_change_nothing_may_stand_between(
    kind: str, arguments: dict[str, Any], tmp_path: Path
) -> None:
    changed = Changed("program_stack", tmp_path)
    between(changed, kind, **arguments)
    assert_same(changed.read(), read_coreml(DATA / "program_stack.mlpackage"))


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("relu", {}, "'between' (relu)"),
        ("cast", {"dtype": "int32"}, "'between' (cast)"),
        ("transpose", {"perm": [1, 0, 2]}, "its outputs as [batch, steps, values]"),
        ("transpose", {}, "'between' (transpose)"),
        ("squeeze", {}, "'between' (squeeze) with other axes"),
        ("expand_dims", {"axes": [0]}, "its outputs as [1, steps, batch, values]"),
        ("\x1b[31m" + "a" * 99, {}, "'between' (\\x1b[31maaa"),
    ],
)
def test_operators_that_compute_between_are_named(
    kind: str, arguments: dict[str, Any], words: str, tmp_path: Path
) -> None:
    changed = Changed("program_stack", tmp_path)
    between(changed, kind, **arguments)
    with pytest.raises(bl.WeightsError) as caught:
        changed.read()
    assert words in str(caught.value)
    assert str(caught.value).replace("\n", "").isprintable()
    assert changed.read("lstm1").num_layers == 1


def test_operators_in_blocks_and_functions_have_the_names_around_them(tmp_path: Path) -> None:
    changed = Changed("program", tmp_path)
    block = type(changed.block).FromString(changed.block.SerializeToString())
    loop = changed.block.operations.add(type="while_loop")
    loop.outputs.add(name="loop")
    loop.blocks.add().CopyFrom(block)
    wanted = read_coreml(DATA / "program.mlpackage")
    assert_same(changed.read("loop/lstm"), wanted)
    assert_same(changed.read("lstm"), wanted)
    other = changed.model.mlProgram.functions.add(key="other").value
    other.opset = "CoreML5"
    other.block_specializations.add(key="CoreML5").value.CopyFrom(block)
    assert_same(changed.read("other/lstm"), wanted)
    with pytest.raises(bl.WeightsError, match="LSTM layers 'lstm', 'loop/lstm', 'other/lstm'"):
        changed.read()


def test_the_bytes_of_a_file_are_read_a_few_times_at_most(tmp_path: Path) -> None:
    """Many operators on the same array would be read as often."""
    changed = Changed("program", tmp_path)
    first = changed.operators("lstm")[0]
    for number in range(60):
        again = changed.block.operations.add()
        again.CopyFrom(first)
        again.outputs[0].name = f"y{number}"
        again.attributes[0].value.immediateValue.tensor.strings.values[0] = f"lstm{number}"
    with pytest.raises(bl.WeightsError, match="numbers within a file of 384 bytes") as caught:
        changed.read(["lstm", *(f"lstm{number}" for number in range(60))])
    assert codes.DAMAGED_FILE in {issue.code for issue in caught.value.issues}
