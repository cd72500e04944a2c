"""What is trained, and its gradients, as arrays by name.

In: a module, a mapping of names to arrays, or a sequence of these; gradients in the same form. Out: float32
arrays over the caller's memory, by names that are unique: those of a sequence begin with the number of the
part. It computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Protocol, TypeAlias

from bnns_lstm import codes
from bnns_lstm._look import attempt, is_a, mapping, sequence
from bnns_lstm._show import listed, named
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module.floats import as_floats
from bnns_lstm.typing import Floats

__all__ = ["GradientsLike", "Trained", "TrainedLike", "gradients_of"]


class HasParameters(Protocol):
    """A module, or gradients of one."""

    @property
    def parameters(self) -> Mapping[str, Floats]:
        """Arrays by name."""


TrainedLike: TypeAlias = HasParameters | Mapping[str, Floats]
GradientsLike: TypeAlias = TrainedLike | Sequence[TrainedLike]

FORMS = "a module with `parameters`, a mapping of names to arrays, or a sequence of these"


class Trained:
    """The arrays that an optimiser updates.

    Attributes:
        named: The arrays, by name.
    """

    def __init__(self, given: GradientsLike, path: str = "params") -> None:
        """Read modules or mappings; `path` is what errors call them.

        Raises:
            ArgumentError: For what is neither, and for arrays that cannot be updated in place.
        """
        issues: list[Issue] = []
        parts = _parts(given, path, FORMS, issues)
        self.named: dict[str, Floats] = {}
        self._parts: list[tuple[Any, dict[str, Floats]]] = []
        for prefix, part, entries in parts:
            found = {}
            for name, array in entries.items():
                floats = as_floats(
                    array, f"{prefix}{named(name)}", issues, convert=False, writable=True
                )
                if floats is not None:
                    found[name] = floats
                    self.named[f"{prefix}{name}"] = floats
            self._parts.append((part, found))
        if not self.named and not issues:
            issues.append(Issue(path, codes.MISSING_ENTRY, "at least one array", "none"))
        issues += _twice(self.named)
        if issues:
            raise ArgumentError(tuple(issues))

    def updated(self) -> None:
        """Tell the modules that their weights have changed."""
        for part, found in self._parts:
            if not is_a(part, Mapping):
                part.update()
            elif is_a(part, MutableMapping):
                part.update(found)  # the very arrays: `lstm.parameters` takes note of it


def gradients_of(expected: Mapping[str, Floats], given: GradientsLike) -> dict[str, Floats]:
    """Gradients for arrays of these names and shapes, over the caller's memory and in their order.

    Raises:
        ArgumentError: For every gradient that is missing, surplus or misshapen.
    """
    issues: list[Issue] = []
    found: dict[str, Any] = {}
    forms = "gradients in the form of what is trained, one for each part"
    for prefix, _, entries in _parts(given, "gradients", forms, issues):
        found |= {f"{prefix}{name}": array for name, array in entries.items()}
    floats: dict[str, Floats] = {}
    for name, array in () if issues else expected.items():
        shape = list(array.shape)
        if name not in found:
            issues.append(Issue(named(name), codes.MISSING_ENTRY, f"a gradient {shape}", "none"))
            continue
        gradient = as_floats(found[name], named(name), issues, convert=False)
        if gradient is not None and gradient.shape != array.shape:
            actual = str(list(gradient.shape))
            issues.append(Issue(named(name), codes.SIZE_MISMATCH, str(shape), actual))
        elif gradient is not None:
            floats[name] = gradient
    if floats or not issues:
        issues += [
            Issue(named(name), codes.UNEXPECTED_ENTRY, f"only {listed(expected)}", "a gradient")
            for name in found
            if name not in expected
        ]
    if issues:
        raise ArgumentError(tuple(issues))
    return floats


def _parts(
    given: Any, path: str, expected: str, issues: list[Issue]
) -> Iterator[tuple[str, Any, dict[Any, Any]]]:
    """What the names of a part begin with, the part, and its arrays by name."""
    several = sequence(given)
    for number, part in enumerate([given] if several is None else several):
        prefix = "" if several is None else f"{number}."
        held = part if is_a(part, Mapping) else attempt(lambda part=part: part.parameters)  # type: ignore[misc]
        entries = mapping(held)
        if entries is None:
            where = path if several is None else f"{path}[{number}]"
            issues.append(Issue(where, codes.WRONG_TYPE, expected, type(part).__name__))
        else:
            yield prefix, part, entries


def _twice(arrays: Mapping[str, Floats]) -> Iterator[Issue]:
    """Findings for arrays that stand there under another name already: each step would change them twice."""
    seen: dict[int, str] = {}
    for name, array in arrays.items():
        other = seen.setdefault(array.__array_interface__["data"][0], name) if array.size else name
        if other != name:
            yield Issue(named(name), codes.OVERLAP, "memory of its own", f"that of {other}")
