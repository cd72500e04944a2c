"""LSTMs of other libraries, and files: read into one form, :class:`StoredLSTM`, and written from it."""

from __future__ import annotations

from bnns_lstm.formats.onnx_reader import read_onnx
from bnns_lstm.formats.onnx_writer import write_onnx
from bnns_lstm.formats.safetensors import load_lstm, save_lstm
from bnns_lstm.formats.stored import StoredLSTM
from bnns_lstm.formats.torch import read_torch, write_state_dict

__all__ = [
    "StoredLSTM",
    "load_lstm",
    "read_onnx",
    "read_torch",
    "save_lstm",
    "write_onnx",
    "write_state_dict",
]
