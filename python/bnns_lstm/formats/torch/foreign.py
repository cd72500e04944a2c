"""Files that are no safetensors: what they are, and what to give instead.

In: a path. Out: nothing, or an error. Of a zip archive the names alone are read, of others the first bytes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from bnns_lstm import codes
from bnns_lstm._look import attempt
from bnns_lstm.formats.convert import fail

__all__ = ["refuse_others"]

LOAD = (
    'give the state dict that `torch.load(path, weights_only=True, map_location="cpu")` returns, '
    "or save as safetensors"
)
CHECKPOINT = f"a PyTorch checkpoint, whose loading could run code: {LOAD}"
SCRIPT = (
    "a TorchScript archive, which holds code: give "
    '`torch.jit.load(path, map_location="cpu").state_dict()`'
)
# How files of other kinds begin, and why they are not taken.
BEGINNINGS = {
    b"\x80": f"a pickle, whose loading could run code: {LOAD}",
    b"\x93NUMPY": "an array of NumPy: give a mapping of names to arrays",
    b"\x89HDF": "an HDF5 file: `read_keras` takes those of Keras",
}
# How the names of checkpoints end.
ENDINGS = {".pt", ".pth", ".ckpt", ".pkl", ".pickle"}


def refuse_others(path: Path) -> None:
    """Raise the error of a file that is known to be something else than safetensors.

    Raises:
        WeightsError: With what it is, and what to give instead.
        OSError: If it cannot be read.
    """
    with path.open("rb") as opened:
        begin = opened.read(9)
    # A safetensors file may begin with any eight bytes, but then its header follows.
    if begin[8:] == b"{":
        return
    kind = next((kind for magic, kind in BEGINNINGS.items() if begin.startswith(magic)), None)
    if begin.startswith(b"PK\x03\x04"):
        kind = _archive(path)
    elif kind is None and path.suffix.lower() in ENDINGS:
        kind = f"something else; of a checkpoint {LOAD}"
    if kind is not None:
        raise fail(str(path), "a safetensors file", kind, codes.FOREIGN_FILE)


def _archive(path: Path) -> str:
    """What a zip archive is, by the names in it."""
    names = attempt(lambda: _names(path))
    found: Mapping[str, object] = {} if isinstance(names, Exception) else names
    if "config.json" in found and "model.weights.h5" in found:
        return "a model of Keras: `read_keras` takes it"
    if any(name.endswith(".npy") for name in found):
        return "arrays of NumPy: give the mapping `dict(numpy.load(path))`"
    return SCRIPT if any(name.endswith("/constants.pkl") for name in found) else CHECKPOINT


def _names(path: Path) -> dict[str, object]:
    with zipfile.ZipFile(path) as archive:
        return dict.fromkeys(archive.namelist())
