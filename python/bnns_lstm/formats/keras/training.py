"""What an LSTM layer of Keras does in training alone.

In: a layer's class and configuration. Out: what of it cannot be honoured where it is called as in training.
Whether it is called so is known to `graph`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bnns_lstm import codes
from bnns_lstm._show import shown
from bnns_lstm.errors import WeightsIssue
from bnns_lstm.formats.keras.wrappers import cells_of, fields_of, inner_of, lstm_in

__all__ = ["training_issues"]


def training_issues(path: str, layer: Mapping[str, Any]) -> Iterator[WeightsIssue]:
    """What an LSTM layer does in training alone, for one that is called so at inference.

    Args:
        path: What errors call the layer.
        layer: Its class and configuration.
    """
    wrapped = lstm_in(layer)
    if wrapped is None:
        return
    both = [wrapped.layer, inner_of(wrapped.pair or {}, "backward_layer")]
    for one in [cell for way in both for cell in (way, *cells_of(way))]:
        for name in ("dropout", "recurrent_dropout"):
            value = fields_of(one).get(name)
            if value:
                expected = "0 where the layer is called with training=True (its arrays can be read)"
                yield WeightsIssue(
                    f"{path}: {name}", expected, shown(value), codes.UNSUPPORTED_HERE
                )
                return
