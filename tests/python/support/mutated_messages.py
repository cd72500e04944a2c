"""Small changes of protobuf's messages, drawn from a random generator: what formats of such messages share."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from mutated_values import SIZES


def messages_of(model: Any) -> list[Any]:
    """All messages of a model."""
    found, waiting = [], [model]
    while waiting:
        message = waiting.pop()
        found.append(message)
        for field, value in message.ListFields():
            if field.message_type is not None:
                waiting += list(value) if _is_repeated(value) else [value]
    return found


def _is_repeated(value: Any) -> bool:
    return hasattr(value, "extend")


def change(message: Any, messages: list[Any], random: Random, texts: Sequence[str]) -> None:
    """Change a field of a message.

    Args:
        message: The message.
        messages: All messages of the model, from which others are copied.
        random: What is drawn from.
        texts: What names may become.
    """
    field = random.choice(message.DESCRIPTOR.fields)
    value = getattr(message, field.name)
    if field.message_type is None and not _is_repeated(value):
        if random.randrange(6) == 0:
            message.ClearField(field.name)
        else:
            _set(message, field, random, texts)
    elif _is_repeated(value):
        _change_list(value, field, messages, random, texts)
    elif random.randrange(2):
        message.ClearField(field.name)
    else:
        same = [one for one in messages if one.DESCRIPTOR.name == field.message_type.name]
        if same:
            value.CopyFrom(_copied(random.choice(same)))


def _copied(message: Any) -> Any:
    made = type(message)()
    made.CopyFrom(message)
    return made


def _set(message: Any, field: Any, random: Random, texts: Sequence[str]) -> None:
    """Give a field of one value another one; values that the field cannot hold change nothing."""
    try:
        setattr(message, field.name, _value(field, message, random, texts))
    except (ValueError, TypeError, OverflowError):
        return


def _value(field: Any, message: Any, random: Random, texts: Sequence[str]) -> Any:
    """A value for a field of a message, by the type that it has."""
    kind = field.cpp_type
    if kind == field.CPPTYPE_STRING:
        if field.type == field.TYPE_BYTES:
            return random.choice((b"", b"123", b"\xff" * 64, random.choice(texts).encode()))
        names = [*getattr(message, "input", ()), *getattr(message, "output", ())]
        return random.choice((*texts, *names))
    if kind in {field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE}:
        return random.choice((0.0, -1.0, 0.5, float("nan"), float("inf"), 1e30))
    if kind == field.CPPTYPE_ENUM:
        return random.randrange(24)
    return random.choice((*SIZES, -1, -2, -(2**31), -(2**63), random.randrange(20)))


def _change_list(
    items: Any, field: Any, messages: list[Any], random: Random, texts: Sequence[str]
) -> None:
    """Remove, repeat, swap, add or change items."""
    kind = random.randrange(6)
    if kind == 0 and items:
        del items[random.randrange(len(items))]
    elif kind == 1 and items:
        old = list(items)
        old.insert(random.randrange(len(old) + 1), random.choice(old))
        _fill(items, old)
    elif kind == 2 and len(items) > 1:
        old = list(items)
        random.shuffle(old)
        _fill(items, old)
    elif kind == 3:
        del items[:]
    elif field.message_type is not None:
        same = [one for one in messages if one.DESCRIPTOR.name == field.message_type.name]
        if same:
            items.append(_copied(random.choice(same)))
    elif len(items) < 200:
        others = [name for one in messages for name in getattr(one, "output", ())][:40]
        text = field.cpp_type == field.CPPTYPE_STRING and field.type != field.TYPE_BYTES
        value = (
            random.choice(others)
            if text and others and random.randrange(2)
            else _value(field, None, random, texts)
        )
        _put(items, value, random)


def _fill(items: Any, values: list[Any]) -> None:
    copies = [_copied(one) if hasattr(one, "DESCRIPTOR") else one for one in values]
    del items[:]
    items.extend(copies)


def _put(items: Any, value: Any, random: Random) -> None:
    """Replace or append a plain value; one that does not fit changes nothing."""
    try:
        if items and random.randrange(3):
            items[random.randrange(len(items))] = value
        else:
            items.append(value)
    except (ValueError, TypeError, OverflowError):
        return
