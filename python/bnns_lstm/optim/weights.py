"""What is trained, and its gradients, as arrays by name.

In: a module, a mapping of names to arrays, or a sequence of these; gradients in the same form. Out: float32
arrays over the caller's memory, by names that are unique: those of a sequence begin with the number of the
part. It computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._arrays import Fault, array_of
from bnns_lstm._look import attempt, is_a, mapping, sequence
from bnns_lstm._show import listed, named
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.optim.arrays import floats_of
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
        parts: The same of each module or mapping, by its own names.
    """

    def __init__(self, given: GradientsLike, path: str = "params") -> None:
        """Read modules or mappings; `path` is what errors call them.

        Raises:
            ArgumentError: For what is neither, and for arrays that cannot be updated in place.
        """
        issues: list[Issue] = []
        parts = _parts(given, path, FORMS, issues)
        self.named: dict[str, Floats] = {}
        self._are_several = sequence(given) is not None
        self.parts: list[dict[str, Floats]] = []
        self._owners: list[Any] = []
        for prefix, part, entries in parts:
            found = {}
            for name, array in entries.items():
                floats = floats_of(array, f"{prefix}{named(name)}", issues, writable=True)
                if floats is not None:
                    found[name] = floats
                    self.named[f"{prefix}{name}"] = floats
            self.parts.append(found)
            self._owners.append(part)
        if not self.named and not issues:
            issues.append(Issue(path, codes.MISSING_ENTRY, "at least one array", "none"))
        issues += _twice(self.named)
        if issues:
            raise ArgumentError(tuple(issues))

    def require(self) -> None:
        """Check that modules and mappings still hold the arrays that the optimiser was made with.

        Raises:
            ArgumentError: For every array that another one has replaced: training would not reach that.
        """
        issues = []
        pairs = zip(self._owners, self.parts, strict=True)
        for number, (part, found) in enumerate(pairs):
            held = _entries(part) or {}
            prefix = f"{number}." if self._are_several else ""
            for name, array in found.items():
                if name not in held or not _is_of(held[name], array):
                    expected = (
                        "the array that the optimiser was made with (write into it: array[...] = )"
                    )
                    path, actual = f"{prefix}{named(name)}", "another one, or none"
                    issues.append(Issue(path, codes.UNSUPPORTED_HERE, expected, actual))
        if issues:
            raise ArgumentError(tuple(issues))

    def updated(self) -> None:
        """Tell the modules that their weights have changed."""
        for part, found in zip(self._owners, self.parts, strict=True):
            if not is_a(part, Mapping):
                part.update()
            elif is_a(part, MutableMapping):
                part.update(found)  # the very arrays: `lstm.parameters` takes note of it


def gradients_of(
    expected: Mapping[str, Floats], given: GradientsLike, path: str = "gradients"
) -> dict[str, Floats]:
    """Gradients for arrays of these names and shapes, over the caller's memory and in their order.

    Args:
        expected: The arrays.
        given: A gradient for each of them.
        path: What errors call all of them.

    Raises:
        ArgumentError: For every gradient that is missing, surplus or misshapen.
    """
    issues: list[Issue] = []
    found: dict[str, Any] = {}
    forms = "an array for each one that is trained, in the form of these"
    for prefix, _, entries in _parts(given, path, forms, issues):
        found |= {f"{prefix}{name}": array for name, array in entries.items()}
    floats: dict[str, Floats] = {}
    for name, array in () if issues else expected.items():
        shape = list(array.shape)
        if name not in found:
            issues.append(Issue(named(name), codes.MISSING_ENTRY, f"an array {shape}", "none"))
            continue
        gradient = floats_of(found[name], named(name), issues)
        if gradient is not None and gradient.shape != array.shape:
            actual = str(list(gradient.shape))
            issues.append(Issue(named(name), codes.SIZE_MISMATCH, str(shape), actual))
        elif gradient is not None:
            floats[name] = gradient
    if floats or not issues:
        issues += [
            Issue(named(name), codes.UNEXPECTED_ENTRY, f"only {listed(expected)}", "an array")
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
        entries = _entries(part)
        if entries is None:
            where = path if several is None else f"{path}[{number}]"
            issues.append(Issue(where, codes.WRONG_TYPE, expected, type(part).__name__))
        else:
            yield prefix, part, entries


def _entries(part: Any) -> dict[Any, Any] | None:
    """The arrays of a module or mapping by name; None for anything else."""
    return mapping(part if is_a(part, Mapping) else attempt(lambda: part.parameters))


def _is_of(given: Any, array: Floats) -> bool:
    """Whether what a mapping holds is this array, or another view of the same memory."""
    if given is array:
        return True
    other = array_of(given, "an array", detach=False)
    return not isinstance(other, Fault) and _address(other) == _address(array)


def _address(array: npt.NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])


def _twice(arrays: Mapping[str, Floats]) -> Iterator[Issue]:
    """Findings for arrays that stand there under another name already: each step would change them twice."""
    seen: dict[int, str] = {}
    for name, array in arrays.items():
        other = seen.setdefault(_address(array), name) if array.size else name
        if other != name:
            yield Issue(named(name), codes.OVERLAP, "memory of its own", f"that of {other}")
