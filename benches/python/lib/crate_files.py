"""The files through which the programs of `benches/crates` get a row.

In: a folder, a row and its arrays. Out: files of the row's name, which `benches/crates/protocol/src/row.rs`
reads: weights as this package saves them, the same as an ONNX model, and what a call reads. All are written by
this package's own writers.
"""

from __future__ import annotations

from pathlib import Path

import bnns_lstm as bl
import numpy as np
from bnns_lstm.formats.safetensors.content import encode
from cases import Arrays
from engines.module import state_dict
from rows import Row


def write_files(folder: Path, row: Row, arrays: Arrays) -> None:
    """Write `ROW.weights.safetensors`, `ROW.onnx` and `ROW.call.safetensors`."""
    lstm = bl.LSTM.from_torch(state_dict(arrays))
    lstm.save(folder / f"{row.name}.weights.safetensors")
    lstm.to_onnx(folder / f"{row.name}.onnx", lengths=bool(row.shortest))
    call = {"x": arrays.x, "dy": arrays.dy, "lengths": np.array(arrays.lengths, np.float32)}
    (folder / f"{row.name}.call.safetensors").write_bytes(encode(call, {}))
