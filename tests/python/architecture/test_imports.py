"""No module of the package imports another one that imports it, however long the way.

Every import counts: those within functions, and those that only the type checker sees. Names of gates stand in
one module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import bnns_lstm
from bnns_lstm.config import GATES

ROOT = Path(bnns_lstm.__file__).parent

# Sources by the name of their module, and for each module those that it imports.
Sources = Mapping[str, str]
Edges = dict[str, set[str]]


def sources() -> dict[str, str]:
    """All modules of the installed package; a package has its own name, the compiled module its interface."""
    found = {}
    for path in sorted([*ROOT.rglob("*.py"), *ROOT.rglob("*.pyi")]):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path.read_text(encoding="utf-8")
    return found


def imported(text: str) -> Iterator[tuple[str, str]]:
    """What a source imports: a module, and the name that it takes from it, or nothing."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import, which this test does not follow"
            yield from ((node.module or "", alias.name) for alias in node.names)


def edges(of: Sources) -> Edges:
    """A name that is a module of a package leads to that module, any other name to where it is taken from."""
    found: Edges = {}
    for name, text in of.items():
        targets = set()
        for module, taken in imported(text):
            inner = f"{module}.{taken}"
            targets |= {inner if inner in of else module} & of.keys()
        found[name] = targets
    return found


def reachable(of: Edges, start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = of[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def circles(of: Edges) -> list[str]:
    """Each module that can be reached from itself, with what it imports on the way."""
    reach = {name: reachable(of, name) for name in of}
    return [
        f"{name} -> {', '.join(sorted(other for other in of[name] if name in reach[other]))}"
        for name in sorted(of)
        if name in reach[name]
    ]


def test_no_module_is_in_an_import_circle() -> None:
    found = edges(sources())
    assert "bnns_lstm._native" in found["bnns_lstm.module.engine"]
    assert found["bnns_lstm.module.lstm"] >= {"bnns_lstm.module.stream", "bnns_lstm.config"}
    assert "bnns_lstm.formats" in found["bnns_lstm.module.files"]
    assert circles(found) == []


def test_a_planted_circle_is_found() -> None:
    planted = sources()
    planted["bnns_lstm.module.stream"] += (
        "\nif TYPE_CHECKING:\n    from bnns_lstm.module.lstm import LSTM\n"
    )
    assert circles(edges(planted)) == [
        "bnns_lstm.module.lstm -> bnns_lstm.module.stream",
        "bnns_lstm.module.stream -> bnns_lstm.module.lstm",
    ]


def test_a_planted_circle_through_a_function_and_a_package_is_found() -> None:
    planted = {
        "p": "from p.a import A",
        "p.a": "def late():\n    from p import b",
        "p.b": "import p.c",
        "p.c": "import p as q\nimport os",
        "p.d": "from p.a import A",
    }
    assert circles(edges(planted)) == ["p -> p.a", "p.a -> p.b", "p.b -> p.c", "p.c -> p"]


def test_formats_and_modules_meet_in_the_configuration_only() -> None:
    found = edges(sources())
    formats = {name for name in found if name.startswith("bnns_lstm.formats")}
    assert len(formats) > 20
    below = set().union(*(reachable(found, name) for name in formats))
    assert "bnns_lstm.config" in below
    assert not {name for name in below if name.startswith(("bnns_lstm.module", "bnns_lstm.cli"))}


def test_the_layer_knows_nothing_of_its_training() -> None:
    found = edges(sources())
    users = {name for name, those in found.items() if any("optim" in other for other in those)}
    optim = {name for name in found if name.startswith("bnns_lstm.optim")}
    assert len(optim) > 10
    assert {name.split(".")[1] for name in users - optim - {"bnns_lstm"}} == {"cli", "dask", "demo"}


def orders(text: str) -> list[tuple[str, ...]]:
    """Tuples, lists and sets of the names of all gates."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            names = [item.value for item in node.elts if isinstance(item, ast.Constant)]
            if set(GATES) <= set(names):
                found.append(tuple(map(str, names)))
    return found


def test_the_names_of_the_gates_stand_once() -> None:
    found = {name: orders(text) for name, text in sources().items()}
    assert {name: those for name, those in found.items() if those} == {"bnns_lstm._gates": [GATES]}
