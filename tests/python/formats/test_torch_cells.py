"""PyTorch's cells, by themselves and as stacks; Paddle's names for the same."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bnns_lstm as bl
import numpy as np
import pytest
import safetensors.numpy
from bnns_lstm.formats import StoredLSTM, read_torch
from formats_tools import assert_same, random_stored
from reference import Array

STACK = random_stored(num_layers=3)


def cell(stored: StoredLSTM, layer: int = 0, prefix: str = "") -> dict[str, Array]:
    """One layer under the names of an `nn.LSTMCell`."""
    ending = f"_l{layer}"
    return {
        prefix + name.removesuffix(ending): array
        for name, array in stored.parameters.items()
        if name.endswith(ending)
    }


def cells(prefix: str = "", stored: StoredLSTM = STACK) -> dict[str, Array]:
    """All layers under the names of an `nn.ModuleList` of cells."""
    numbers = range(stored.num_layers)
    return {k: v for i in numbers for k, v in cell(stored, i, f"{prefix}{i}.").items()}


def layer(number: int) -> StoredLSTM:
    """One layer of the stack as a network of its own."""
    arrays = {f"{name}_l0": array for name, array in cell(STACK, number).items()}
    return StoredLSTM.from_config(
        bl.LSTMConfig(arrays["weight_ih_l0"].shape[1], STACK.hidden_size), arrays
    )


@pytest.mark.parametrize("prefix", ["", "decoder.rnn."])
@pytest.mark.parametrize("bias", [True, False])
def test_a_cell_is_a_network_of_one_layer(prefix: str, bias: bool, tmp_path: Path) -> None:
    stored = random_stored(bias=bias)
    entries = cell(stored, prefix=prefix)
    if prefix:
        entries["encoder.conv.weight"] = np.zeros((2, 2), np.float32)
        entries["encoder.rnn.weight_ih"] = np.zeros((2, 2), np.float32)
    assert_same(read_torch(entries, prefix), stored)
    safetensors.numpy.save_file(entries, tmp_path / "a.safetensors")
    assert_same(read_torch(tmp_path / "a.safetensors", prefix), stored)
    module = SimpleNamespace(state_dict=lambda: entries)
    assert_same(read_torch(module, prefix), stored)
    lstm = bl.LSTM.from_torch(entries, prefix)
    np.testing.assert_array_equal(lstm.state_dict()["weight_ih_l0"], entries[f"{prefix}weight_ih"])


@pytest.mark.parametrize("prefix", ["", "cells.", "a.layers."])
def test_numbered_cells_are_a_stack(prefix: str) -> None:
    entries = cells(prefix)
    if prefix:
        entries["fc.weight"] = np.zeros((1, 4), np.float32)
    assert_same(read_torch(entries, prefix), STACK)
    assert_same(read_torch(dict(reversed(entries.items())), prefix), STACK)
    assert_same(read_torch(entries, f"{prefix}1."), layer(1))


def test_more_than_ten_cells_stand_in_the_order_of_their_numbers() -> None:
    stored = random_stored(num_layers=12)
    assert_same(read_torch(dict(sorted(cells(stored=stored).items()))), stored)


@pytest.mark.parametrize("kind", [list, tuple])
def test_sequences_of_sources_and_of_prefixes_are_stacks(kind: type) -> None:
    dicts = [cell(STACK, number) for number in range(3)]
    assert_same(read_torch(kind(dicts)), STACK)
    modules = kind(SimpleNamespace(state_dict=lambda one=one: one) for one in dicts)
    assert_same(read_torch(modules), STACK)
    named = {k: v for i in range(3) for k, v in cell(STACK, i, f"lstm{i + 1}.").items()}
    assert_same(read_torch(named, kind(["lstm1.", "lstm2.", "lstm3."])), STACK)
    assert_same(read_torch(named, kind(["lstm2."])), layer(1))
    pair = {"bidirectional": True, "hidden_size": 2}
    lower, upper = random_stored(1, **pair), random_stored(2, input_size=4, **pair)
    both = read_torch(kind([lower.parameters, upper.parameters]))
    assert (both.num_layers, both.bidirectional, both.input_size) == (2, True, 3)
    for name, array in upper.parameters.items():
        np.testing.assert_array_equal(both.parameters[name.replace("_l0", "_l1")], array)
    whole = random_stored(num_layers=2)
    assert_same(read_torch(kind([whole.parameters])), whole)


GOOD = cells("cells.")


def changed(**arrays: Any) -> dict[str, Any]:
    """Good cells but for these, whose names have two underlines for a dot; None takes one out."""
    named = {name.replace("__", "."): array for name, array in arrays.items()}
    return {name: array for name, array in {**GOOD, **named}.items() if array is not None}


def zeros(*shape: int) -> Array:
    return np.zeros(shape, np.float32)


WIDER = {
    f"cells__1__{name}": zeros(*shape)
    for name, shape in {
        "weight_ih": (20, 4), "weight_hh": (20, 5), "bias_ih": (20,), "bias_hh": (20,),
    }.items()
}  # fmt: skip

BAD: dict[str, tuple[dict[str, Any], Any, list[str]]] = {
    "missing": (
        changed(cells__1__bias_hh=None, cells__2__weight_ih=None), "cells.",
        ["cells.1.bias_hh: expected an array of shape [16], found no such entry [missing_entry]",
         "cells.2.weight_ih: expected a matrix, found no such entry [missing_entry]"],
    ),
    "a gap": (
        {name: array for name, array in GOOD.items() if not name.startswith("cells.1.")}, "cells.",
        ["cells.1.weight_ih: expected a matrix, found no such entry, only cells 0, 2 [missing_entry]"],
    ),
    "surplus": (
        changed(cells__norm=zeros(1), cells__0__norm=zeros(1)), "cells.",
        ["cells.norm: expected entries of the cells alone, 'cells.0.', 'cells.1.', 'cells.2.', found an"],
    ),
    "surplus in a cell": (
        changed(cells__0__norm=zeros(1)), "cells.",
        ["cells.0.norm: expected only 'cells.0.weight_ih', 'cells.0.weight_hh', 'cells.0.bias_ih', 'ce"],
    ),
    "another hidden size": (
        changed(**WIDER), "cells.",
        ["cells.1: hidden_size: expected 4, as in 'cells.0'; each can be read and called by itself, found",
         "cells.2: input_size: expected 5, the width of the layer below; each can be read and called by"],
    ),
    "a GRU": (
        changed(cells__0__weight_hh=zeros(12, 4)), "cells.",
        ["cells.0.weight_hh: expected [4*hidden, hidden], found [12, 4], a GRU [size_mismatch]"],
    ),
    "no bias": (
        changed(cells__1__bias_ih=None, cells__1__bias_hh=None), "cells.",
        ["cells.1: bias: expected True, as in 'cells.0'"],
    ),
    "elsewhere": (
        GOOD, "",
        ["source: expected entries 'weight_ih_l0' and so on, found LSTMs under the prefixes 'cells.0.', "],
    ),
    "both spellings": (
        {**cell(STACK), "weight_ih_l0": zeros(16, 3), "weight_hh_l0": zeros(16, 4)}, "",
        ["weight_ih: expected only 'weight_ih_l0', 'weight_hh_l0', found an unexpected", "weight_hh: ",
         "bias_ih: ", "bias_hh: "],
    ),
    "no array": (
        changed(cells__1__bias_ih=[object()], cells__1__bias_hh=object()), "cells.",
        ["cells.1.bias_ih: expected a tensor",
         "cells.1.bias_hh: expected a tensor"],
    ),
    "prefix": (GOOD, 3, ["prefix: expected a string, or a sequence of strings, the lowest layer first, fou"]),
    "no prefixes": (GOOD, [], ["prefix: expected a string, or a sequence of strings, the lowest"]),
    "a number": (GOOD, ["cells.0.", 1], ["prefix: expected a string, or a sequence of strings"]),
    "an unknown prefix": (
        GOOD, ["cells.0.", "cells.7."],
        ["source: expected entries 'cells.7.weight_ih_l0' and so on, found LSTMs under the prefixes 'ce"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "prefix", "messages"), BAD.values(), ids=BAD.keys())
def test_wrong_cells_are_refused_with_all_issues(
    source: dict[str, Any], prefix: Any, messages: list[str]
) -> None:
    with pytest.raises(bl.WeightsError) as raised:
        read_torch(source, prefix)
    assert len(raised.value.issues) == len(messages), str(raised.value)
    for issue, message in zip(raised.value.issues, messages, strict=True):
        assert message in issue.message


SEQUENCES: dict[str, tuple[Any, list[str]]] = {
    "empty": ([], ["source: expected at least one layer, found an empty sequence [missing_entry]"]),
    "no source": ([cell(STACK), 3], ["source[1]: expected a module, a mapping of names to tensors, or"]),
    "issues of all": (
        [{"weight_ih": zeros(16, 3)}, {**cell(STACK, 1), "more": zeros(1)}],
        ["source[0]: weight_hh: expected a matrix, found no such entry",
         "source[1]: more: expected only 'weight_ih'"],
    ),
    "stacks": (
        [STACK.parameters, cell(STACK, 1)],
        ["source[0]: num_layers: expected 1: a stack is made of cells, or of LSTMs of one layer each, fo"],
    ),
    "another width": (
        [cell(STACK), cell(STACK)],
        ["source[1]: input_size: expected 4, the width of the layer below; each can be read and called"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "messages"), SEQUENCES.values(), ids=SEQUENCES.keys())
def test_wrong_sequences_are_refused_with_all_issues(source: Any, messages: list[str]) -> None:
    with pytest.raises(bl.WeightsError) as raised:
        read_torch(source)
    assert len(raised.value.issues) == len(messages), str(raised.value)
    for issue, message in zip(raised.value.issues, messages, strict=True):
        assert message in issue.message


def paddle(stored: StoredLSTM) -> dict[str, Array]:
    """Entries as Paddle's `nn.LSTM` has them, each twice."""
    found = dict(stored.parameters)
    for name, array in stored.parameters.items():
        kind, _, place = name.rpartition("_l")
        number, _, reverse = place.partition("_")
        half = "cell_bw" if reverse else "cell_fw" if stored.bidirectional else "cell"
        found[f"{number}.{half}.{kind}"] = array.copy()
    return found


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("prefix", ["", "encoder."])
def test_second_names_of_paddle_are_taken_once(bidirectional: bool, prefix: str) -> None:
    stored = random_stored(num_layers=2, bidirectional=bidirectional)
    stored.parameters["bias_ih_l1"][0] = np.nan
    entries = {prefix + name: array for name, array in paddle(stored).items()}
    assert_same(read_torch(entries, prefix), stored)
    half = "cell_fw" if bidirectional else "cell"
    entries[f"{prefix}1.{half}.bias_ih"] = entries[f"{prefix}1.{half}.bias_ih"] + 1
    entries[f"{prefix}0.{half}.weight_hh"] = zeros(16, 3)
    with pytest.raises(bl.WeightsError) as raised:
        read_torch(entries, prefix)
    found = {issue.path: (issue.expected, issue.actual) for issue in raised.value.issues}
    assert found == {
        f"{prefix}0.{half}.weight_hh": (
            "what 'weight_hh_l0' holds, as Paddle stores it twice: [16, 4]",
            "[16, 3]",
        ),
        f"{prefix}1.{half}.bias_ih": (
            "what 'bias_ih_l1' holds, as Paddle stores it twice",
            "other values",
        ),
    }
    del entries[f"{prefix}1.{half}.bias_ih"], entries[f"{prefix}0.{half}.weight_hh"]
    assert_same(read_torch(entries, prefix), stored)


def test_a_second_name_without_a_first_is_surplus() -> None:
    entries = paddle(random_stored())
    entries["1.cell.weight_ih"] = zeros(16, 4)
    with pytest.raises(bl.WeightsError, match=r"^1\.cell\.weight_ih: expected only 'weight_ih_l0'"):
        read_torch(entries)


@pytest.mark.parametrize("time_major", [False, True])
def test_paddles_time_major_is_the_opposite_of_batch_first(time_major: bool) -> None:
    entries = paddle(random_stored())
    layer = SimpleNamespace(
        state_dict=lambda: entries, mode="LSTM", time_major=time_major, dropout=0.0, proj_size=0
    )
    assert_same(read_torch(layer), random_stored(batch_first=not time_major))
