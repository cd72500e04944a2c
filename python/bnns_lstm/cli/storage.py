"""The names of `bnns_lstm.demo.storage` at their earlier place."""

from bnns_lstm.demo.storage import load, require_place, save

__all__ = ["load", "require_place", "save"]
