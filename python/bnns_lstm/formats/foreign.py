"""What a file is that a reader does not take: its kind, and what to do with it.

In: a path, and the kind that the reader takes. Out: some words, or nothing. Of a zip archive the names alone
are read, of other files the first bytes; nothing in them is trusted.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from pathlib import Path

from bnns_lstm._look import attempt

__all__ = ["COREML", "KERAS", "ONNX", "SAFETENSORS", "kind_of"]

LOAD = (
    '`read_torch` takes the state dict that `torch.load(path, weights_only=True, map_location="cpu")` '
    "returns, or a safetensors file of it"
)
CHECKPOINT = f"a PyTorch checkpoint, whose loading could run code: {LOAD}"
SCRIPT = (
    "a TorchScript archive, which holds code: `read_torch` takes what "
    '`torch.jit.load(path, map_location="cpu").state_dict()` returns'
)
ARCHIVE = b"PK\x03\x04"
BEGINNINGS = {
    b"\x80": f"a pickle, whose loading could run code: {LOAD}",
    b"\x93NUMPY": "an array of NumPy: `read_torch` takes a mapping of names to arrays",
}
HDF5 = b"\x89HDF"
# How the names of checkpoints end.
ENDINGS = {".pt", ".pth", ".ckpt", ".pkl", ".pickle"}
COREML, KERAS, ONNX, SAFETENSORS = "coreml", "keras", "onnx", "safetensors"

# Files that do not begin with anything in particular, by their ending: their kind, and what takes it.
OTHERS = {
    ".mlmodel": (COREML, "`read_coreml` takes models of Core ML"),
    ".onnx": (ONNX, "`read_onnx` takes models of ONNX"),
}


def kind_of(path: Path, own: str) -> str | None:
    """What a file is, with the reader that takes it, if it is known to be of another kind.

    Args:
        path: The file.
        own: The kind that the reader takes, of which nothing is said: :data:`COREML`, :data:`KERAS`,
            :data:`ONNX` or :data:`SAFETENSORS`.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb") as opened:
        begin = opened.read(9)
    # A safetensors file may begin with any eight bytes, but then its header follows.
    if begin[8:] == b"{":
        found = "a safetensors file: `load_lstm` takes one of this package, `read_torch` any other"
        return None if own == SAFETENSORS else found
    if begin.startswith(HDF5):
        return None if own == KERAS else "an HDF5 file: `read_keras` takes those of Keras"
    if begin.startswith(ARCHIVE):
        return _archive(path, own)
    for magic, kind in BEGINNINGS.items():
        if begin.startswith(magic):
            return kind
    ending = path.suffix.lower()
    if ending in OTHERS and OTHERS[ending][0] != own:
        return f"something else; {OTHERS[ending][1]}"
    return f"something else; of a checkpoint {LOAD}" if ending in ENDINGS else None


def _archive(path: Path, own: str) -> str | None:
    """What a zip archive is, by the names in it."""
    found = attempt(lambda: _names(path))
    names: Collection[str] = () if isinstance(found, Exception) else found
    if "config.json" in names and "model.weights.h5" in names:
        return None if own == KERAS else "a model of Keras: `read_keras` takes it"
    if any(name.endswith(".npy") for name in names):
        return "arrays of NumPy: `read_torch` takes the mapping `dict(numpy.load(path))`"
    if any(name.endswith("/constants.pkl") for name in names):
        return SCRIPT
    is_checkpoint = any(name.endswith("data.pkl") for name in names) or own != KERAS
    return CHECKPOINT if is_checkpoint else None


def _names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()
