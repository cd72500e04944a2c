"""The public surface as a list: modules, names, members, signatures, and what the command line accepts.

In: the installed package, and `public_names.json` next to this file.
Out: what is missing and what is new. `python tests/python/docs/test_public_names.py` rewrites the file.
It does not know what any of the names does.
"""

from __future__ import annotations

import argparse
import enum
import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import ForwardRef, NoReturn

import bnns_lstm
from bnns_lstm.cli.arguments import parser

SNAPSHOT = Path(__file__).with_name("public_names.json")

# Methods between double underscores by which a class is used; all others belong to Python's machinery.
USED_BY_SYNTAX = frozenset({
    "__array__", "__call__", "__contains__", "__enter__", "__exit__", "__getitem__", "__iter__",
    "__len__", "__next__", "__setitem__",
})  # fmt: skip

TORCH = "bnns_lstm.torch"

Surface = dict[str, dict[str, list[str]]]


def is_public(path: str) -> bool:
    return not any(part.startswith("_") for part in path.split("."))


def refuse(name: str) -> NoReturn:
    raise ImportError(f"{name} cannot be imported")


def public_modules() -> list[ModuleType]:
    found = pkgutil.walk_packages(bnns_lstm.__path__, "bnns_lstm.", onerror=refuse)
    # Those that need PyTorch are in tests/torch.
    public = (module.name for module in found if is_public(module.name))
    names = ["bnns_lstm", *sorted(name for name in public if not name.startswith(TORCH))]
    return [importlib.import_module(name) for name in names]


def names_of(module: ModuleType) -> list[str]:
    """`__all__`, or without one the public names that are defined in the module."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    return sorted(
        name
        for name, value in vars(module).items()
        if is_public(name)
        and not inspect.ismodule(value)
        and getattr(value, "__module__", module.__name__) == module.__name__
    )


def is_class(value: object) -> bool:
    """Whether it is a class itself; on Python 3.10 `list[int]` passes for one."""
    return issubclass(type(value), type)


def text_of_annotation(annotation: object) -> str:
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    if is_class(annotation):
        return annotation.__qualname__  # type: ignore[attr-defined]
    return str(annotation)


def text_of_default(default: object) -> str:
    """The default, or dots for what prints differently from one Python to the next."""
    if isinstance(default, enum.Enum):
        return f"{type(default).__name__}.{default.name}"
    if type(default) is tuple:
        return f"({', '.join(map(text_of_default, default))})"
    if default is None or type(default) in (bool, int, float, str, bytes):
        return repr(default)
    return "..."


def text_of_parameter(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
    text = stars.get(parameter.kind, "") + parameter.name
    if parameter.annotation is not parameter.empty:
        text += f": {text_of_annotation(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        text += f" = {text_of_default(parameter.default)}"
    return text


def text_of_signature(function: object) -> str:
    """`inspect.signature` as text that is the same on every Python."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    parts: list[str] = []
    last_kind = None
    for parameter in signature.parameters.values():
        kind = parameter.kind
        if last_kind is parameter.POSITIONAL_ONLY and kind is not last_kind:
            parts.append("/")
        has_star = last_kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        if kind is parameter.KEYWORD_ONLY and not has_star:
            parts.append("*")
        parts.append(text_of_parameter(parameter))
        last_kind = kind
    if last_kind is inspect.Parameter.POSITIONAL_ONLY:
        parts.append("/")
    text = f"({', '.join(parts)})"
    if signature.return_annotation is not signature.empty and not is_class(function):
        text += f" -> {text_of_annotation(signature.return_annotation)}"
    return text


def own_bases(cls: type) -> list[type]:
    """The class and those that it derives from, as far as they are the package's."""
    return [base for base in cls.__mro__ if base.__module__.split(".")[0] == "bnns_lstm"]


def text_of_making(cls: type) -> str:
    """How the class is called, unless it is one that only the standard library's bases say."""
    has_own = any({"__init__", "__new__"} & vars(base).keys() for base in own_bases(cls))
    if not has_own or issubclass(cls, enum.Enum) or getattr(cls, "_is_protocol", False):
        return ""
    return text_of_signature(cls)


def text_of_member(cls: type, name: str) -> str:
    static = inspect.getattr_static(cls, name, None)
    if isinstance(static, enum.Enum):
        return f"{name} = {int(static)}" if isinstance(static, int) else name
    if isinstance(static, classmethod | staticmethod):
        kind = type(static).__name__
        return f"{name}{text_of_signature(getattr(cls, name))}, {kind}"
    if inspect.isroutine(static) and not inspect.isdatadescriptor(static):
        return name + text_of_signature(static)
    return name


def members_of(cls: type) -> list[str]:
    names: set[str] = set()
    for base in own_bases(cls):
        names |= {*vars(base), *inspect.get_annotations(base)}
        names |= getattr(base, "__members__", {}).keys()
    shown = {name for name in names if is_public(name) or name in USED_BY_SYNTAX}
    return sorted(text_of_member(cls, name) for name in shown)


def objects(modules: list[ModuleType]) -> Iterator[tuple[str, object]]:
    """Every public class and function once, under the shortest path that leads to it."""
    paths = [(module, name) for module in modules for name in names_of(module)]
    paths.sort(key=lambda path: (path[0].__name__.count("."), path[0].__name__, path[1]))
    seen: set[int] = set()
    for module, name in paths:
        value = getattr(module, name)
        if (is_class(value) or inspect.isroutine(value)) and id(value) not in seen:
            seen.add(id(value))
            yield f"{module.__name__}.{name}", value


def arguments_of(of: argparse.ArgumentParser, command: str) -> dict[str, list[str]]:
    """For the command and each one below it, its options and the names of its positional arguments."""
    found: dict[str, list[str]] = {command: []}
    for action in of._actions:
        found[command] += action.option_strings or [action.dest]
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                found |= arguments_of(below, f"{command} {name}")
    return {name: sorted(options) for name, options in found.items()}


def surface() -> Surface:
    modules = public_modules()
    functions: list[str] = []
    classes: dict[str, list[str]] = {}
    for path, value in objects(modules):
        if isinstance(value, type):
            made = text_of_making(value)
            classes[path] = [made, *members_of(value)] if made else members_of(value)
        else:
            functions.append(path + text_of_signature(value))
    return {
        "classes": dict(sorted(classes.items())),
        "commands": arguments_of(parser(), "bnns-lstm"),
        "functions": {"all": sorted(functions)},
        "modules": {module.__name__: names_of(module) for module in modules},
    }


def lines_of(of: Surface) -> set[str]:
    return {
        f"{part}: {name}: {entry}".removesuffix(": ")
        for part, names in of.items()
        for name, entries in names.items()
        for entry in ["", *entries]
    }


def difference(expected: Surface, found: Surface) -> str:
    """What is missing and what is new, a line each; nothing if there is no difference."""
    before, now = lines_of(expected), lines_of(found)
    missing = [f"missing  {line}" for line in sorted(before - now)]
    return "\n".join(missing + [f"new      {line}" for line in sorted(now - before)])


def test_public_names_are_those_that_were_agreed_upon() -> None:
    found = difference(json.loads(SNAPSHOT.read_text(encoding="utf-8")), surface())
    assert not found, (
        f"the public names changed:\n{found}\n"
        "If that is meant, `python tests/python/docs/test_public_names.py` rewrites the file."
    )


def test_a_name_that_goes_and_one_that_comes_are_both_told() -> None:
    before: Surface = {"modules": {"m": ["a", "b"]}, "classes": {"m.A": []}}
    after: Surface = {"modules": {"m": ["b", "c"]}, "classes": {}}
    told = "missing  classes: m.A\nmissing  modules: m: a\nnew      modules: m: c"
    assert difference(before, after) == told
    assert difference(before, before) == ""


def test_signatures_are_the_same_text_everywhere() -> None:
    def plain(a, /, b: int, *rest: str, c=1.5, d=("x", None), e=object(), **more) -> None: ...  # noqa: B008
    def by_name(*, flag: bool = True) -> dict[str, int]: ...
    def by_place(a, /): ...

    assert text_of_signature(plain) == (
        "(a, /, b: int, *rest: str, c = 1.5, d = ('x', None), e = ..., **more) -> None"
    )
    assert text_of_signature(by_name) == "(*, flag: bool = True) -> dict[str, int]"
    assert text_of_signature(by_place) == "(a, /)"


if __name__ == "__main__":
    text = json.dumps(surface(), indent=1, sort_keys=True, ensure_ascii=False)
    SNAPSHOT.write_text(text + "\n", encoding="utf-8")
