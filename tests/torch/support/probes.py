"""What tests of parameters ask of a module: an output, and where its parameters lie."""

from __future__ import annotations

import bnns_lstm.torch
import torch
from torch import nn

X = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(1))


def output(lstm: nn.Module) -> torch.Tensor:
    """The output for `X`, without gradients."""
    with torch.no_grad():
        y: torch.Tensor = lstm(X)[0]
    return y


def is_at_home(lstm: bnns_lstm.torch.LSTM) -> bool:
    """Whether parameters lie in one memory."""
    return lstm._home.has([getattr(lstm, name) for name in lstm._shapes])
