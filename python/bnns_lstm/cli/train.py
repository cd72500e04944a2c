"""The names of `bnns_lstm.demo.train` at their earlier place."""

from bnns_lstm.demo.train import DEFAULT_EPOCHS, Record, Training

__all__ = ["DEFAULT_EPOCHS", "Record", "Training"]
