"""Entries of any origin, looked at one by one.

In: names, and how to find the shape and the values of an entry. Out: those of all entries that are asked for,
or everything that is wrong with them. It does not know what the names mean.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.stored import Floats

__all__ = ["Entry", "Source", "all_of"]

T = TypeVar("T")
Shape = tuple[int, ...]


class Entry(NamedTuple):
    """An entry that is made of others: its shape, and how its values are found."""

    shape: Shape
    read: Callable[[], Floats]


@dataclass(frozen=True)
class Source:
    """Entries of any origin.

    Attributes:
        names: The full names of all entries.
        shape: The shape of one entry; it raises WeightsError for what is no array.
        read: The values of one entry; it raises WeightsError for what are no floats.
        module: The module that the entries are of; None for other sources.
    """

    names: Collection[str]
    shape: Callable[[str], Shape]
    read: Callable[[str], Floats]
    module: object = None

    def under(self, prefix: str) -> list[str]:
        """The names that begin with a prefix, without it."""
        return [name.removeprefix(prefix) for name in self.names if name.startswith(prefix)]

    def with_instead(self, gone: Collection[str], made: Mapping[str, Entry]) -> Source:
        """The same without some entries, and with others that were made of them."""
        old_shape, old_read = self.shape, self.read
        return replace(
            self,
            names=(*(name for name in self.names if name not in gone), *made),
            shape=lambda name: made[name].shape if name in made else old_shape(name),
            read=lambda name: made[name].read() if name in made else old_read(name),
        )


def all_of(names: Iterable[str], ask: Callable[[str], T]) -> dict[str, T]:
    """What a question gives for each name.

    Raises:
        WeightsError: With the issues of all names for which it raises one.
    """
    found: dict[str, T] = {}
    issues: list[WeightsIssue] = []
    for name in names:
        try:
            found[name] = ask(name)
        except WeightsError as error:  # noqa: PERF203 - the issues of all names are wanted
            issues += error.issues
    if issues:
        raise WeightsError(tuple(issues))
    return found
