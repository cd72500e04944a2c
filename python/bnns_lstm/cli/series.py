"""The names of `bnns_lstm.demo.series` at their earlier place."""

from bnns_lstm.demo.series import Series, embedded_data, embedded_series, read_series

__all__ = ["Series", "embedded_data", "embedded_series", "read_series"]
