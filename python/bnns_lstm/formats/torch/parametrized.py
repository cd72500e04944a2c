"""Weights that PyTorch stores as what it computes them from: weight norm, spectral norm, pruning.

In: entries under a prefix. Out: the same with the weights themselves in place of their parts, computed in
double precision. It does not know whether an LSTM or a cell has the weights.

PyTorch has two ways to parametrise. The older one, hooks before `forward`, stores `weight_hh_l0_g` and
`weight_hh_l0_v`; the module's attribute `weight_hh_l0` may then be older than its parts, and is never read. The
newer one stores `parametrizations.weight_hh_l0.original0` and computes the attribute when it is read:
of a module the attribute is taken, but for spectral norm, which in training changes its vectors at every look.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._look import attempt, reason
from bnns_lstm._show import listed
from bnns_lstm.errors import WeightsError, WeightsIssue
from bnns_lstm.formats.convert import as_array, fail, to_float32
from bnns_lstm.formats.stored import Floats
from bnns_lstm.formats.torch.modules import module_at
from bnns_lstm.formats.torch.source import Entry, Shape, Source, all_of

__all__ = ["folded"]

BASE = r"(?:weight|bias)_[a-z]{2}(?:_l[0-9]+(?:_reverse)?)?"
OLD = re.compile(rf"({BASE})_(g|v|u|orig|mask)")
NEW = re.compile(rf"parametrizations\.({BASE})\.(.+)", re.DOTALL)

Doubles = npt.NDArray[np.float64]


class Way(NamedTuple):
    """How a weight is made of its parts.

    Attributes:
        parts: The endings of the parts' names; the weight has the shape of the first.
        fits: Whether the parts' shapes fit together.
        made: The weight of its parts.
        expected: What errors say of the shapes.
    """

    parts: tuple[str, ...]
    fits: Callable[..., bool]
    made: Callable[..., Doubles]
    expected: str


def folded(source: Source, prefix: str) -> Source:
    """The same entries with weights in place of the parts that are stored of them.

    Raises:
        WeightsError: If parts are missing or do not fit together, or what they are of is not known.
    """
    parts: dict[str, dict[str, str]] = {}
    for name in source.under(prefix):
        match = OLD.fullmatch(name) or NEW.fullmatch(name)
        if match is not None:
            parts.setdefault(match[1], {})[match[2]] = prefix + name
    if not parts:
        return source
    made = all_of(parts, lambda base: _entry(source, prefix, base, parts[base]))
    gone = {name for names in parts.values() for name in names.values()}
    return source.with_instead(gone, {prefix + base: entry for base, entry in made.items()})


def _entry(source: Source, prefix: str, base: str, parts: Mapping[str, str]) -> Entry:
    """One weight of its parts, whose full names stand under their endings."""
    name = prefix + base
    if name in source.names:
        expected = f"{name} or what it is computed from, not both"
        raise fail(name, expected, f"also {listed(parts.values())}", codes.AMBIGUOUS_CHOICE)
    is_new = not parts.keys() <= {"g", "v", "u", "orig", "mask"}
    ways = NEW_WAYS if is_new else OLD_WAYS
    way = next((way for way in ways if parts.keys() == set(way.parts)), None)
    if is_new and source.module is not None and way is not NEW_SPECTRAL:
        return _attribute(source.module, prefix, base)
    if way is None:
        raise _unknown(prefix, base, parts, is_new=is_new)
    names = [parts[ending] for ending in way.parts]
    shapes = all_of(names, source.shape)
    if not way.fits(*shapes.values()):
        found = ", ".join(f"{part} {list(shape)}" for part, shape in shapes.items())
        raise fail(
            name, f"{way.expected}; {_removal(base, is_new=is_new)}", found, codes.SIZE_MISMATCH
        )
    return Entry(shapes[names[0]], partial(_computed, source, name, names, way))


def _computed(source: Source, name: str, names: Iterable[str], way: Way) -> Floats:
    """A weight as float32 of parts that fit together."""
    arrays = all_of(names, source.read)
    with np.errstate(all="ignore"):  # infinities and NaN stay what they are, as in PyTorch
        return to_float32(name, way.made(*(a.astype(np.float64) for a in arrays.values())))


def _attribute(module: object, prefix: str, base: str) -> Entry:
    """A weight as the module computes it when it is read."""
    owner = module_at(module, prefix)
    given = attempt(lambda: getattr(owner, base))
    if isinstance(given, Exception):
        raise fail(prefix + base, "a weight that can be read", reason(given), codes.WRONG_TYPE)
    array = as_array(prefix + base, given)
    return Entry(array.shape, lambda: to_float32(prefix + base, array))


def _removal(base: str, *, is_new: bool) -> str:
    """How PyTorch itself replaces the parts by the weight."""
    if is_new:
        return f'`torch.nn.utils.parametrize.remove_parametrizations(module, "{base}")` stores the weight'
    norms = ("weight_norm", "spectral_norm")
    calls = " or ".join(f'`torch.nn.utils.remove_{norm}(module, "{base}")`' for norm in norms)
    return f'{calls} or `torch.nn.utils.prune.remove(module, "{base}")` stores the weight'


def _unknown(prefix: str, base: str, parts: Mapping[str, str], *, is_new: bool) -> WeightsError:
    """An error of parts that make up no weight that is known here."""
    ways = NEW_WAYS if is_new else OLD_WAYS
    begun = [way for way in ways if parts.keys() < set(way.parts)]
    if begun:
        missing = [part for part in begun[0].parts if part not in parts]
        some = next(iter(parts.values()))
        start = some.removesuffix(next(iter(parts)))
        return WeightsError(
            tuple(
                WeightsIssue(
                    start + part,
                    f"an array, as there is {some}",
                    "no such entry",
                    codes.MISSING_ENTRY,
                )
                for part in missing
            )
        )
    known = "a weight, or the parts of weight_norm, spectral_norm or pruning"
    expected = f"{known}; {_removal(base, is_new=is_new)}"
    return fail(prefix + base, expected, f"only {listed(parts.values())}", codes.UNSUPPORTED_HERE)


def _fits_norm(direction: Shape, length: Shape) -> bool:
    """A length for each slice along one axis, or one for all."""
    if length == ():
        return True
    if len(length) != len(direction):
        return False
    kept = [axis for axis, size in enumerate(length) if size == direction[axis] and size > 1]
    others = [size for axis, size in enumerate(length) if axis not in kept[:1]]
    return all(size == 1 for size in others) and (bool(kept) or 1 in direction)


def _norm(direction: Doubles, length: Doubles) -> Doubles:
    """Weight norm: g v / |v|, by slices along the axis in which the length is not 1."""
    axes = tuple(
        axis for axis in range(direction.ndim) if length.ndim == 0 or length.shape[axis] == 1
    )
    found: Doubles = length * (direction / np.sqrt(np.sum(direction**2, axis=axes, keepdims=True)))
    return found


def _fits_spectral(weight: Shape, left: Shape, right: Shape) -> bool:
    """Vectors of both axes. Those of a square matrix do not tell which is which."""
    return len(weight) == 2 and weight[0] != weight[1] and {left + right, right + left} >= {weight}


def _spectral(weight: Doubles, left: Doubles, right: Doubles) -> Doubles:
    """Spectral norm as in `eval()`: w / (u w v), with the vectors that are stored."""
    if left.shape[0] == weight.shape[0]:
        return weight / (left @ weight @ right)
    return weight / (right @ weight @ left)


def _fits_mask(weight: Shape, mask: Shape) -> bool:
    return weight == mask


def _masked(weight: Doubles, mask: Doubles) -> Doubles:
    """Pruning: the values that are left, and zeros."""
    return weight * mask


NORM = "a vector for each row, one for each column, or one length for all"
VECTORS = "a matrix that is not square, and a vector for each of its axes"
OLD_WAYS = (
    Way(("v", "g"), _fits_norm, _norm, NORM),
    Way(("orig", "u", "v"), _fits_spectral, _spectral, VECTORS),
    Way(("orig", "mask"), _fits_mask, _masked, "a mask of the weight's shape"),
)
NEW_SPECTRAL = Way(("original", "0._u", "0._v"), _fits_spectral, _spectral, VECTORS)
NEW_WAYS = (Way(("original1", "original0"), _fits_norm, _norm, NORM), NEW_SPECTRAL)
