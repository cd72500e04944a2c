"""PyTorch's weights, read and written.

`reader` is the way in and out. Where entries come from is known to `modules` and `checkpoint`; what
stands in them to `parametrized`, `duplicates`, `cells` and `names`; what stands elsewhere to `prefixes`.
"""

from bnns_lstm.formats.torch.reader import read_torch, write_state_dict

__all__ = ["read_torch", "write_state_dict"]
