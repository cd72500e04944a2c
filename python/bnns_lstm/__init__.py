"""Apple's BNNS LSTM layer on any CPU.

Describe a layer with :class:`LayerParametersLSTM` and NumPy arrays, then compute it with
:func:`direct_apply_lstm_batch_training_caching` and train it with :func:`direct_apply_lstm_batch_backward`.
A mistake raises :class:`DescriptorError`, which names every wrong field before anything is computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bnns_lstm import _native, codes, module
from bnns_lstm._native import PackedWeights, PreparedLayer, __version__
from bnns_lstm.activation import Activation
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

if TYPE_CHECKING:
    from bnns_lstm.module import Stack

__all__ = [
    "LSTM",
    "Activation",
    "ActivationFunction",
    "ArgumentError",
    "BNNSLSTMError",
    "CacheError",
    "ComputeError",
    "ConfigurationError",
    "DataLayout",
    "DataType",
    "DescriptorError",
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
    "NDArrayDescriptor",
    "NDArrayFlags",
    "PackedWeights",
    "PreparedLayer",
    "Stack",
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
    "prepare",
    "validate",
]


def __getattr__(name: str) -> Any:
    """`Stack`, whose modules are imported when it is asked for."""
    if name != "Stack":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return module.Stack


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
