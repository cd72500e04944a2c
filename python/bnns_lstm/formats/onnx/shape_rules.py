"""What operators make of the shapes of their inputs, and of vectors of sizes; None stands for a size not known.

In: a node by way of :class:`Known`, which answers what is known of its inputs. Out: sizes. It knows no graph
and no values but sizes. A rule that cannot say anything raises one of :data:`NOTHING`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, Protocol

__all__ = ["NOTHING", "NUMBERS", "SHAPES", "Known", "Shape", "Size"]

Size = int | None
Shape = tuple[Size, ...]
# What a rule raises where something is not known, or the node is not as its operator has to be.
NOTHING = (ValueError, LookupError, TypeError, ArithmeticError)


class Known(Protocol):
    """A node, and what is known of its inputs.

    Attributes:
        words: Its attributes.
        count: How many inputs it has.
        output: Which of its outputs is asked for.
        outputs: How many it has.
    """

    words: dict[str, Any]
    count: int
    output: int
    outputs: int

    def shape(self, place: int = 0) -> Shape:
        """The shape of an input; a ValueError if not even its rank is known."""

    def sizes(self, place: int) -> Shape:
        """The numbers of an input that is a short vector; a ValueError if not even their count is known."""

    def has(self, place: int) -> bool:
        """Whether there is such an input."""


def _integers(node: Known, place: int, name: str) -> list[int] | None:
    """What is an input in new versions of an operator and was an attribute in old ones."""
    if not node.has(place):
        found = node.words.get(name)
        return None if found is None else list(found)
    sizes = node.sizes(place)
    known = [size for size in sizes if size is not None]
    if len(known) != len(sizes):
        raise ValueError("numbers that are not known")
    return known


def _counted(sizes: Sequence[Size]) -> Shape:
    """Sizes as those of axes, of which none is below 0."""
    return tuple(size if size is not None and size >= 0 else None for size in sizes)


def _of_both(one: Size, other: Size) -> Size:
    """The size of an axis of two values that are broadcast together."""
    if one == 1 or (one is None and other not in {1, None}):
        return other
    return None if one is None and other == 1 else one


def _expand(node: Known) -> Shape:
    one, other = node.shape(), _counted(node.sizes(1))
    rank = max(len(one), len(other))
    sides = ((1,) * (rank - len(side)) + side for side in (one, other))
    return tuple(map(_of_both, *sides))


def _tile(node: Known) -> Shape:
    pairs = zip(node.shape(), _counted(node.sizes(1)), strict=True)
    return tuple(None if size is None or times is None else size * times for size, times in pairs)


def _slice(node: Known) -> Shape:
    shape = list(node.shape())
    axes, steps = _integers(node, 3, "axes"), _integers(node, 4, "steps")
    starts, ends = (
        node.sizes(place) if node.has(place) else tuple(node.words[name])
        for place, name in ((1, "starts"), (2, "ends"))
    )
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        axis, step = (place if axes is None else axes[place]), (steps[place] if steps else 1)
        size = shape[axis]
        shape[axis] = None
        if size is not None and start is not None and end is not None:
            shape[axis] = len(range(*slice(start, end, step).indices(size)))
    return tuple(shape)


def _gather(node: Known) -> Shape:
    shape, axis = node.shape(), node.words.get("axis", 0) % len(node.shape())
    return shape[:axis] + node.shape(1) + shape[axis + 1 :]


def _concat(node: Known) -> Shape:
    shapes = [node.shape(place) for place in range(node.count)]
    axis = node.words.get("axis", 1) % len(shapes[0])
    joined = list(shapes[0])
    for other in shapes[1:]:
        for place, (one, two) in enumerate(zip(joined, other, strict=True)):
            if place != axis:
                joined[place] = two if one is None else one
            else:
                joined[place] = None if one is None or two is None else one + two
    return tuple(joined)


def _unsqueeze(node: Known) -> Shape:
    shape, axes = node.shape(), _integers(node, 1, "axes") or []
    rank = len(shape) + len(axes)
    places, rest = {axis % rank for axis in axes}, iter(shape)
    if len(places) != len(axes):
        raise ValueError("an axis that is named twice")
    return tuple([1 if place in places else next(rest) for place in range(rank)])


def _squeeze(node: Known) -> Shape:
    shape, axes = node.shape(), _integers(node, 1, "axes")
    if axes is None:
        if None in shape:
            raise ValueError("axes that are not known")
        return tuple(size for size in shape if size != 1)
    places = {axis % len(shape) for axis in axes}
    return tuple(size for place, size in enumerate(shape) if place not in places)


def _transpose(node: Known) -> Shape:
    shape = node.shape()
    return tuple(shape[axis] for axis in node.words.get("perm", range(len(shape))[::-1]))


def _reshape(node: Known) -> Shape:
    sizes = node.sizes(1) if node.has(1) else tuple(node.words["shape"])
    try:
        old = node.shape()
    except ValueError:
        old = ()
    new = list(_counted(sizes))
    if not node.words.get("allowzero"):
        for place, size in enumerate(sizes):
            if size == 0:
                new[place] = old[place] if place < len(old) else None
    known = prod(size for size in new if size is not None)
    if new.count(None) == 1 and -1 in sizes and old and None not in old and known:
        new[sizes.index(-1)] = prod(size or 0 for size in old) // known
    return tuple(new)


def _split(node: Known) -> Shape:
    shape, axis = list(node.shape()), node.words.get("axis", 0)
    sizes, size = _integers(node, 1, "split"), shape[axis]
    if sizes is not None:
        shape[axis] = sizes[node.output]
    elif size is not None:
        part = -(-size // node.outputs)
        is_last = node.output == node.outputs - 1
        shape[axis] = size - part * node.output if is_last else part
    return tuple(shape)


def _of_shape(node: Known) -> Shape:
    return node.shape()[slice(node.words.get("start", 0), node.words.get("end"))]


def _picked(node: Known) -> Shape:
    numbers, places = node.sizes(0), _integers(node, 1, "indices") or []
    return tuple(numbers[place] for place in places)


def _joined(node: Known) -> Shape:
    return tuple(size for place in range(node.count) for size in node.sizes(place))


def _part(node: Known) -> Shape:
    found = [_integers(node, place, name) for place, name in ((1, "starts"), (2, "ends"))]
    bounds = [bound for bound in (*found, _integers(node, 4, "steps")) if bound is not None]
    if any(len(bound) != 1 for bound in bounds):
        raise ValueError("bounds of one axis are needed")
    return node.sizes(0)[slice(*(bound[0] for bound in bounds))]


def _each(compute: Callable[[int, int], int]) -> Callable[[Known], Shape]:
    def of_two(node: Known) -> Shape:
        one, other = node.sizes(0), node.sizes(1)
        count = max(len(one), len(other))
        sides = (side * count if len(side) == 1 else side for side in (one, other))
        return tuple(
            None if a is None or b is None else compute(a, b) for a, b in zip(*sides, strict=True)
        )

    return of_two


def _first(node: Known) -> Shape:
    return node.sizes(0)


def _same(node: Known) -> Shape:
    return node.shape()


SHAPES: dict[str, Callable[[Known], Shape]] = {
    "Cast": _same, "Concat": _concat, "ConstantOfShape": lambda node: _counted(node.sizes(0)), "Dropout": _same,
    "Expand": _expand, "Gather": _gather, "Identity": _same, "Relu": _same, "Reshape": _reshape,
    "Shape": lambda node: (len(_of_shape(node)),), "Sigmoid": _same, "Slice": _slice, "Split": _split,
    "Squeeze": _squeeze, "Tanh": _same, "Tile": _tile, "Transpose": _transpose, "Unsqueeze": _unsqueeze,
}  # fmt: skip
"""The shape that an operator's output has."""

NUMBERS: dict[str, Callable[[Known], Shape]] = {
    "Add": _each(lambda a, b: a + b), "Cast": _first, "Concat": _joined, "Gather": _picked,
    "Identity": _first, "Mul": _each(lambda a, b: a * b), "Reshape": _first, "Shape": _of_shape,
    "Slice": _part, "Squeeze": _first, "Sub": _each(lambda a, b: a - b), "Unsqueeze": _first,
}  # fmt: skip
"""The numbers that an operator makes of vectors of sizes."""
