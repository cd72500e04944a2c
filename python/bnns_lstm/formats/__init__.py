"""LSTMs of other libraries, read into one form and written from it.

In: models and files of PyTorch, ONNX, Keras and Core ML, and safetensors of this package. Out:
:class:`StoredLSTM`; or :class:`bnns_lstm.WeightsError`, which names everything that cannot be honoured. Gates
stand in PyTorch's order i, f, g, o; `formats/order.py` is the one place that knows others' orders.

PyTorch is never imported. ONNX needs the extra `onnx`, files of Keras the extra `keras`, Core ML the extra
`coreml`; everything else needs NumPy alone. Each format is imported when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bnns_lstm._lazy import attribute

if TYPE_CHECKING:
    from bnns_lstm.formats.coreml import read_coreml, read_coreml_stack
    from bnns_lstm.formats.keras import read_keras, read_keras_stack, write_keras, write_keras_stack
    from bnns_lstm.formats.onnx import read_onnx, read_onnx_stack, write_onnx, write_onnx_stack
    from bnns_lstm.formats.safetensors import load_lstm, load_stack, save_lstm, save_stack
    from bnns_lstm.formats.stored import StoredLSTM
    from bnns_lstm.formats.torch import read_torch, write_state_dict

__all__ = [
    "StoredLSTM",
    "load_lstm",
    "load_stack",
    "read_coreml",
    "read_coreml_stack",
    "read_keras",
    "read_keras_stack",
    "read_onnx",
    "read_onnx_stack",
    "read_torch",
    "save_lstm",
    "save_stack",
    "write_keras",
    "write_keras_stack",
    "write_onnx",
    "write_onnx_stack",
    "write_state_dict",
]

PLACES = {
    "StoredLSTM": "stored",
    "load_lstm": "safetensors",
    "load_stack": "safetensors",
    "read_coreml": "coreml",
    "read_coreml_stack": "coreml",
    "read_keras": "keras",
    "read_keras_stack": "keras",
    "read_onnx": "onnx",
    "read_onnx_stack": "onnx",
    "read_torch": "torch",
    "save_lstm": "safetensors",
    "save_stack": "safetensors",
    "write_keras": "keras",
    "write_keras_stack": "keras",
    "write_onnx": "onnx",
    "write_onnx_stack": "onnx",
    "write_state_dict": "torch",
}


def __getattr__(name: str) -> Any:
    """One of `__all__`, from the module that it stands in."""
    return attribute(__name__, PLACES, name)


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
