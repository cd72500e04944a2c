"""The names of :mod:`bnns_lstm.config` under the path of the module."""

from __future__ import annotations

from bnns_lstm.config import FUNCTIONS, LSTMConfig, Peephole, activations_of, count, truth

__all__ = ["FUNCTIONS", "LSTMConfig", "Peephole", "activations_of", "count", "truth"]
