"""Calls that have nothing to do: no step, no sample, or no sample with a step.

In: arrays of such a call, or of its gradients. Out: the same, filled with what it gives. Nothing is computed:
the structure level takes a size of 0 as one that was left out.
"""

from __future__ import annotations

import numpy as np

from bnns_lstm.config import LSTMConfig
from bnns_lstm.descriptors import LSTMDataDescriptor
from bnns_lstm.module.inputs import Batch
from bnns_lstm.module.samples import Floats
from bnns_lstm.module.structure import CallArrays, GradientArrays

__all__ = ["idle_arrays", "idle_cells", "idle_gradients", "stand_still"]


def stand_still(arrays: CallArrays) -> None:
    """Take the initial states for the final ones; outputs stay 0."""
    np.copyto(arrays.hn, arrays.h0)
    np.copyto(arrays.cn, arrays.c0)


def idle_arrays(config: LSTMConfig, batch: Batch) -> CallArrays:
    """What a call gives."""
    arrays = CallArrays(config, batch.steps, batch.rows)
    arrays.fill(batch)
    stand_still(arrays)
    return arrays


def idle_cells(config: LSTMConfig, batch: Batch) -> Floats:
    """Cell states of the last layer at every step, `[steps, rows, directions * units]`."""
    return np.zeros((batch.steps, batch.rows, config.directions * config.units), np.float32)


def idle_gradients(arrays: GradientArrays, incoming: LSTMDataDescriptor) -> None:
    """Take the gradients of the final states for those of the initial ones; that of the input stays 0."""
    for array, given in ((arrays.h, incoming.hidden_desc), (arrays.c, incoming.cell_state_desc)):
        if isinstance(given, np.ndarray):
            np.copyto(array, given)
