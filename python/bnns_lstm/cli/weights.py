"""The names of `bnns_lstm.demo.weights` at their earlier place."""

from bnns_lstm.demo.weights import initial, parameters, shapes, take, views

__all__ = ["initial", "parameters", "shapes", "take", "views"]
