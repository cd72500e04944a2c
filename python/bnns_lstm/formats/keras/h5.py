"""Groups and arrays of an HDF5 file that nobody vouches for. Needs h5py: `pip install bnns-lstm[keras]`.

Nothing outside of the file is read, and no memory is asked for that its bytes do not fill.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._show import named, shown
from bnns_lstm.errors import BNNSLSTMError
from bnns_lstm.formats.convert import FLOATS, fail, to_float32, widen_bfloat16
from bnns_lstm.formats.extras import need
from bnns_lstm.formats.keras.attributes import Attributes
from bnns_lstm.formats.stored import Floats

__all__ = ["Array", "Group", "opened"]

# More than the compression of HDF5 can reach: deflate's limit is 1032.
LARGEST_RATIO = 1100
# What h5py and the reader of attributes raise when a file is not as it should be.
DAMAGED = (
    OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, IndexError, struct.error,
)  # fmt: skip
# Groups in groups; Keras' files have five or six levels, and two more for each model in a model.
DEEPEST = 48


@dataclass(frozen=True)
class _File:
    """What all groups and arrays of a file share."""

    h5py: Any
    size: int
    attributes: Attributes

    def texts(self, item: Any) -> dict[str, list[str]]:
        """The attributes of a group or dataset that are texts."""
        return self.attributes.read(self.h5py.h5o.get_info(item.id).addr)


class Array:
    """A dataset: its shape at once, its values on demand."""

    def __init__(self, path: str, dataset: Any, file: _File) -> None:
        self.path = path
        self.shape: tuple[int, ...] = tuple(dataset.shape or ())
        self._dataset, self._file = dataset, file

    @property
    def stored(self) -> int:
        """The bytes of the file that its values claim."""
        return int(self._dataset.id.get_storage_size())

    @property
    def size_of_file(self) -> int:
        """The bytes of the whole file."""
        return self._file.size

    def read(self) -> Floats:
        """The values as float32, by the rule of :mod:`bnns_lstm.formats.convert`.

        Raises:
            WeightsError: If the values lie elsewhere, are not there, or are no floats.
        """
        dataset, path, size = self._dataset, self.path, self._file.size
        if dataset.external or dataset.is_virtual:
            raise fail(
                path,
                "values in the file itself",
                "a reference to another file",
                codes.UNSUPPORTED_HERE,
            )
        stored = self.stored
        # A chunk may be larger than all values, and is unpacked as a whole.
        claimed = max(prod(self.shape), prod(dataset.chunks or ())) * dataset.dtype.itemsize
        is_packed = dataset.id.get_create_plist().get_nfilters() > 0
        if stored > size or claimed > stored * (LARGEST_RATIO if is_packed else 1):
            raise fail(
                path,
                f"{claimed} bytes of values",
                f"{stored} in a file of {size} bytes",
                codes.DAMAGED_FILE,
            )
        # Keras marks bfloat16, which HDF5 has not.
        is_brain = dataset.dtype.itemsize == 2 and self._file.texts(dataset).get("dtype") == [
            "bfloat16"
        ]
        if dataset.dtype.name not in FLOATS and not is_brain:
            raise fail(
                path,
                "float16, bfloat16, float32 or float64",
                shown(str(dataset.dtype)),
                codes.UNSUPPORTED_DATA_TYPE,
            )
        values: npt.NDArray[Any] = dataset[()]
        if is_brain and dataset.dtype.name not in FLOATS:
            return widen_bfloat16(np.ascontiguousarray(values).view(np.uint16))
        return to_float32(path, values)


class Group:
    """A group: attributes, groups and arrays in it."""

    def __init__(self, path: str, group: Any, file: _File, depth: int = 0) -> None:
        self.path = path
        self._group, self._file, self._depth = group, file, depth
        self._texts = file.texts(group)

    @property
    def address(self) -> int:
        """Where it stands in the file: the same for two links to one group."""
        return int(self._file.h5py.h5o.get_info(self._group.id).addr)

    def names(self) -> list[str]:
        """The names of what is in it."""
        return list(self._group)

    def group(self, name: str) -> Group | None:
        """A group in it, if there is one of this name."""
        found = self._get(name)
        if not isinstance(found, self._file.h5py.Group):
            return None
        if self._depth > DEEPEST:
            raise fail(
                self.path, f"at most {DEEPEST} groups in each other", "more", codes.TOO_LARGE
            )
        return Group(f"{self.path}/{named(name)}", found, self._file, self._depth + 1)

    def array(self, name: str) -> Array | None:
        """An array in it, if there is one of this name."""
        found = self._get(name)
        if not isinstance(found, self._file.h5py.Dataset):
            return None
        return Array(f"{self.path}/{named(name)}", found, self._file)

    def inner(self, path: str) -> Array | None:
        """An array in groups in it; `path` has their names with `/` between."""
        *outer, last = path.split("/")
        group: Group | None = self
        for name in outer:
            group = None if group is None else group.group(name)
        return None if group is None else group.array(last)

    def text(self, name: str) -> str | None:
        """An attribute that is a text."""
        found = self._texts.get(name, [])
        return found[0] if len(found) == 1 else None

    def texts(self, name: str) -> list[str] | None:
        """An attribute that is a list of texts; Keras cuts long ones into `name0`, `name1` and so on."""
        if name in self._texts:
            return self._texts[name]
        parts: list[list[str]] = []
        while f"{name}{len(parts)}" in self._texts:
            parts.append(self._texts[f"{name}{len(parts)}"])
        return [text for part in parts for text in part] if parts else None

    def _get(self, name: str) -> Any:
        """What stands under a name; links to elsewhere count as nothing."""
        if not name or name not in self._group:
            return None
        link = self._group.get(name, getlink=True)
        if not isinstance(link, self._file.h5py.HardLink):
            raise fail(
                f"{self.path}/{named(name)}",
                "values in the file itself",
                "a link",
                codes.UNSUPPORTED_HERE,
            )
        return self._group[name]


@contextmanager
def opened(path: str, file: BinaryIO) -> Iterator[Group]:
    """The uppermost group of an HDF5 file.

    Raises:
        ExtraError: If h5py is not installed.
        WeightsError: If it is no HDF5 file, or a damaged one; also while it is used.
    """
    h5py = need("h5py", "keras")
    size = file.seek(0, 2)
    try:
        with h5py.File(file, "r") as root:
            plan = root.id.get_create_plist()
            if plan.get_userblock() or plan.get_sizes() != (8, 8):
                raise fail(
                    path,
                    "addresses of 8 bytes from the file's beginning",
                    "a file with a user block or addresses of another size",
                    codes.UNSUPPORTED_HERE,
                )
            yield Group(path, root, _File(h5py, size, Attributes(file, size)))
    except BNNSLSTMError:
        raise
    except DAMAGED as error:
        raise fail(
            path, "a whole HDF5 file", f"a damaged one ({error})", codes.DAMAGED_FILE
        ) from None
