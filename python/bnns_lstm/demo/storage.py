"""Trained models in files: saving one, and loading one that nobody vouches for.

The format is safetensors, written and read by `formats.safetensors` and not by the package of that name: a
trained model can be saved with NumPy alone, and what is no model is refused with a reason.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bnns_lstm._show import shown
from bnns_lstm.demo import UserError
from bnns_lstm.demo.model import Model
from bnns_lstm.demo.scaling import Scaling
from bnns_lstm.demo.weights import shapes
from bnns_lstm.formats.files import beside, is_replaceable, replace_with
from bnns_lstm.formats.safetensors.content import RefusedError, arrays_of, encode, parse
from bnns_lstm.typing import Floats

__all__ = ["load", "require_place", "save"]

FORMAT = "bnns-lstm forecast 1"
LARGEST_FILE = 1 << 24
LARGEST_HEADER = 1 << 16
# No prediction of a model within this bound overflows.
LARGEST_NUMBER = 1e6
LARGEST_YEAR = 10**6


def require_place(path: Path) -> None:
    """Check that a file can be written, before anything is computed for it.

    Raises:
        OSError: If it cannot.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if is_replaceable(path):
        temporary = beside(path)
        try:
            temporary.touch()
            temporary.unlink()
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None


def save(path: Path, model: Model) -> None:
    """Write a model. What was there before stays until the new file is complete.

    Raises:
        OSError: If it cannot be written.
    """
    scaling = np.array([model.scaling.divisor, model.scaling.offset], np.float32)
    metadata = {"format": FORMAT, "test_from": str(model.test_from)}
    content = encode({**model.arrays, "scaling": scaling}, metadata)
    replace_with(path, content)


def load(path: Path) -> Model:
    """Read a model.

    Raises:
        UserError: With the reason, if the file is not a model that `save` wrote.
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    try:
        _check_size(content)
        metadata, header, data = parse(content, LARGEST_HEADER)
        _check_format(metadata.get("format"))
        return _model(arrays_of(header, data), _year(metadata.get("test_from")))
    except RefusedError as error:
        raise UserError(f"{path}: {error}") from None


def _check_size(content: bytes) -> None:
    if len(content) > LARGEST_FILE:
        raise RefusedError(f"expected a file of at most {LARGEST_FILE} bytes, found more")


def _check_format(found: object) -> None:
    if found != FORMAT:
        raise RefusedError(
            f"expected a model of `bnns-lstm train` (metadata format {FORMAT!r}), found {shown(found)}"
        )


def _model(arrays: Mapping[str, Floats], test_from: int) -> Model:
    """A model of arrays whose names, shapes and numbers may be any."""
    hidden = arrays["head_weight"].size if "head_weight" in arrays else 1
    expected = {**shapes(hidden), "scaling": (2,)}
    for name in sorted({*arrays, *expected}):
        if name not in arrays:
            raise RefusedError(f"expected an array {name!r}, found none")
        if name not in expected:
            raise RefusedError(f"expected no array {shown(name)}")
        array, shape = arrays[name], expected[name]
        if array.shape != shape:
            raise RefusedError(f"{name!r}: expected shape {list(shape)}, found {list(array.shape)}")
        # Written so that NaN is refused, too.
        if not (np.abs(array) <= LARGEST_NUMBER).all():
            raise RefusedError(f"{name!r}: expected numbers within {LARGEST_NUMBER:.0f}")
    divisor, offset = arrays["scaling"].tolist()
    if divisor <= 0:
        raise RefusedError(f"'scaling': expected a divisor above 0, found {divisor}")
    # In the order of the list, whatever the file's.
    weights = {name: arrays[name] for name in shapes(hidden)}
    return Model(weights, Scaling(divisor, offset), test_from)


def _year(text: object) -> int:
    """The first year that the model was not trained on."""
    digits = text.removeprefix("-") if isinstance(text, str) else ""
    if digits.isascii() and digits.isdigit() and len(digits) <= len(str(LARGEST_YEAR)):
        year = int(str(text))
        if abs(year) <= LARGEST_YEAR:
            return year
    raise RefusedError(f"test_from: expected a year, found {shown(text)}")
