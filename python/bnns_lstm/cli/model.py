"""The names of `bnns_lstm.demo.model` at their earlier place."""

from bnns_lstm.demo.model import Forecast, Model

__all__ = ["Forecast", "Model"]
