"""Every code that the library knows is provoked by a test, explained, and a constant; no other one is used."""

from __future__ import annotations

import ast
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import bnns_lstm as bl
import pytest
from bnns_lstm import codes
from wrong_arguments import ARGUMENT_ROWS
from wrong_caches import CACHE_ROWS
from wrong_pairs import PAIR_ROWS
from wrong_structures import FILTER_ROWS, ROWS

# Codes that need two calls at once; test_threads.py has them.
ELSEWHERE = {"in_use"}
CONSTANTS = {name: value for name, value in vars(codes).items() if name.isupper()}
SOURCES = sorted(Path(bl.__file__).parent.rglob("*.py"))
# What makes an issue, and which of its arguments is the code.
MAKERS = {"Issue": 1, "WeightsIssue": 3, "fail": 3, "Fault": 2, "RefusedError": 1}
# What may be made without one.
WITHOUT = {"RefusedError"}


def test_every_code_has_a_row() -> None:
    tested = {code for _, _, code in ROWS + FILTER_ROWS + CACHE_ROWS}
    tested |= {code for code, _, _ in PAIR_ROWS}
    tested |= {code for _, _, code in ARGUMENT_ROWS}
    known = {entry.code for entry in bl.error_codes()}
    assert known - tested == ELSEWHERE
    assert tested <= known


@pytest.mark.parametrize(("provoke", "path", "code"), ARGUMENT_ROWS)
def test_a_wrong_argument_is_the_only_finding_with_its_path_and_code(
    provoke: Callable[[Path], object], path: str, code: str, tmp_path: Path
) -> None:
    with pytest.raises((bl.ArgumentError, bl.WeightsError)) as caught:
        provoke(tmp_path)
    assert [(issue.path, issue.code) for issue in caught.value.issues] == [(path, code)]
    assert str(caught.value).endswith(f" [{code}]")


def test_every_code_is_explained_and_stands_once() -> None:
    entries = bl.error_codes()
    assert all(entry.explanation.endswith(".") for entry in entries)
    assert len({entry.code for entry in entries}) == len(entries)
    assert len({entry.explanation for entry in entries}) == len(entries)


def test_every_code_is_a_constant_of_its_name() -> None:
    known = [entry.code for entry in bl.error_codes()]
    assert {name: code for code in known for name in [code.upper()]} == CONSTANTS
    assert list(CONSTANTS.values()) == known


def code_of(call: ast.Call) -> ast.expr | None:
    """The argument of a call that is a code; None if the call gives none."""
    by_name = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    if by_name:
        return by_name[0]
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
    place = MAKERS.get(name)
    if place is None:
        return None
    if len(call.args) > place:
        return call.args[place]
    # `fail(path, *fault)`: the fault's own code was looked at where the fault was made.
    has_rest = bool(call.args) and isinstance(call.args[-1], ast.Starred)
    return None if has_rest or name in WITHOUT else call


def is_code(value: ast.expr) -> bool:
    """Whether it is a constant, a choice among some, or a variable or field that holds one."""
    if isinstance(value, ast.IfExp):
        return is_code(value.body) and is_code(value.orelse)
    return isinstance(value, ast.Attribute | ast.Name)


def texts_as_codes(node: ast.AST) -> Iterator[ast.expr]:
    """Texts that a variable called `code` is given."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=True))
            for name, value in pairs:
                if ast.unparse(name) == "code" and isinstance(value, ast.Constant | ast.IfExp):
                    yield value


def constants_in(tree: ast.AST) -> Iterator[ast.Attribute]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "codes":
            yield node


def faults_in(source: str) -> list[str]:
    """Codes that are no constants, with their lines."""
    tree = ast.parse(source)
    found = [
        f"{node.lineno}: {node.attr}" for node in constants_in(tree) if node.attr not in CONSTANTS
    ]
    for node in ast.walk(tree):
        code = code_of(node) if isinstance(node, ast.Call) else None
        suspects = [*texts_as_codes(node), *([] if code is None else [code])]
        found += [
            f"{value.lineno}: {ast.unparse(value)}"
            for value in suspects
            if not is_code(value) and ast.unparse(value) != "None"
        ]
        if isinstance(node, ast.Constant) and node.value in CONSTANTS.values():
            found.append(f"{node.lineno}: {node.value!r}")
    return found


def test_the_sources_know_no_code_but_the_constants() -> None:
    made = 0
    for path in SOURCES:
        if path.name != "codes.py":
            source = path.read_text(encoding="utf-8")
            made += sum(source.count(f"{name}(") for name in MAKERS)
            assert faults_in(source) == [], path
    assert made > 150, "the sources are not where the test looks"


@pytest.mark.parametrize(
    "source",
    [
        'Issue("x", "wrong_typ", "a", "b")',
        'Issue("x", "wrong_type", "a", "b")',
        'Issue("x", codes.WRONG_TYP, "a", "b")',
        'WeightsIssue("x", "a", "b")',
        'WeightsIssue("x", "a", "b", f"wrong_{kind}")',
        'raise fail("x", "a", "b")',
        'code = "wrong_type"',
        'code = "wrong_typ"',
        'actual, code = name, "wrong_typ"',
        'Issue("x", "typo" if k else codes.WRONG_TYPE, "a", "b")',
        'Issue(path="x", code="typo", expected="a", actual="b")',
        'replace(issue, code="typo")',
        'errors.Issue("x", "typo", "a", "b")',
        'raise RefusedError("r", "typo")',
    ],
)
def test_an_unknown_code_in_the_sources_is_told(source: str) -> None:
    assert faults_in(source)
    assert not faults_in('Issue("x", codes.WRONG_TYPE, "a", "b")')


def test_issues_of_weights_can_be_made_without_a_code() -> None:
    issue = bl.WeightsIssue("a", "b", "c")
    assert (issue.path, issue.expected, issue.actual, issue.code) == ("a", "b", "c", "")
    assert issue.message == "a: expected b, found c"
    error = bl.WeightsError((issue, bl.WeightsIssue("d", "e", "f", codes.WRONG_TYPE)))
    assert (
        str(error) == "2 problems:\n  a: expected b, found c\n  d: expected e, found f [wrong_type]"
    )
    assert pickle.loads(pickle.dumps(error)).issues == error.issues
