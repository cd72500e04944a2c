"""Files of safetensors: any one's arrays, and a whole LSTM with its configuration.

`files` is the way in and out; `content` knows the bytes.
"""

from bnns_lstm.formats.safetensors.files import SafetensorsFile, load_lstm, save_lstm
from bnns_lstm.formats.safetensors.stack import load_stack, save_stack

__all__ = ["SafetensorsFile", "load_lstm", "load_stack", "save_lstm", "save_stack"]
