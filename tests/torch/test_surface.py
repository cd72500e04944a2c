"""What the package shows: its names and signatures, examples of its docstrings, and those of docs/torch.md."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import inspect
import io
import pkgutil
import re
from pathlib import Path

import bnns_lstm.torch
import pytest

DOCUMENT = Path(__file__).parents[2] / "docs" / "torch.md"
MODULES = sorted(
    module.name for module in pkgutil.iter_modules(bnns_lstm.torch.__path__, "bnns_lstm.torch.")
)


def test_the_public_names() -> None:
    assert bnns_lstm.torch.__all__ == ["LSTM", "Replaced", "TensorError", "replace_lstms"]
    assert set(bnns_lstm.torch.__all__) <= set(dir(bnns_lstm.torch))
    names = [*inspect.signature(bnns_lstm.torch.LSTM).parameters]
    assert names == [
        *("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout"),
        *("bidirectional", "proj_size", "device", "dtype", "peephole", "activations"),
    ]
    assert [*inspect.signature(bnns_lstm.torch.LSTM.forward).parameters] == ["self", "input", "hx"]
    assert [*inspect.signature(bnns_lstm.torch.replace_lstms).parameters] == ["model"]


def test_everything_public_has_an_example() -> None:
    own = bnns_lstm.torch.LSTM
    for shown in (
        *(getattr(bnns_lstm.torch, name) for name in bnns_lstm.torch.__all__),
        own.forward,
        own.flatten_parameters,
        own.config,
    ):
        assert ">>> " in (inspect.getdoc(shown) or ""), shown


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_docstrings_run(name: str) -> None:
    assert len(MODULES) > 10
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_examples_of_the_document_run_and_print_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    namespace: dict[str, object] = {}
    for block in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, DOCUMENT.name, "exec"), namespace)
        assert printed.getvalue().splitlines() == re.findall(r"^# (.*)$", block, re.MULTILINE)
