"""Files that are almost valid are read or refused, a few hundred a format; `tasks.py mutations` reads more."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import bnns_lstm as bl
import mutated_onnx
import mutations
import pytest
from bnns_lstm import codes, formats
from bnns_lstm.formats import load_lstm
from mutated_files import FORMATS, Case, case_of
from mutated_values import BYTE_CHANGES, mutated_bytes, mutated_tree
from mutations import Outcome, outcome, outcomes

COUNT = 300


@pytest.mark.parametrize("name", FORMATS)
def test_changed_files_are_read_or_refused(name: str) -> None:
    found = dict(outcomes(name, range(COUNT)))
    assert len(found) == COUNT
    assert not {n: one.text for n, one in found.items() if one.kind == "fault"}
    counts = Counter(one.kind for one in found.values())
    assert min(counts["accepted"], counts["refused"]) >= COUNT // 20, counts


@pytest.mark.parametrize("name", FORMATS)
def test_seeds_are_valid_and_a_case_follows_from_its_number(name: str) -> None:
    assert FORMATS[name].seeds()
    made = [case_of(name, number).content for number in range(30)]
    assert made == [case_of(name, number).content for number in range(30)]
    assert len({content for content in made if content is not None}) > (
        0 if name == "torch" else 20
    )


@pytest.mark.parametrize("change", BYTE_CHANGES, ids=lambda change: change.__name__)
def test_every_change_of_bytes_changes_something(change: Any) -> None:
    found = set()
    for number in range(30):
        content = bytearray(range(200))
        change(content, random.Random(number))
        found.add(bytes(content))
    assert len(found) > 10


def test_changes_leave_what_they_were_given() -> None:
    tree = {"a": [1, {"b": None}], "c": "d"}
    found = [mutated_tree(tree, random.Random(number)) for number in range(50)]
    assert tree == {"a": [1, {"b": None}], "c": "d"}
    assert sum(one != tree for one in found) > 40
    content = bytes(100)
    assert sum(mutated_bytes(content, random.Random(n)) != content for n in range(50)) > 40


def test_onnx_models_are_read_with_values_for_their_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With right ones and with others, and without."""
    found: Counter[tuple[str, str]] = Counter()

    def read_onnx(path: Path, node: Any, *, inputs: Any) -> Any:
        kind = "none" if inputs is None else "values" if isinstance(inputs, dict) else "odd"
        found[kind, "refused"] += 1
        stored = formats.read_onnx(path, node, inputs=inputs)
        found[kind, "refused"] -= 1
        found[kind, "accepted"] += 1
        return stored

    monkeypatch.setattr(mutated_onnx, "read_onnx", read_onnx)
    for number in range(COUNT):
        made = case_of("onnx", number)
        assert made.content is not None
        (tmp_path / "a").write_bytes(made.content)
        with contextlib.suppress(bl.WeightsError):
            made.read(tmp_path / "a")
    assert found["odd", "refused"]
    for kind in ("none", "values"):
        assert found[kind, "accepted"] >= 3, found
        assert found[kind, "refused"] >= 20, found


def issue(**changed: str) -> Any:
    fields = {"path": "a", "expected": "b", "actual": "c", "code": codes.WRONG_TYPE, **changed}
    return bl.WeightsIssue(**fields)


def raising(error: BaseException) -> Any:
    def read(_: Path) -> Any:
        raise error

    return read


FAULTS: dict[str, tuple[Any, str]] = {
    "another error": (raising(KeyError("x")), "KeyError: 'x'"),
    "no memory": (raising(MemoryError()), "MemoryError"),
    "input and output": (raising(OSError(22, "no")), "OSError"),
    "an unknown code": (raising(bl.WeightsError((issue(code="odd"),))), "the code 'odd'"),
    "no issues": (raising(bl.WeightsError(())), "an error without issues"),
    "a long text": (raising(bl.WeightsError((issue(actual="c" * 9999),))), "a message of 10"),
    "no path": (raising(bl.WeightsError((issue(path=""),))), "an issue that says too little"),
    "a warning": (lambda _: __import__("warnings").warn("odd", stacklevel=1), "UserWarning: odd"),
    "much memory": (lambda _: bytes(mutations.BYTES + 1), f" s and {mutations.BYTES >> 20} MiB"),
}


@pytest.mark.parametrize(("read", "text"), FAULTS.values(), ids=FAULTS.keys())
def test_faults_are_noticed(read: Any, text: str, tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        found = outcome(Case(b"", read), tmp_path / "a")
    finally:
        tracemalloc.stop()
    assert found.kind == "fault"
    assert text in found.text


def test_a_slow_case_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutations, "SECONDS", 0.0)
    tracemalloc.start()
    found = outcome(Case(b"", raising(bl.WeightsError((issue(),)))), tmp_path / "a")
    tracemalloc.stop()
    assert found.kind == "fault"


def test_a_process_that_dies_is_a_fault_and_the_rest_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A worker that dies at the second of five cases."""
    text = Path(mutations.__file__).read_text(encoding="utf-8")
    died = tmp_path / "mutations.py"
    line = "            for number in numbers:\n"
    assert line in text
    dying = (
        f"{line}                if number == 1:\n                    __import__('os')._exit(3)\n"
    )
    died.write_text(text.replace(line, dying), encoding="utf-8")
    monkeypatch.setattr(mutations, "__file__", str(died))
    monkeypatch.setenv("PYTHONPATH", str(Path(load_support())))
    assert mutations.report("safetensors", range(5)) == 1
    printed = capsys.readouterr().out
    assert "safetensors 1: the process ended with 3" in printed
    assert "safetensors: 5 cases in" in printed
    assert "1 faults" in printed


def load_support() -> str:
    """The folder of what tests share."""
    return str(Path(sys.modules["mutated_files"].__file__ or "").parent)


def test_the_command_reads_what_is_asked_for() -> None:
    words = [
        sys.executable,
        mutations.__file__,
        "--format",
        "safetensors",
        "--count",
        "7",
        "--first",
        "3",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("safetensors: 7 cases in ")
    assert "0 faults" in done.stdout
    wanted = [one for _, one in outcomes("safetensors", range(3, 10))]
    accepted = sum(one.kind == "accepted" for one in wanted)
    assert f"{accepted} accepted, {7 - accepted} refused" in done.stdout
    assert all(isinstance(one, Outcome) for one in wanted)
    assert load_lstm is not None
