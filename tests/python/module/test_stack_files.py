"""Stacks of LSTMs in files of this package and as ONNX models; what does not fit is refused by its number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import numpy as np
import onnx
import onnxruntime
import pytest
from bnns_lstm import codes
from bnns_lstm.formats import (
    load_stack,
    read_torch,
    save_stack,
    write_keras_stack,
    write_onnx_stack,
)
from bnns_lstm.formats.safetensors.content import encode, parse
from formats_tools import random_stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference import Array
from refused import refused_in_little_memory
from stacks import assert_equal, random_stack

SHARED = [HealthCheck.function_scoped_fixture]


def example(**words: Any) -> tuple[bl.Stack, Array]:
    stack = bl.Stack([
        bl.LSTM(3, 5, seed=0, **words),
        bl.LSTM(5, 2, 2, bidirectional=True, peephole="diagonal", seed=1, **words),
        bl.LSTM(4, 3, bias=False, activations={"candidate": "softsign"}, seed=2, **words),
    ])  # fmt: skip
    for name, array in stack.parameters.items():
        if "weight_ch" in name:
            np.split(array, 4)[2][:] = 0  # ONNX has no peephole of the candidate
    return stack, np.random.default_rng(0).uniform(-1, 1, (6, 2, 3)).astype(np.float32)


@settings(max_examples=40, deadline=None, suppress_health_check=SHARED)
@given(seed=st.integers(0, 10**6))
def test_what_is_saved_is_loaded_with_the_same_bits(seed: int, tmp_path: Path) -> None:
    stack, random = random_stack(seed, dropout=0.25)
    x = random.uniform(-1, 1, (4, 4, stack.configs[0].input_size)).astype(np.float32)
    y, states = stack(x)
    stack.lstms[-1].initial_state = states[-1]
    stack.lstms[0].lengths = (4, 2, 1, 0)
    stack.save(tmp_path / "a")
    found = bl.Stack.load(tmp_path / "a")
    assert found.configs == stack.configs
    assert_equal(found.state_dict(), stack.state_dict())
    assert_equal(found(x), (y, states))
    assert found.initial_state is not None
    assert_equal(found.initial_state[-1], states[-1])
    assert found.lengths == stack.lengths == (4, 2, 1, 0)


def test_arguments_of_loading_are_those_of_each_lstm(tmp_path: Path) -> None:
    stack, x = example()
    stack.save(tmp_path / "a")
    found = bl.Stack.load(tmp_path / "a", num_threads=1, convert=True)
    assert [lstm.num_threads for lstm in found.lstms] == [1, 1, 1]
    assert_equal(found(x.astype("f8")), stack(x))
    with pytest.raises(bl.ArgumentError, match="num_threads"):
        bl.Stack.load(tmp_path / "a", num_threads=0)


def test_names_in_a_file_are_those_of_a_sequential_of_pytorch(tmp_path: Path) -> None:
    stack, _ = example()
    stack.save(tmp_path / "a")
    _, header, _ = parse((tmp_path / "a").read_bytes())
    assert list(header) == list(stack.state_dict())
    read = read_torch(bl.Stack([bl.LSTM(3, 5, seed=0)]).state_dict(), "0.")
    assert_equal(read.parameters, bl.LSTM(3, 5, seed=0).state_dict())


def test_a_file_of_the_other_kind_names_what_reads_it(tmp_path: Path) -> None:
    stack, _ = example()
    stack.save(tmp_path / "stack")
    stack.lstms[0].save(tmp_path / "lstm")
    for load, name, hint in (
        (bl.LSTM.load, "stack", r"'bnns-lstm' \(bl.Stack.load reads 'bnns-lstm-stack'\)"),
        (bl.Stack.load, "lstm", r"'bnns-lstm-stack' \(bl.LSTM.load reads 'bnns-lstm'\)"),
    ):
        with pytest.raises(bl.WeightsError, match=hint) as caught:
            load(tmp_path / name)
        assert caught.value.issues[0].code == codes.FOREIGN_FILE


Change = Callable[[list[Any], dict[str, Array]], Any]


def narrower(configs: list[Any], arrays: dict[str, Array]) -> None:
    """The third LSTM reads three values, and the second gives four."""
    configs[2]["input_size"] = 3
    arrays["2.weight_ih_l0"] = arrays["2.weight_ih_l0"][:, :3]


# What is changed in a file, the paths of the findings behind the file's name, the code of the first.
DAMAGED: dict[str, tuple[Change, list[str], str]] = {
    "no LSTM": (lambda configs, _: configs.clear(), ["config"], codes.MISSING_ENTRY),
    "many LSTMs": (lambda configs, _: configs.extend([{}] * 10**4), ["config"], codes.MISSING_ENTRY),
    "no object": (lambda configs, _: configs.__setitem__(1, 3), ["config[1]"], codes.WRONG_TYPE),
    "one less": (lambda configs, _: configs.pop(), ["2.weight_ih_l0", "2.weight_hh_l0"],
                 codes.UNEXPECTED_ENTRY),
    "one more": (lambda configs, _: configs.append(configs[2]),
                 ["lstms[3]: weight_ih_l0", "lstms[3]: weight_hh_l0"], codes.MISSING_ENTRY),
    "no number": (lambda _, arrays: arrays.update({"weight": arrays["2.weight_hh_l0"], "2": np.zeros(1, "f4")}),
                  ["weight", "2"], codes.UNEXPECTED_ENTRY),
    "an odd number": (lambda _, arrays: arrays.update({"02.weight": arrays["2.weight_hh_l0"]}), ["02.weight"],
                      codes.UNEXPECTED_ENTRY),
    "fields": (lambda configs, _: (configs[0].pop("bias"), configs[2].update(clip=1)),
               ["lstms[0]: config", "lstms[2]: config"], codes.MISSING_ENTRY),
    "layers": (lambda configs, _: configs[1].update(num_layers=10**9), ["lstms[1]: num_layers"],
               codes.MISSING_ENTRY),
    "an entry": (lambda _, arrays: arrays.pop("1.weight_hh_l1"), ["lstms[1]: weight_hh_l1"],
                 codes.MISSING_ENTRY),
    "shapes": (lambda configs, _: (configs[0].update(hidden_size=10**8), configs[2].update(input_size=5)),
               ["lstms[0]: weight_ih_l0", "lstms[0]: weight_hh_l0", "lstms[0]: bias_ih_l0",
                "lstms[0]: bias_hh_l0", "lstms[2]: weight_ih_l0"], codes.SIZE_MISMATCH),
    "misfits": (narrower, ["lstms[2]: input_size"], codes.STACK_MISMATCH),
    "half a state": (lambda _, arrays: arrays.update({"2.state.h": np.zeros((1, 1, 3), "f4")}),
                     ["lstms[2]: state.h"], codes.MISSING_ENTRY),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_files_that_do_not_hold_are_refused_by_number(name: str, tmp_path: Path) -> None:
    change, paths, code = DAMAGED[name]
    stack, _ = example()
    stack.save(tmp_path / "a")
    metadata, _, _ = parse((tmp_path / "a").read_bytes())
    configs, arrays = json.loads(metadata["config"]), stack.state_dict()
    change(configs, arrays)
    content = encode(arrays, {**metadata, "config": json.dumps(configs)})
    (tmp_path / "a").write_bytes(content)
    with refused_in_little_memory(bl.WeightsError) as caught:
        bl.Stack.load(tmp_path / "a")
    issues = caught.value.issues  # type: ignore[attr-defined]
    assert [issue.path for issue in issues] == [f"{tmp_path / 'a'}: {path}" for path in paths]
    assert issues[0].code == code


@pytest.mark.parametrize("config", [None, "", "{}", "3", "[", "[" * 10**5])
def test_a_configuration_that_is_no_list_is_damaged(config: str | None, tmp_path: Path) -> None:
    stack, _ = example()
    metadata = {"format": "bnns-lstm-stack", "version": "1"}
    metadata |= {} if config is None else {"config": config}
    (tmp_path / "a").write_bytes(encode(stack.state_dict(), metadata))
    with pytest.raises(bl.WeightsError, match="metadata config: expected a list in JSON"):
        bl.Stack.load(tmp_path / "a")


def test_every_beginning_of_a_file_is_refused(tmp_path: Path) -> None:
    bl.Stack([bl.LSTM(1, 1), bl.LSTM(1, 1)]).save(tmp_path / "a")
    content = (tmp_path / "a").read_bytes()
    for end in range(len(content)):
        (tmp_path / "a").write_bytes(content[:end])
        with pytest.raises(bl.WeightsError):
            load_stack(tmp_path / "a")


def computed(path: Path, **feeds: Array) -> list[Array]:
    """What ONNX Runtime gives."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found: list[Array] = session.run(None, feeds)
    return found


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths", [None, [6, 2]])
def test_onnx_runtime_computes_what_is_written(
    batch_first: bool, lengths: Any, tmp_path: Path
) -> None:
    stack, x = example(batch_first=batch_first)
    x = x.swapaxes(0, 1) if batch_first else x
    random = np.random.default_rng(1)
    state, feeds = [], {"x": x}
    for number, config in enumerate(stack.configs):
        shape = (config.num_layers * config.directions, 2, config.hidden_size)
        h, c = (random.uniform(-1, 1, shape).astype(np.float32) for _ in range(2))
        state.append((h, c))
        feeds |= {f"{number}.h0": h, f"{number}.c0": c}
    if lengths:
        feeds["lengths"] = np.array(lengths, np.int32)
    path = tmp_path / "a.onnx"
    stack.to_onnx(path, lengths=lengths is not None)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    y, finals = stack(x, state, lengths=lengths)
    wanted = [y, *(part for pair in finals for part in pair)]
    for one, other in zip(computed(path, **feeds), wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-6)
    found = bl.Stack.from_onnx(path)  # an LSTM a node
    assert [(one.input_size, one.hidden_size) for one in found.configs] == [
        (3, 5),
        (5, 2),
        (4, 2),
        (4, 3),
    ]
    assert {one.batch_first for one in found.configs} == {batch_first}
    assert_equal(found(x)[0], stack(x)[0])
    assert_equal(found.lstms[2].state_dict()["weight_hh_l0"], stack.state_dict()["1.weight_hh_l1"])
    with pytest.raises(bl.WeightsError, match=r"bl\.Stack\.from_onnx reads layers that differ"):
        bl.LSTM.from_onnx(path)


def test_initial_states_and_lengths_are_defaults_of_a_model(tmp_path: Path) -> None:
    stack, x = example()
    for lstm, state in zip(stack.lstms, stack(x)[1], strict=True):
        lstm.initial_state, lstm.lengths = state, (6, 3)
    stack.to_onnx(tmp_path / "a.onnx")
    found = bl.Stack.from_onnx(tmp_path / "a.onnx")
    assert found.lengths == (6, 3)
    y, _ = stack(x, stack.initial_state, lengths=stack.lengths)
    assert_equal(found(x, found.initial_state, lengths=found.lengths)[0], y)
    np.testing.assert_allclose(computed(tmp_path / "a.onnx", x=x)[0], y, rtol=1e-5, atol=2e-6)
    part = bl.Stack.from_onnx(tmp_path / "a.onnx", ["1.lstm_0", "1.lstm_1"])
    assert [one.input_size for one in part.configs] == [5, 4]
    stack.lstms[1].lengths = None
    with pytest.raises(
        bl.WeightsError, match=r"lstms\[1\].lengths: expected \(6, 3\), as of the lowest"
    ):
        stack.to_onnx(tmp_path / "b.onnx")
    assert not (tmp_path / "b.onnx").exists()


def test_what_onnx_cannot_say_is_refused_by_number(tmp_path: Path) -> None:
    stack = bl.Stack([
        bl.LSTM(3, 5, peephole="full"), bl.LSTM(5, 4, bidirectional=True, merge="sum"),
        bl.LSTM(4, 2, activations={"hidden": "gelu_approximation"}),
    ])  # fmt: skip
    with pytest.raises(bl.WeightsError) as caught:
        stack.to_onnx(tmp_path / "a.onnx")
    paths = [issue.path for issue in caught.value.issues]
    assert paths == ["lstms[0].peephole", "lstms[1].merge", "lstms[2].activations.hidden"]
    assert {issue.code for issue in caught.value.issues} == {codes.NOT_EXPRESSIBLE}
    assert not list(tmp_path.iterdir())


def test_weights_for_keras_are_those_of_each_lstm() -> None:
    stack, _ = example()
    with pytest.raises(bl.WeightsError) as caught:
        stack.to_keras()
    assert [issue.path for issue in caught.value.issues] == [
        "lstms[1].peephole",
        "lstms[2].activations.hidden",
    ]
    stack = bl.Stack(
        [bl.LSTM(3, 5, 2, seed=0), bl.LSTM(5, 2, bidirectional=True, bias=False, seed=1)]
    )
    found = stack.to_keras()
    wanted = [layer for lstm in stack.lstms for layer in lstm.to_keras()]
    assert [len(layer) for layer in found] == [3, 3, 4]
    for layer, other in zip(found, wanted, strict=True):
        assert_equal(tuple(layer), tuple(other))


ODD: list[Any] = [None, 3, [], [3], [random_stored(), None], {"a": random_stored()}, "ab"]


@pytest.mark.parametrize("number", range(len(ODD)))
def test_what_is_no_list_of_networks_is_written_nowhere(number: int, tmp_path: Path) -> None:
    for write in (save_stack, write_onnx_stack, lambda _, stack: write_keras_stack(stack)):
        with pytest.raises(bl.WeightsError) as caught:
            write(tmp_path / "a", ODD[number])
        assert [(issue.path, issue.code) for issue in caught.value.issues] == [
            ("stack", codes.WRONG_TYPE)
        ]
    with pytest.raises(
        bl.WeightsError, match=r"lstms\[1\]: input_size: expected 4, the output_size"
    ):
        save_stack(tmp_path / "a", [random_stored(), random_stored()])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("act", "path"),
    [
        (lambda given: bl.Stack.load(given), "path"),
        (lambda given: bl.Stack([bl.LSTM(1, 1)]).save(given), "path"),
        (lambda given: bl.Stack([bl.LSTM(1, 1)]).to_onnx(given), "path"),
        (lambda given: bl.Stack([bl.LSTM(1, 1)]).to_onnx("a", lengths=given), "lengths"),
        (bl.Stack.from_onnx, "source"),
        (lambda given: bl.Stack.from_onnx(onnx.ModelProto(), given), "node"),
        (bl.Stack.from_keras, "source"),
        (lambda given: bl.Stack.from_keras([], given), "layer"),
    ],
)
def test_odd_arguments_are_refused_by_name(act: Callable[[Any], Any], path: str) -> None:
    class Raising:
        __class__ = property(lambda _: 1 / 0)  # type: ignore[assignment]

        def __fspath__(self) -> str:
            raise ZeroDivisionError

    for odd in (3, Raising()):
        with pytest.raises(bl.WeightsError) as caught:
            act(odd)
        assert [issue.path for issue in caught.value.issues] == [path]
