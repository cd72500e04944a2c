"""Small changes of bytes and of trees of JSON, drawn from a random generator: what all formats share."""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import Any

# Bytes that mean something in one of the formats, and numbers at the ends of their ranges.
WORDS = (
    b"\0", b"\xff", b'"', b"{", b"}", b"[", b"]", b":", b",", b"-", b"9", b"\\u0000", b"null", b"1e999", b"NaN",
    b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff" * 8, b"\xff" * 7 + b"\x7f",
    b"\0\0\0\0\0\0\0\x80", b"\x80" * 9 + b"\x01", b"PK\x03\x04", b"PK\x05\x06", b"TREE", b"HEAP",
    b"SNOD", b"OHDR",
)  # fmt: skip
SIZES = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    255,
    256,
    65535,
    2**31 - 1,
    2**31,
    2**32,
    2**40,
    2**63 - 1,
    2**63,
    2**64 - 1,
)
ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 7, 2**31, 2**63, 10**30, -(2**63), 0.5, -0.0, float("nan"), float("inf"),
    "", "a", "weight_ih_l0", "\0", "\x1b[31m", "a" * 5000, "LSTM", "tanh", "1e400", [], [[]], {}, {"a": []},
    [None] * 50, [0, 0], [2**62, 2**62], [-1, 4], "F32", "I64", "../../etc/hostname", "\ud800",
)  # fmt: skip


def mutated_bytes(content: bytes, random: Random) -> bytes:
    """A file with one to four changes."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        random.choice(BYTE_CHANGES)(changed, random)
    return bytes(changed)


def _place(content: bytearray, random: Random) -> int:
    """Anywhere, but more often where headers and directories are."""
    size = len(content)
    kind = random.randrange(4)
    if kind == 0:
        return random.randrange(min(size, 64) + 1)
    if kind == 1:
        return size - random.randrange(min(size, 128) + 1)
    return random.randrange(size + 1)


def _flip(content: bytearray, random: Random) -> None:
    if content:
        content[_place(content, random) % len(content)] ^= 1 << random.randrange(8)


def _replace(content: bytearray, random: Random) -> None:
    start, word = _place(content, random), random.choice(WORDS)
    content[start : start + len(word)] = word


def _number(content: bytearray, random: Random) -> None:
    start, width = _place(content, random), random.choice((1, 2, 4, 8))
    number = random.choice(SIZES) % (1 << 8 * width)
    content[start : start + width] = number.to_bytes(width, random.choice(("little", "big")))


def _insert(content: bytearray, random: Random) -> None:
    start = _place(content, random)
    content[start:start] = random.choice(
        (random.choice(WORDS), random.randbytes(random.randrange(1, 40)))
    )


def _cut_out(content: bytearray, random: Random) -> None:
    start = _place(content, random)
    del content[start : start + random.choice((1, 2, 8, 64, 512))]


def _truncate(content: bytearray, random: Random) -> None:
    del content[_place(content, random) :]


def _double(content: bytearray, random: Random) -> None:
    start, width = _place(content, random), random.choice((1, 8, 64, 512))
    at = _place(content, random)
    content[at:at] = content[start : start + width]


def _swap(content: bytearray, random: Random) -> None:
    width = random.choice((1, 4, 8, 64))
    one, other = _place(content, random), _place(content, random)
    if abs(one - other) >= width:
        first, second = content[one : one + width], content[other : other + width]
        if len(first) == len(second):
            content[one : one + width], content[other : other + width] = second, first


BYTE_CHANGES: tuple[Callable[[bytearray, Random], None], ...] = (
    _flip, _flip, _replace, _number, _number, _insert, _cut_out, _truncate, _double, _swap,
)  # fmt: skip


def mutated_tree(tree: Any, random: Random) -> Any:
    """A copy of objects and lists of JSON with one to three changes."""
    changed = copy.deepcopy(tree)
    for _ in range(random.choice((1, 1, 2, 3))):
        places = list(_places(changed))
        if not places:
            return random.choice(ODD)
        owner, key = random.choice(places)
        _change(owner, key, random.choice(places), random)
    return changed


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Each object or list with each of its keys."""
    found, waiting = [], [tree]
    while waiting:
        owner = waiting.pop()
        keys = (
            list(owner)
            if isinstance(owner, dict)
            else range(len(owner))
            if isinstance(owner, list)
            else ()
        )
        for key in keys:
            found.append((owner, key))
            waiting.append(owner[key])
    return found


def _change(owner: Any, key: Any, other: tuple[Any, Any], random: Random) -> None:
    kind = random.randrange(8)
    if kind == 0:
        del owner[key]
    elif kind == 1:
        owner[key] = copy.deepcopy(other[0][other[1]])
    elif kind == 2 and isinstance(owner, dict):
        owner[random.choice((f"{key}x", key[:-1], key.upper(), "name", "config"))] = owner.pop(key)
    elif kind == 3 and isinstance(owner, list):
        owner.insert(key, copy.deepcopy(other[0][other[1]]))
    elif kind == 4 and isinstance(owner[key], int):
        owner[key] = owner[key] + random.choice((-1, 1, 1000))
    elif kind == 5:
        owner[key] = [owner[key]]
    elif kind == 6 and isinstance(owner[key], list):
        random.shuffle(owner[key])
    else:
        owner[key] = copy.deepcopy(random.choice(ODD))
