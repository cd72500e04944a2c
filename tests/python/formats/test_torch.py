"""PyTorch's weights: modules, state dicts and files; by hand where PyTorch is not installed."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bnns_lstm as bl
import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
from bnns_lstm import codes
from bnns_lstm.formats import read_torch, write_state_dict
from formats_tools import assert_same, random_stored
from hypothesis import given
from hypothesis import strategies as st
from reference import Array

KINDS: list[dict[str, Any]] = [
    {},
    {"num_layers": 3, "bidirectional": True},
    {"bias": False, "num_layers": 2},
    {"hidden_size": 1, "input_size": 1, "peephole": "diagonal"},
    {"peephole": "full"},
    {"proj_size": 2, "num_layers": 2, "bidirectional": True},
    {"proj_size": 1, "bias": False},
]


class Tensor:
    """What PyTorch's tensors have: NumPy gets their values only through `detach().cpu().numpy()`."""

    def __init__(self, array: Array, dtype: str = "torch.float32") -> None:
        self.array, self.dtype, self.steps = array, dtype, ["gpu", "grad"]

    def detach(self) -> Tensor:
        self.steps.remove("grad")
        return self

    def cpu(self) -> Tensor:
        self.steps.remove("gpu")
        return self

    def float(self) -> Tensor:
        self.dtype = "torch.float32"
        return self

    def numpy(self) -> Array:
        assert not self.steps
        if self.dtype == "torch.bfloat16":
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.array


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prefix", ["", "encoder.lstm."])
def test_state_dicts_are_read_from_memory_and_files(
    kind: dict[str, Any], prefix: str, tmp_path: Path
) -> None:
    stored = random_stored(**kind)
    entries = {prefix + name: array for name, array in stored.parameters.items()}
    if prefix:
        entries["decoder.lstm.weight_ih_l0"] = np.zeros((4, 1), np.float32)
    assert_same(read_torch(entries, prefix), stored)
    backwards = {name: Tensor(entries[name]) for name in reversed(entries)}
    assert_same(read_torch(backwards, prefix), stored)
    safetensors.numpy.save_file(entries, tmp_path / "a.safetensors")
    assert_same(read_torch(tmp_path / "a.safetensors", prefix), stored)
    assert_same(read_torch(str(tmp_path / "a.safetensors"), prefix), stored)


def test_read_weights_are_contiguous_copies() -> None:
    stored = random_stored()
    found = read_torch(stored.parameters)
    for name, array in found.parameters.items():
        assert not np.shares_memory(array, stored.parameters[name])
        assert array.flags.c_contiguous
        assert array.flags.writeable


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ml_dtypes.bfloat16, "torch.bfloat16"])
def test_dtypes_float16_bfloat16_and_float64_become_float32(dtype: Any, tmp_path: Path) -> None:
    exact = {
        name: array.astype(np.float16 if dtype == np.float16 else ml_dtypes.bfloat16)
        for name, array in random_stored().parameters.items()
    }
    wanted = {name: array.astype(np.float32) for name, array in exact.items()}
    if dtype == "torch.bfloat16":
        found = read_torch({name: Tensor(array, dtype) for name, array in wanted.items()})
    else:
        entries = {name: array.astype(dtype) for name, array in exact.items()}
        found = read_torch(entries)
        safetensors.numpy.save_file(entries, tmp_path / "a.safetensors")
        for name, array in read_torch(tmp_path / "a.safetensors").parameters.items():
            np.testing.assert_array_equal(array, wanted[name])
    for name, array in found.parameters.items():
        np.testing.assert_array_equal(array, wanted[name])


GOOD = random_stored().parameters


def changed(**arrays: Any) -> dict[str, Any]:
    """Good entries but for these; None takes one out."""
    return {name: array for name, array in {**GOOD, **arrays}.items() if array is not None}


def zeros(*shape: int, dtype: Any = np.float32) -> Array:
    return np.zeros(shape, dtype)


BAD: dict[str, tuple[Any, list[str]]] = {
    "missing": (
        changed(bias_hh_l0=None, weight_hh_l1=zeros(16, 4)),
        ["bias_hh_l0: expected an array of shape [16], found no such entry [missing_entry]",
         "weight_ih_l1: expected an array of shape [16, 4], found no such entry",
         "bias_ih_l1: expected an array of shape [16]", "bias_hh_l1: expected an array of shape"],
    ),
    "surplus": (
        changed(**{"fc.weight": zeros(1), "fc.bias": zeros(1)}),
        ["'weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0', found an unexpected entry [unexp",
         "fc.bias: expected only 'weight_ih_l0', "],
    ),
    "shape": (
        changed(bias_ih_l0=zeros(12), weight_ih_l0=zeros(15, 3)),
        ["weight_ih_l0: expected [16, 3], found [15, 3]", "bias_ih_l0: expected [16], found [12]"],
    ),
    "a gap": (
        changed(weight_ih_l7=zeros(16, 4)),
        ["weight_ih_l1: expected an array of shape [16, 4], found no such entry", "weight_hh_l1:",
         "bias_ih_l1", "bias_hh_l1", "'bias_hh_l1', found an unexpected entry [unexpected_entry]"],
    ),
    "half reversed": (
        changed(weight_hh_l0_reverse=zeros(16, 4)),
        ["weight_ih_l0_reverse: expected", "bias_ih_l0_reverse: ", "bias_hh_l0_reverse: "],
    ),
    "gru": (
        changed(weight_hh_l0=zeros(12, 4)),
        ["weight_hh_l0: expected [4*hidden, hidden], found [12, 4], a GRU"],
    ),
    "rnn": (changed(weight_hh_l0=zeros(4, 4)), ["found [4, 4], an RNN"]),
    "projection of another size": (
        changed(weight_hh_l0=zeros(16, 2), weight_hr_l0=zeros(3, 4)),
        ["weight_hr_l0: expected [2, 4], found [3, 4] [size_mismatch]"],
    ),
    "projection turned around": (
        changed(weight_hh_l0=zeros(16, 2), weight_hr_l0=zeros(4, 2)),
        ["weight_hr_l0: expected [2, 4], found [4, 2] [size_mismatch]"],
    ),
    "projection beside weights without one": (
        changed(weight_hr_l0=zeros(2, 4)), ["weight_hr_l0: expected [4, 4], found [2, 4] [size_mismatch]"],
    ),
    "projection of one layer": (
        changed(weight_hr_l1=zeros(4, 4), weight_hh_l1=zeros(16, 4)),
        ["weight_hr_l0: expected an array of shape [4, 4], found no such entry", "weight_ih_l1: expected",
         "bias_ih_l1", "bias_hh_l1"],
    ),
    "projection that enlarges": (
        changed(weight_hh_l0=zeros(16, 5), weight_hr_l0=zeros(5, 4)),
        ["weight_hh_l0: expected [4*hidden, proj] with proj of at most hidden, as weight_hr_l0 is there"],
    ),
    "projection without its matrix": (
        changed(weight_hh_l0=zeros(16, 2)),
        ["weight_hh_l0: expected [4*hidden, hidden], or [4*hidden, proj] beside weight_hr_l0, found"],
    ),
    "empty": ({}, ["source: expected entries 'weight_ih_l0' and so on, found no entry with this prefix"]),
    "prefixes": (
        {f"{name}.weight_ih_l0": zeros(4, 1) for name in ("a", "b")},
        ["found LSTMs under the prefixes 'a.', 'b.' alone [missing_entry]"],
    ),
    "no hidden": (changed(weight_hh_l0=None), ["weight_hh_l0: expected a matrix, found no such entry"]),
    "nothing": (changed(weight_hh_l0=zeros(0, 0)), ["expected [4*hidden, hidden], found [0, 0]"]),
    "a number": (changed(weight_hh_l0=3.0), ["expected [4*hidden, hidden], found []"]),
    "integers": (
        changed(bias_ih_l0=zeros(16, dtype=int)),
        ["bias_ih_l0: expected float16, bfloat16, float32 or float64, found int64"],
    ),
    "complex": (changed(bias_ih_l0=zeros(16, dtype=complex)), ["found complex128"]),
    "too large": (
        changed(bias_ih_l0=np.full(16, 1e39)),
        ["bias_ih_l0: expected numbers within the range of float32, found 1e+39"],
    ),
    "an object": (changed(bias_ih_l0=object()), ["bias_ih_l0: expected a tensor or an array of numb"]),
    "ragged": (changed(bias_ih_l0=[[1.0], []]), ["bias_ih_l0: expected a tensor or an array of numb"]),
    "a meta tensor": (
        changed(bias_ih_l0=SimpleNamespace(detach=lambda: SimpleNamespace())),
        ["bias_ih_l0: expected a tensor or an array of numbers, found Simple"],
    ),
    "names": ({3: zeros(1)}, ["source: expected names that are strings, found 3"]),
    "a list": ([zeros(1)], ["source[0]: expected a module, a mapping of names to tensors, or"]),
    "none": (None, ["source: expected a module, a mapping of names to tensors, or the path"]),
}  # fmt: skip


@pytest.mark.parametrize(("source", "messages"), BAD.values(), ids=BAD.keys())
def test_wrong_state_dicts_are_refused_with_all_issues_at_once(
    source: Any, messages: list[str]
) -> None:
    with pytest.raises(bl.WeightsError) as raised:
        read_torch(source)
    assert len(raised.value.issues) == len(messages), str(raised.value)
    for issue, message in zip(raised.value.issues, messages, strict=True):
        assert message in issue.message


def test_many_surplus_entries_are_counted() -> None:
    with pytest.raises(bl.WeightsError) as raised:
        read_torch(changed(**{f"more.{number}": zeros(1) for number in range(50)}))
    assert len(raised.value.issues) == 21
    assert "found 30 more unexpected entries" in str(raised.value)


def test_names_under_the_prefix_are_shown_in_full() -> None:
    with pytest.raises(bl.WeightsError, match=r"a\.bias_hh_l0: expected .*\[16\], found no"):
        read_torch({f"a.{n}": v for n, v in changed(bias_hh_l0=None).items()}, prefix="a.")


def module(entries: Any = None, **attributes: Any) -> SimpleNamespace:
    """What a module looks like."""
    return SimpleNamespace(state_dict=lambda: GOOD if entries is None else entries, **attributes)


def test_batch_first_and_dropout_are_read_from_a_module() -> None:
    found = read_torch(module(mode="LSTM", batch_first=True, dropout=0.5, proj_size=0))
    assert_same(found, random_stored(batch_first=True, dropout=0.5))
    inner = SimpleNamespace(batch_first=True, dropout=0.25)
    entries = {f"a.b.{name}": array for name, array in GOOD.items()}
    outer = SimpleNamespace(
        state_dict=lambda: entries, a=SimpleNamespace(b=inner), dropout=object()
    )
    assert_same(read_torch(outer, "a.b."), random_stored(batch_first=True, dropout=0.25))
    assert_same(read_torch(module(dropout=SimpleNamespace())), random_stored())


def test_a_module_has_the_projection_that_it_says() -> None:
    stored = random_stored(proj_size=2)
    assert_same(read_torch(module(proj_size=2, entries=stored.parameters)), stored)
    assert_same(read_torch(module(entries=stored.parameters)), stored)
    with pytest.raises(bl.WeightsError, match="proj_size: expected 2, as its entries have it, fou"):
        read_torch(module(proj_size=0, entries=stored.parameters))


def test_a_projection_as_wide_as_the_layer_is_read_and_not_written() -> None:
    stored = random_stored(proj_size=4)
    assert_same(read_torch(stored.parameters), stored)
    with pytest.raises(bl.WeightsError) as raised:
        write_state_dict(stored)
    (issue,) = raised.value.issues
    assert (issue.path, issue.code) == ("proj_size", codes.NOT_EXPRESSIBLE)
    assert issue.expected == "0 or less than the hidden_size, 4, as in PyTorch"


def test_layers_with_projections_are_a_stack() -> None:
    stored = random_stored(proj_size=2, num_layers=2)
    entries = {
        f"{name[-1]}.{name[:-1]}0": array for name, array in write_state_dict(stored).items()
    }
    assert_same(read_torch(entries, ["0.", "1."]), stored)
    entries["1.weight_hr_l0"] = zeros(3, 4)
    entries["1.weight_hh_l0"] = zeros(16, 3)
    with pytest.raises(bl.WeightsError, match=r"1: proj_size: expected 2, as in '0'; .*, found 3"):
        read_torch(entries, ["0.", "1."])


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (
            {"proj_size": 2},
            "source.proj_size: expected 0, as its entries have no weight_hr_l0, found 2",
        ),
        ({"proj_size": None}, "source.proj_size: expected 0, .*, found none"),
        ({"mode": "GRU"}, "source.mode: expected 'LSTM', found 'GRU'"),
    ],
)
def test_a_module_of_another_kind_is_refused(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(bl.WeightsError, match=message):
        read_torch(module(**attributes))


class Evil:
    """Unpickling this would run code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.mkdir, (Path("ran"),))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps(Evil()), "found a pickle, whose loading could run code"),
        (pickle.dumps({"a": 1}, protocol=2), "found a pickle, whose loading could run code"),
        (b"PK\x03\x04" + bytes(40), "found a PyTorch checkpoint, whose loading could run code"),
        (b"\x93NUMPY\x01\x00" + bytes(40), "found an array of NumPy"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "found an HDF5 file"),
        (b"", "found something else; of a checkpoint `read_torch` takes the state dict"),
        (b"\x80\0\0\0\0\0\0\0{", "expected a header of 128 bytes, found 1"),
    ],
)
def test_files_that_are_no_torch_weights_are_refused_with_the_reason(
    content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(bl.WeightsError, match=message):
        read_torch(path)
    assert not (tmp_path / "ran").exists()
    with pytest.raises(FileNotFoundError):
        read_torch(tmp_path / "none.safetensors")


names = st.one_of(
    st.text(max_size=4),
    st.from_regex(r"(weight|bias)_(ih|hh|ch|hr)_l[0-2](_reverse)?", fullmatch=True),
)
dims = st.lists(st.sampled_from([0, 1, 2, 4, 8, 16]), max_size=3)


def test_any_mapping_is_read_or_refused() -> None:
    outcomes = {"accepted": 0, "refused": 0}

    good = [
        {name: list(array.shape) for name, array in random_stored(**kind).parameters.items()}
        for kind in KINDS
    ]

    @given(st.sampled_from([{}, *good]), st.just({}) | st.dictionaries(names, dims, max_size=12))
    def check(before: dict[str, list[int]], others: dict[str, list[int]]) -> None:
        entries = before | others
        try:
            stored = read_torch({name: zeros(*shape) for name, shape in entries.items()})
        except bl.WeightsError as error:
            assert error.issues
            outcomes["refused"] += 1
        else:
            assert set(stored.parameters) == set(entries)
            outcomes["accepted"] += 1

    check()
    assert min(outcomes.values()) > 2, outcomes


def test_a_state_dict_is_a_copy_in_order() -> None:
    stored = random_stored(num_layers=2, bidirectional=True)
    found = write_state_dict(stored)
    assert list(found) == list(stored.parameters)
    assert_same(read_torch(found), stored)
    assert not np.shares_memory(found["weight_ih_l0"], stored.parameters["weight_ih_l0"])


def test_unsupported_layers_are_refused_by_the_torch_writer() -> None:
    relu = {"input": bl.Activation.relu(), "forget": bl.Activation.relu()}
    tanh = {name: bl.Activation.tanh() for name in ("candidate", "output", "hidden")}
    with pytest.raises(bl.WeightsError) as raised:
        write_state_dict(random_stored(peephole="diagonal", activations={**relu, **tanh}))
    first, second = (issue.message for issue in raised.value.issues)
    assert first == "peephole: expected None, as in PyTorch, found 'diagonal' [not_expressible]"
    assert "input=Activation(RECTIFIED_LINEAR, alpha=1.0, beta=1.0)" in second


def test_texts_of_others_stand_in_one_line_that_can_be_printed() -> None:
    def fail() -> None:
        raise RuntimeError("no\nstorage\x1b[31m " + "a" * 5000)

    with pytest.raises(bl.WeightsError) as raised:
        read_torch(
            changed(bias_ih_l0=SimpleNamespace(detach=fail), **{"": zeros(1), "\x1b": zeros(1)})
        )
    (issue,) = raised.value.issues
    assert issue.actual.startswith(r"SimpleNamespace (no storage\x1b[31m aaa")
    assert len(issue.message) < 600
    with pytest.raises(bl.WeightsError) as raised:
        read_torch(changed(**{"": zeros(1), "\x1b": zeros(1), "b" * 5000: zeros(1)}))
    paths = [issue.path for issue in raised.value.issues]
    assert paths == ["''", r"\x1b", "b" * 56 + "..."]


def test_messages_escape_what_cannot_be_printed() -> None:
    issue = bl.WeightsIssue("a\x1b[2J", "b\n", "\ud800é", "code")
    assert issue.message == r"a\x1b[2J: expected b\n, found \ud800é [code]"
    assert issue.path == "a\x1b[2J"
