"""What was prepared for the last few kinds of calls.

In: a key, and how to prepare. Out: what was prepared for this key, now or earlier. It does not know what that
is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, Generic, TypeVar

from bnns_lstm.module.forks import new_lock

__all__ = ["KEPT", "Recent"]

# Kinds of calls for which something is kept, so that memory does not grow with their number.
KEPT = 4
Prepared = TypeVar("Prepared")


class Recent(Generic[Prepared]):
    """The last few things. Nobody waits while one is prepared.

    Attributes:
        kept: By key, the one that was used last at the end.
        lock: Held to change what is kept. A forked child has a new one.
    """

    lock: Lock

    def __init__(self) -> None:
        """Nothing yet."""
        self.kept: OrderedDict[Any, Prepared] = OrderedDict()
        self.latest: Any = None
        new_lock(self)

    def known(self, key: Any) -> Prepared | None:
        """What is kept for a key."""
        found = self.kept.get(key)
        if found is not None and key != self.latest:
            self.keep(key, found)
        return found

    def of(self, key: Any, prepare: Callable[[], Prepared]) -> Prepared:
        """What is kept for a key, prepared if it is not there."""
        found = self.known(key)
        if found is None:
            found = prepare()
            self.keep(key, found)
        return found

    def keep(self, key: Any, found: Prepared) -> None:
        """Keep something as what was used last."""
        with self.lock:
            self.kept[key] = found
            self.kept.move_to_end(key)
            self.latest = key
            if len(self.kept) > KEPT:
                self.kept.popitem(last=False)
