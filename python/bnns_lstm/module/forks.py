"""Locks that are new in a forked child.

In: objects with a lock. Out: in a child that is forked while another thread of its parent holds such a lock, an
unlocked one: nobody would ever unlock the old one there. It does not know what a lock protects.

What a lock protects must be usable however far its holder had come when the child was forked.
"""

from __future__ import annotations

import os
from threading import Lock
from typing import Protocol
from weakref import WeakSet

__all__ = ["HasLock", "new_lock"]


class HasLock(Protocol):
    """What has a lock that a child must not inherit."""

    lock: Lock


_owners: WeakSet[HasLock] = WeakSet()


def new_lock(owner: HasLock) -> None:
    """Give `owner` a lock, and another one in each child that is forked."""
    owner.lock = Lock()
    _owners.add(owner)


def _renew() -> None:
    for owner in list(_owners):
        owner.lock = Lock()


if hasattr(os, "register_at_fork"):  # no system without fork has it
    os.register_at_fork(after_in_child=_renew)
