"""The names of `bnns_lstm.demo.window` at their earlier place."""

from bnns_lstm.demo.window import Windows

__all__ = ["Windows"]
