"""What is written comes back bit for bit, or is refused by the names of exactly what the format lacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bnns_lstm as bl
import numpy as np
import pytest
from bnns_lstm import codes
from bnns_lstm.formats import (
    StoredLSTM,
    load_lstm,
    read_keras,
    read_onnx,
    read_torch,
    save_lstm,
    write_keras,
    write_onnx,
    write_state_dict,
)
from bnns_lstm.formats.activations import default_activations
from bnns_lstm.formats.stored import shapes
from build import ELEMENTWISE
from formats_tools import random_stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference import Array, activate

F = bl.ActivationFunction
GATES = ("input", "forget", "output")
# Twice what formats of others have.
MERGES = ("concat", "concat", "sum", "ave", "mul", None)
NAMES = (*GATES, "candidate", "hidden")
# Numbers of which formats may lose something: the ends of float32, negative zero, infinities, NaN.
BITS = np.array(
    [
        0x80000000,
        0x00000001,
        0x7F7FFFFF,
        0xFF7FFFFF,
        0x7F800000,
        0xFF800000,
        0x7FC01234,
        0x3F800001,
    ],
    np.uint32,
).view(np.float32)
GRID = np.concatenate([np.linspace(-9, 9, 721), [-0.0, 1e-30, -1e-30, 1e30, -1e30]])

functions = st.sampled_from(
    [
        *ELEMENTWISE, bl.Activation.elu(), bl.Activation.celu(), bl.Activation.clamp(0.0, 1.0),
        bl.Activation.clamp(0.0, 6.0), bl.Activation.clamp(-1.0, 1.0), bl.Activation.threshold(0.25, 0.0),
        bl.Activation.softplus(0.5, 2.0), bl.Activation.leaky_rectified_linear(), bl.Activation.linear(1.0),
        bl.Activation.hard_sigmoid(1 / 6, 0.5), bl.Activation.hard_sigmoid(0.3, 0.4),
        bl.Activation.soft_shrink(),
    ]
)  # fmt: skip


@st.composite
def networks(draw: st.DrawFn) -> StoredLSTM:
    """Networks of all configurations, with odd numbers among their weights."""
    shared = st.tuples(functions, functions, functions).map(
        lambda three: dict.fromkeys(GATES, three[0]) | {"candidate": three[1], "hidden": three[2]}
    )
    alike = st.tuples(functions, functions).map(
        lambda two: dict.fromkeys(GATES, two[0]) | dict.fromkeys(("candidate", "hidden"), two[1])
    )
    free = st.fixed_dictionaries(dict.fromkeys(NAMES, functions))
    bidirectional, hidden_size = draw(st.booleans()), draw(st.integers(1, 4))
    counts = st.lists(st.integers(0, 5), min_size=3, max_size=3).map(tuple)
    stored = random_stored(
        draw(st.integers(0, 99)),
        input_size=draw(st.integers(1, 4)), hidden_size=hidden_size,
        num_layers=draw(st.integers(1, 3)), bidirectional=bidirectional, bias=draw(st.booleans()),
        batch_first=draw(st.booleans()), dropout=draw(st.sampled_from([0.0, 0.25])),
        peephole=draw(st.sampled_from([None, None, "diagonal", "diagonal", "full"])),
        activations=draw(st.none() | shared | alike | free), state=draw(st.booleans()),
        lengths=draw(st.none() | counts), merge=draw(st.sampled_from(MERGES if bidirectional else ["concat"])),
        proj_size=draw(st.sampled_from([0, 0, 0, 1, hidden_size])),
    )  # fmt: skip
    if stored.peephole == "diagonal" and draw(st.booleans()):
        for name, array in stored.parameters.items():
            if name.startswith("weight_ch"):
                np.split(array, 4)[2][:] = 0
    for name in draw(st.lists(st.sampled_from(sorted(stored.parameters)), max_size=3)):
        array = stored.parameters[name]
        if not name.startswith("weight_ch"):
            array.flat[draw(st.integers(0, array.size - 1))] = draw(st.sampled_from(list(BITS)))
    return stored


def assert_bits(found: dict[str, Array], wanted: dict[str, Array]) -> None:
    """The same arrays, in the same order, NaN and signs of zeros included."""
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        assert found[name].tobytes() == array.tobytes(), name


def assert_same(found: StoredLSTM, wanted: StoredLSTM) -> None:
    """The same networks; functions may be others that give the same for every number."""
    assert_bits(found.parameters, wanted.parameters)
    assert (found.state is None) == (wanted.state is None)
    for one, other in zip(found.state or (), wanted.state or (), strict=True):
        assert one.tobytes() == other.tobytes()
    assert found.lengths == wanted.lengths
    plain = {"activations": None, "parameters": wanted.parameters, "state": None}
    assert replace(found, **plain).config == replace(wanted, **plain).config
    own, others = (one.activations or default_activations() for one in (found, wanted))
    for name in NAMES:
        np.testing.assert_array_equal(activate(own[name], GRID), activate(others[name], GRID))


def issues_of(write: Callable[[], object]) -> set[str]:
    """The paths of what a writer refuses; nothing if it writes."""
    try:
        write()
    except bl.WeightsError as error:
        assert {issue.code for issue in error.issues} == {codes.NOT_EXPRESSIBLE}
        paths = [issue.path for issue in error.issues]
        assert len(set(paths)) == len(paths)
        return set(paths)
    return set()


quick = settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(stored=networks())
def test_safetensors_hold_everything(stored: StoredLSTM, tmp_path: Path) -> None:
    save_lstm(tmp_path / "a.safetensors", stored)
    found = load_lstm(tmp_path / "a.safetensors")
    assert_same(found, stored)
    assert found.config == stored.config


@quick
@given(stored=networks(), seconds=st.booleans())
def test_state_dicts_hold_all_weights_of_what_pytorch_has(
    stored: StoredLSTM, seconds: bool
) -> None:
    lacks = {"peephole"} if stored.peephole else set()
    lacks |= {"activations"} if stored.activations else set()
    lacks |= {"merge"} if stored.merge != "concat" else set()
    lacks |= {"proj_size"} if stored.proj_size == stored.hidden_size else set()
    assert issues_of(lambda: write_state_dict(stored)) == lacks
    if lacks:
        return
    written = write_state_dict(stored)
    found = read_torch(
        {f"a.{k}": v for k, v in written.items()} if seconds else written, "a." * seconds
    )
    # What a state dict does not say; modules, calls and their arguments do.
    assert_same(found, replace(stored, batch_first=False, dropout=0.0, state=None, lengths=None))


def lacks_in_onnx(stored: StoredLSTM) -> set[str]:
    """What ONNX' operator has no words for, from its documentation."""
    found = {"peephole"} if stored.peephole == "full" else set()
    found |= {"merge"} if stored.merge != "concat" else set()
    found |= {"proj_size"} if stored.proj_size else set()
    if stored.peephole == "diagonal":
        found |= {
            name for name, array in stored.parameters.items()
            if name.startswith("weight_ch") and np.split(array, 4)[2].any()
        }  # fmt: skip
    named = stored.activations or default_activations()
    found |= {
        f"activations.{gate}" for gate in ("forget", "output") if named[gate] != named["input"]
    }
    return found | {
        f"activations.{gate}" for gate in ("input", "candidate", "hidden") if not is_in_onnx(named[gate])
    }  # fmt: skip


def is_in_onnx(one: bl.Activation) -> bool:
    """Whether one of ONNX' functions, with some parameters, is this one."""
    if one.function in {F.THRESHOLD, F.SOFTPLUS, F.CLAMP, F.CELU}:
        return one in [
            bl.Activation.threshold(one.alpha, 0.0), bl.Activation.softplus(), bl.Activation.clamp(0.0, 1.0),
            bl.Activation.celu(1.0),
        ]  # fmt: skip
    return one.function in {
        F.LINEAR_WITH_BIAS, F.LINEAR, F.IDENTITY, F.ABS, F.ELU, F.HARD_SIGMOID, F.LEAKY_RECTIFIED_LINEAR,
        F.SCALED_TANH, F.RECTIFIED_LINEAR, F.SIGMOID, F.SOFTSIGN, F.TANH,
    }  # fmt: skip


@quick
@given(stored=networks(), lengths=st.booleans())
def test_onnx_holds_what_its_operator_has(
    stored: StoredLSTM, lengths: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.onnx"
    path.unlink(missing_ok=True)
    lacks = lacks_in_onnx(stored)
    assert issues_of(lambda: write_onnx(path, stored, lengths=lengths)) == lacks
    assert path.exists() == (not lacks)
    if not lacks:
        assert_same(read_onnx(path), replace(stored, dropout=0.0))


# Those of Keras' own list that are the same here; hard_sigmoid has Keras 2's slope or Keras 3's.
IN_KERAS = [
    bl.Activation.celu(), bl.Activation.elu(), bl.Activation.hard_swish(), bl.Activation.clamp(-1.0, 1.0),
    bl.Activation.leaky_rectified_linear(0.2), bl.Activation.identity(), bl.Activation.log_sigmoid(),
    bl.Activation.relu(), bl.Activation.clamp(0.0, 6.0), bl.Activation.selu(), bl.Activation.sigmoid(),
    bl.Activation.silu(), bl.Activation.soft_shrink(), bl.Activation.softplus(), bl.Activation.softsign(),
    bl.Activation.tanh(), bl.Activation.tanh_shrink(), bl.Activation.hard_sigmoid(0.2, 0.5),
    bl.Activation.hard_sigmoid(1 / 6, 0.5),
]  # fmt: skip


def lacks_in_keras(stored: StoredLSTM) -> set[str]:
    """What Keras' layers have no arguments for."""
    found = {"peephole"} if stored.peephole else set()
    found |= {"proj_size"} if stored.proj_size else set()
    named = stored.activations or default_activations()
    for first, *others in (GATES, ("candidate", "hidden")):
        found |= {f"activations.{gate}" for gate in others if named[gate] != named[first]}
        found |= set() if named[first] in IN_KERAS else {f"activations.{first}"}
    for name, array in stored.parameters.items():
        if name.startswith("bias_ih"):
            halves = (
                array.astype(np.float64),
                stored.parameters[name.replace("ih", "hh")].astype(np.float64),
            )
            with np.errstate(over="ignore", invalid="ignore"):
                total = halves[0] + halves[1]
                fits = np.isfinite(total.astype(np.float32)) | ~np.isfinite(total)
            found |= set() if fits.all() else {name}
    return found


@quick
@given(stored=networks())
def test_lists_for_keras_hold_all_weights_of_what_keras_has(stored: StoredLSTM) -> None:
    lacks = lacks_in_keras(stored)
    assert issues_of(lambda: write_keras(stored)) == lacks
    if lacks:
        return
    for number, arrays in enumerate(write_keras(stored)):
        found = read_keras(arrays)
        assert (found.batch_first, found.bidirectional) == (True, stored.bidirectional)
        # What the layers are made with, and what their calls are given.
        assert (found.merge, found.lengths) == ("concat", None)
        for name in shapes(
            found.input_size, stored.hidden_size, bidirectional=stored.bidirectional
        ):
            if name.startswith("bias") and not stored.bias:
                continue
            place = name.replace("_l0", f"_l{number}")
            wanted = stored.parameters[place]
            if name.startswith("bias_ih"):
                with np.errstate(invalid="ignore"):
                    wanted = wanted + stored.parameters[place.replace("ih", "hh")]
            elif name.startswith("bias_hh"):
                wanted = np.zeros_like(wanted)
            np.testing.assert_array_equal(found.parameters[name], wanted)
            if name.startswith("weight"):
                assert found.parameters[name].tobytes() == wanted.tobytes()


def family(one: bl.Activation) -> list[float]:
    """Numbers that could be the parameters of another function that is the same."""
    own = [float(one.alpha), float(one.beta)]
    return [
        *own,
        *(-value for value in own),
        *(1 / value for value in own if value),
        0.0,
        1.0,
        0.5,
        own[0] * own[1],
    ]


@pytest.mark.parametrize(
    "one", [*ELEMENTWISE, bl.Activation.celu(), bl.Activation.softplus(0.5, 2.0)]
)
def test_a_function_that_onnx_lacks_is_none_of_those_that_it_has(one: bl.Activation) -> None:
    """The other direction: no function that can be read, with parameters near at hand, is refused."""
    wanted = activate(one, GRID)
    readable = (
        F.LINEAR_WITH_BIAS, F.ELU, F.HARD_SIGMOID, F.LEAKY_RECTIFIED_LINEAR, F.RECTIFIED_LINEAR, F.SCALED_TANH,
        F.SIGMOID, F.SOFTPLUS, F.SOFTSIGN, F.TANH, F.THRESHOLD,
    )  # fmt: skip
    same = set()
    for function in readable:
        for alpha in family(one):
            for beta in family(one) if function not in {F.THRESHOLD, F.SOFTPLUS} else [0.0, 1.0]:
                if (
                    function == F.THRESHOLD
                    and beta
                    or function == F.SOFTPLUS
                    and (alpha, beta) != (1.0, 1.0)
                ):
                    continue
                other = bl.Activation(function, alpha, beta)
                if np.array_equal(activate(other, GRID), wanted):
                    same.add(function)
    assert bool(same) == is_in_onnx(one), same


@pytest.mark.parametrize("one", ELEMENTWISE)
def test_a_function_that_keras_lacks_is_none_of_those_that_it_has(one: bl.Activation) -> None:
    wanted = activate(one, GRID)
    same = [other for other in IN_KERAS if np.array_equal(activate(other, GRID), wanted)]
    assert bool(same) == (one in IN_KERAS)
