"""The names of `bnns_lstm.demo.scaling` at their earlier place."""

from bnns_lstm.demo.scaling import Scaling

__all__ = ["Scaling"]
