"""What is written as ONNX: valid, computed alike by ONNX Runtime, read back, refused where it has no words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import onnx
import pytest
from bnns_lstm.formats import StoredLSTM, read_onnx, write_onnx
from bnns_lstm.formats.activations import default_activations
from build import ELEMENTWISE
from formats_tools import assert_same, computed, random_stored, x_of
from onnx_tools import run, without_candidate
from reference import Array

# ONNX has one function for the three gates; the forget gate has none here.
HARD = default_activations() | dict.fromkeys(("input", "output"), bl.Activation.hard_sigmoid())
KINDS: list[dict[str, Any]] = [
    {},
    {"num_layers": 3, "bidirectional": True},
    {"num_layers": 2, "bias": False, "batch_first": True, "dropout": 0.5},
    {"peephole": "diagonal", "bidirectional": True, "num_layers": 2},
    {"state": True, "num_layers": 2, "bidirectional": True},
    {"hidden_size": 1, "input_size": 1, "state": True, "batch_first": True},
    {"direction": "reverse", "num_layers": 2, "batch_first": True},
    {"direction": "reverse", "peephole": "diagonal", "state": True},
    {"coupled": "forget", "num_layers": 2, "bidirectional": True},
    {"coupled": "forget", "peephole": "diagonal", "direction": "reverse", "bias": False},
    {"coupled": "forget", "activations": HARD},
]


def written(stored: StoredLSTM, folder: Path, **words: Any) -> Any:
    path = folder / "model.onnx"
    write_onnx(path, stored, **words)
    assert [item.name for item in folder.iterdir()] == ["model.onnx"]
    made = onnx.load(path)
    onnx.checker.check_model(made, full_check=True)
    return made


def compare(stored: StoredLSTM, made: Any, steps: int, batch: int, **given: Array) -> None:
    """ONNX Runtime against the reference."""
    x = x_of(stored, steps, batch)
    first = x.swapaxes(0, 1) if stored.batch_first else x
    y, hn, cn = run(made, x=first, **given)
    y = y.swapaxes(0, 1) if stored.batch_first else y
    wanted = computed(stored, x, given.get("h0"), given.get("c0"))
    for one, other in zip((y, hn, cn), wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=5e-6)


def test_a_clip_is_written_as_onnx_means_it(tmp_path: Path) -> None:
    """ONNX Runtime leaves what enters the hidden activation without a limit."""
    stored = random_stored(gate_clip=0.3, num_layers=2, bidirectional=True)
    made = written(stored, tmp_path)
    assert_same(read_onnx(made), stored)
    x, zeros = x_of(stored), np.zeros((4, 3, 4), np.float32)
    found = run(made, x=x, h0=zeros, c0=zeros)
    wanted = computed(replace(stored, gate_clip_hidden=False), x)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
    assert (np.abs(found[0] - computed(stored, x)[0]) > 1e-3).any()


def test_the_block_of_a_gate_that_another_one_gives_is_zeros(tmp_path: Path) -> None:
    made = written(random_stored(coupled="forget"), tmp_path)
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in made.graph.initializer}
    blocks = np.split(next(array for array in arrays.values() if array.shape == (1, 16, 3))[0], 4)
    assert [bool(block.any()) for block in blocks] == [True, True, False, True]


@pytest.mark.parametrize(
    ("path", "words"), [(5, {}), ("a\0b", {}), ("lstm.onnx", {"lengths": "yes"})]
)
def test_impossible_arguments(path: Any, words: dict[str, Any]) -> None:
    with pytest.raises(bl.WeightsError) as caught:
        write_onnx(path, random_stored(), **words)
    assert [issue.path for issue in caught.value.issues] == [next(iter(words), "path")]


@pytest.mark.parametrize("kind", KINDS)
def test_onnx_runtime_computes_the_same(kind: dict[str, Any], tmp_path: Path) -> None:
    stored = without_candidate(random_stored(**kind))
    made = written(stored, tmp_path)
    wanted = replace(stored, dropout=0.0)
    assert_same(read_onnx(made), wanted)
    assert_same(read_onnx(tmp_path / "model.onnx"), wanted)
    if stored.state is not None:
        compare(stored, made, 5, 3)
    random, rows = np.random.default_rng(3), stored.num_layers * stored.directions
    for steps, batch in ((1, 1), (7, 3)) if stored.state is None else ((7, 3),):
        states = random.normal(0, 1, (2, rows, batch, stored.hidden_size)).astype(np.float32)
        compare(stored, made, steps, batch, h0=states[0], c0=states[1])


def test_lengths_are_an_input_if_wanted(tmp_path: Path) -> None:
    stored = random_stored(bidirectional=True)
    made = written(stored, tmp_path, lengths=True)
    assert_same(read_onnx(made), stored)
    x, zeros = x_of(stored), np.zeros((2, 3, 4), np.float32)
    lengths = np.array([2, 5, 3], np.int32)
    y, hn, _ = run(made, x=x, h0=zeros, c0=zeros, lengths=lengths)
    for sample, length in enumerate(lengths):
        alone = x[:length, sample : sample + 1]
        wanted = computed(stored, alone)
        np.testing.assert_allclose(y[:length, sample], wanted[0][:, 0], atol=5e-6)
        np.testing.assert_array_equal(y[length:, sample], 0)
        np.testing.assert_allclose(hn[:, sample], wanted[1][:, 0], atol=5e-6)


HAS = [
    (bl.Activation.identity(), "Affine"), (bl.Activation.linear(0.5), "Affine"),
    (bl.Activation.linear_with_bias(0.5, 0.1), "Affine"), (bl.Activation.relu(), "Relu"),
    (bl.Activation.leaky_rectified_linear(0.2), "LeakyRelu"), (bl.Activation.sigmoid(), "Sigmoid"),
    (bl.Activation.tanh(), "Tanh"), (bl.Activation.scaled_tanh(0.8, 0.7), "ScaledTanh"),
    (bl.Activation.clamp(0, 1), "HardSigmoid"), (bl.Activation.hard_sigmoid(), "HardSigmoid"),
    (bl.Activation.softplus(), "Softplus"), (bl.Activation.softsign(), "Softsign"),
    (bl.Activation.elu(0.9), "Elu"), (bl.Activation.celu(), "Elu"), (bl.Activation.abs(), "LeakyRelu"),
    (bl.Activation.threshold(0.25, 0.0), "ThresholdedRelu"),
]  # fmt: skip
HAS_NOT = [
    activation
    for activation in [*ELEMENTWISE, bl.Activation.softplus(0.5, 1.0), bl.Activation.softplus(1.0, 2.0)]
    if activation.function not in {one.function for one, _ in HAS} or activation.function in {8, 16, 24, 28}
    if activation != bl.Activation.softplus()
]  # fmt: skip


def functions(place: str, activation: bl.Activation) -> dict[str, bl.Activation]:
    """The default ones but for one place; `gates` are the three that share one."""
    names = ("input", "forget", "output") if place == "gates" else (place,)
    return {**default_activations(), **dict.fromkeys(names, activation)}


@pytest.mark.parametrize(("activation", "name"), HAS)
@pytest.mark.parametrize("place", ["gates", "candidate", "hidden"])
def test_activations_that_onnx_has(
    activation: bl.Activation, name: str, place: str, tmp_path: Path
) -> None:
    stored = random_stored(bidirectional=True, activations=functions(place, activation))
    made = written(stored, tmp_path)
    number = {"gates": 0, "candidate": 1, "hidden": 2}[place]
    node = next(node for node in made.graph.node if node.op_type == "LSTM")
    words = {one.name: list(one.strings) for one in node.attribute}
    default = [b"Sigmoid", b"Tanh", b"Tanh"]
    default[number] = name.encode()
    assert words.get("activations", default * 2) == default * 2
    zeros = np.zeros((2, 3, 4), np.float32)
    compare(stored, made, 5, 3, h0=zeros, c0=zeros)
    x = x_of(stored)
    again = computed(read_onnx(made), x)
    for one, other in zip(computed(stored, x), again, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("activation", HAS_NOT)
def test_activations_that_onnx_has_not(activation: bl.Activation, tmp_path: Path) -> None:
    stored = random_stored(activations=functions("candidate", activation))
    with pytest.raises(bl.WeightsError) as raised:
        write_onnx(tmp_path / "a.onnx", stored)
    (issue,) = raised.value.issues
    assert issue.path == "activations.candidate"
    assert issue.expected.startswith("a function that ONNX has (Affine, Elu, ")
    assert issue.actual == repr(activation)
    assert not list(tmp_path.iterdir())


def test_there_are_activations_that_onnx_has_not() -> None:
    assert len(HAS_NOT) >= 14


REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "full": ({"peephole": "full"}, ["peephole: expected None or 'diagonal', which ONNX has, found 'fu"]),
    "candidate": (
        {"peephole": "diagonal", "bidirectional": True},
        ["weight_ch_l0: expected zeros in the candidate's block", "weight_ch_l0_reverse: expected zeros"],
    ),
    "one for three": (
        {"activations": functions("forget", bl.Activation.relu())},
        ["activations.forget: expected Activation(SIGMOID, alpha=1.0, beta=1.0), as in the input gate: O"],
    ),
    "cell clip": ({"cell_clip": 2.0}, ["cell_clip: expected None: ONNX limits what enters the functions"]),
    "clip of gates": (
        {"gate_clip": 2.0, "gate_clip_hidden": False},
        ["gate_clip_hidden: expected True: ONNX' clip is for the hidden activation, too, found False"],
    ),
    "coupled": (
        {"coupled": "input"},
        ["coupled: expected None or 'forget': ONNX couples the forget gate to the input gate, found 'input'"],
    ),
    "candidate of coupled gates": (
        {"coupled": "forget", "peephole": "diagonal"},
        ["weight_ch_l0: expected zeros in the candidate's block"],
    ),
    "projection": (
        {"proj_size": 2},
        ["proj_size: expected 0: an LSTM without a projection computes the same from initial states of zeros"],
    ),
    "all at once": (
        {"peephole": "full", "proj_size": 4, "activations": functions("hidden", bl.Activation.silu())},
        ["proj_size: expected", "peephole: expected", "activations.hidden: expected a function that ONNX has"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "messages"), REFUSED.values(), ids=REFUSED.keys())
def test_unsupported_layers_are_refused_by_the_onnx_writer(
    kind: dict[str, Any], messages: list[str], tmp_path: Path
) -> None:
    with pytest.raises(bl.WeightsError) as raised:
        write_onnx(tmp_path / "a.onnx", random_stored(**kind))
    assert len(raised.value.issues) == len(messages)
    for issue, message in zip(raised.value.issues, messages, strict=True):
        assert message in issue.message


# The exporter that needs no other package is deprecated, and says so.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("bidirectional", [False, True])
def test_pytorchs_exporter_writes_what_is_read(bidirectional: bool, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    lstm = torch.nn.LSTM(3, 4, num_layers=2, bidirectional=bidirectional, batch_first=True)
    path = tmp_path / "torch.onnx"
    axes = {"x": {0: "batch", 1: "steps"}}
    try:
        torch.onnx.export(
            lstm.eval(),
            (torch.ones(3, 5, 3),),
            path,
            input_names=["x"],
            dynamic_axes=axes,
            dynamo=False,
        )
    except (ImportError, ModuleNotFoundError):
        pytest.skip("the exporter needs more packages")
    found = read_onnx(path)
    for name, tensor in lstm.state_dict().items():
        np.testing.assert_array_equal(found.parameters[name], tensor.numpy())
