"""Docstrings of everything public: each has an example, and all examples run.

In: the installed package. Out: what has no example, and examples that print something else than they say.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import bnns_lstm as bl
import pytest
from bnns_lstm import _native, formats, optim

# A formula each, and an example at the class; what the others have from Python itself.
FORMULAS = frozenset(
    name for name, value in vars(bl.Activation).items() if isinstance(value, classmethod)
)


def modules() -> list[str]:
    """All but those of the command line, which has no examples."""
    found = [module.name for module in pkgutil.walk_packages(bl.__path__, "bnns_lstm.")]
    return [
        "bnns_lstm",
        *(name for name in found if not name.startswith(("bnns_lstm.cli", "bnns_lstm.__main__"))),
    ]


def methods(owner: type) -> Iterator[tuple[str, object]]:
    """The public methods that are defined in this package."""
    for one in owner.__mro__:
        if one.__module__.startswith("bnns_lstm"):
            for name in vars(one):
                is_used = name == "__call__" or not name.startswith("_")
                value = getattr(owner, name)
                if is_used and callable(value) and not inspect.isclass(value):
                    yield f"{owner.__name__}.{name}", value


def public() -> Iterator[tuple[str, object]]:
    for module in (bl, formats, optim):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value):
                yield name, value
                yield from methods(value)
            elif inspect.isroutine(value):
                yield name, value


def test_everything_public_has_an_example() -> None:
    found = dict(public())
    assert len(found) > 100
    formulas = {f"Activation.{name}" for name in FORMULAS}
    assert formulas <= set(found)
    assert [
        name
        for name, value in found.items()
        if name not in formulas and "\n>>> " not in _text(value)
    ] == []


def _text(value: object) -> str:
    return (inspect.getdoc(value) or "").replace("\n    >>> ", "\n>>> ")


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_docstrings_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name.startswith("bnns_lstm.formats.onnx"):
        pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    results = doctest.testmod(module)
    assert results.failed == 0


def test_the_examples_of_the_native_module_run() -> None:
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    attempted = 0
    for owner in (_native.PreparedLayer, _native.PackedWeights):
        for name, value in vars(owner).items():
            if not name.startswith("_") and callable(value):
                (test,) = finder.find(value, name, module=False, globs={})
                results = runner.run(test)
                assert results.failed == 0, name
                attempted += results.attempted
        for test in finder.find(owner, module=False, globs={}):
            assert runner.run(test).failed == 0
    assert attempted >= 15
