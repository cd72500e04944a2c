"""PyTorch's weights, read and written.

`reader` is the way in and out; `names` knows what names and shapes say.
"""

from bnns_lstm.formats.torch.reader import read_torch, write_state_dict

__all__ = ["read_torch", "write_state_dict"]
