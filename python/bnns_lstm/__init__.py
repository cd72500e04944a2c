"""An LSTM layer for the CPU, complete and fast: as a module, and as the structures of Apple's BNNS.

:class:`LSTM` is a stack of LSTM layers with weights of its own, by PyTorch's names and shapes:

    >>> import bnns_lstm as bl, numpy as np
    >>> lstm = bl.LSTM(3, 16, num_layers=2, seed=0)
    >>> y, state = lstm(np.zeros((7, 2, 3), np.float32), lengths=[7, 4])
    >>> y.shape, state.h.shape
    ((7, 2, 16), (2, 2, 16))

`lstm.forward(x, training=True)` and `lstm.backward(tape, dy)` train it, `lstm.stream()` takes samples one
by one, `LSTM.from_torch`, `from_onnx`, `from_keras` and `load` bring weights, :class:`Stack` puts LSTMs
that differ upon each other. `bl.optim` has optimisers, a linear head, losses and a training loop,
`bnns_lstm.typing` the types for annotations.

Below it, who ports BNNS code describes a layer with :class:`LayerParametersLSTM` and NumPy arrays, computes
it with :func:`direct_apply_lstm_batch_training_caching` (or :func:`prepare`, once for many calls) and
trains it with :func:`direct_apply_lstm_batch_backward`.

A mistake raises :class:`ArgumentError`, :class:`WeightsError` or :class:`DescriptorError`, which name
everything that is wrong before anything is computed. :func:`info` tells what computes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bnns_lstm import _native, codes, module
from bnns_lstm._native import PackedWeights, PreparedLayer, __version__
from bnns_lstm.activation import Activation
from bnns_lstm.config import Merge, Peephole
from bnns_lstm.descriptors import (
    FilterParameters,
    LayerParametersLSTM,
    LSTMDataDescriptor,
    LSTMExtensions,
    LSTMGateDescriptor,
    NDArrayDescriptor,
)
from bnns_lstm.enums import ActivationFunction, DataLayout, DataType, LayerFlags, NDArrayFlags
from bnns_lstm.errors import (
    ArgumentError,
    BNNSLSTMError,
    CacheError,
    ComputeError,
    ConfigurationError,
    DescriptorError,
    ErrorCode,
    ExtraError,
    Issue,
    WeightsError,
    WeightsIssue,
)
from bnns_lstm.functions import (
    compute_lstm_training_cache_capacity,
    direct_apply_lstm_batch_backward,
    direct_apply_lstm_batch_training_caching,
    dropout_mask,
    prepare,
    validate,
)
from bnns_lstm.module import LSTM, Gradients, LSTMConfig, LSTMState, Stream, Tape
from bnns_lstm.variants import Coupled, Direction

if TYPE_CHECKING:
    from bnns_lstm import optim
    from bnns_lstm.module import Stack, StackGradients, StackStream, StackTape

__all__ = [
    "LSTM",
    "Activation",
    "ActivationFunction",
    "ArgumentError",
    "BNNSLSTMError",
    "CacheError",
    "ComputeError",
    "ConfigurationError",
    "Coupled",
    "DataLayout",
    "DataType",
    "DescriptorError",
    "Direction",
    "ErrorCode",
    "ExtraError",
    "FilterParameters",
    "Gradients",
    "Issue",
    "LSTMConfig",
    "LSTMDataDescriptor",
    "LSTMExtensions",
    "LSTMGateDescriptor",
    "LSTMState",
    "LayerFlags",
    "LayerParametersLSTM",
    "Merge",
    "NDArrayDescriptor",
    "NDArrayFlags",
    "PackedWeights",
    "Peephole",
    "PreparedLayer",
    "Stack",
    "StackGradients",
    "StackStream",
    "StackTape",
    "Stream",
    "Tape",
    "WeightsError",
    "WeightsIssue",
    "__version__",
    "codes",
    "compute_lstm_training_cache_capacity",
    "direct_apply_lstm_batch_backward",
    "direct_apply_lstm_batch_training_caching",
    "dropout_mask",
    "error_codes",
    "info",
    "optim",
    "prepare",
    "validate",
]

# Parts of the package that are imported when they are asked for.
LATE = ("optim",)


def __getattr__(name: str) -> Any:
    """`Stack` and what it gives, and parts of the package, which are imported when one of them is asked for."""
    if name in LATE:
        return import_module(f"{__name__}.{name}")
    if name not in module.PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(module, name)


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})


def info() -> dict[str, object]:
    """What computes: version, SIMD level in use and levels of this machine, threads, versions.

    `products` is the route of matrix products: `panels`, `gemm`, or `by rows` where the rows of a product
    decide. `gemm` is the library that computes those of the second route.

    Raises:
        ConfigurationError: If `BNNSLSTM_LEVEL` names a level that this machine does not have, or
            `BNNSLSTM_PRODUCTS` a route that there is not.

    Example:
        >>> import bnns_lstm as bl
        >>> bl.info()["level"] in bl.info()["levels"]
        True
    """
    return _native.info()


def error_codes() -> tuple[ErrorCode, ...]:
    """Every code that an :class:`Issue` can have, with what it means and what to do about it.

    Example:
        >>> import bnns_lstm as bl
        >>> next(code for code in bl.error_codes() if code.code == "invalid_dropout")
        ErrorCode(code='invalid_dropout', explanation='dropout must be a number p with 0 <= p < 1.')
    """
    return tuple(ErrorCode(*entry) for entry in _native.error_codes())
