"""`bnns_lstm.LSTM`: a stack of LSTM layers with weights of its own, as users of PyTorch know it.

In: sizes, arrays. Out: outputs, states, gradients. Everything is computed by the structure level below it.
"""

from __future__ import annotations

from bnns_lstm.config import LSTMConfig
from bnns_lstm.module.lstm import LSTM
from bnns_lstm.module.results import Gradients, LSTMState, Tape
from bnns_lstm.module.stream import Stream

__all__ = ["LSTM", "Gradients", "LSTMConfig", "LSTMState", "Stream", "Tape"]
