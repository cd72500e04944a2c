"""The names of `bnns_lstm.demo.adam` at their earlier place."""

from bnns_lstm.demo.adam import Adam

__all__ = ["Adam"]
