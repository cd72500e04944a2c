"""LSTMs on a cluster of Dask's: scoring what is larger than memory, and training on many machines.

In: an LSTM or a stack, and collections of Dask's (:func:`predict`) or batches (:class:`DataParallel`). Out:
lazy arrays of Dask's, or losses and gradients for `bl.optim`. The scheduler, retries and all that is sent
between machines are Dask's. It needs the extra `dask`.

`prediction` makes the graph, `blocks` is what its tasks do. `parallel` is the training, `shards` divides
batches, `replica` is what its tasks do. `machines` compares workers. All is imported when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bnns_lstm._lazy import attribute

if TYPE_CHECKING:
    from bnns_lstm.dask.parallel import DataParallel
    from bnns_lstm.dask.prediction import predict

__all__ = ["DataParallel", "predict"]

PLACES = {"DataParallel": "parallel", "predict": "prediction"}


def __getattr__(name: str) -> Any:
    """One of `__all__`, from the module that it stands in."""
    return attribute(__name__, PLACES, name)


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
