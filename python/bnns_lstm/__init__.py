"""Apple's BNNS LSTM layer on any CPU.

Describe a layer with :class:`LayerParametersLSTM` and NumPy arrays, then compute it with
:func:`direct_apply_lstm_batch_training_caching`. A mistake raises :class:`DescriptorError`, which names
every wrong field before anything is computed.
"""

from __future__ import annotations

from bnns_lstm import _native
from bnns_lstm._native import __version__
from bnns_lstm.activation import Activation
from bnns_lstm.descriptors import (
    FilterParameters,
    LayerParametersLSTM,
    LSTMDataDescriptor,
    LSTMGateDescriptor,
    NDArrayDescriptor,
)
from bnns_lstm.enums import ActivationFunction, DataLayout, DataType, LayerFlags, NDArrayFlags
from bnns_lstm.errors import (
    BNNSLSTMError,
    ComputeError,
    ConfigurationError,
    DescriptorError,
    ErrorCode,
    Issue,
)

__all__ = [
    "Activation",
    "ActivationFunction",
    "BNNSLSTMError",
    "ComputeError",
    "ConfigurationError",
    "DataLayout",
    "DataType",
    "DescriptorError",
    "ErrorCode",
    "FilterParameters",
    "Issue",
    "LSTMDataDescriptor",
    "LSTMGateDescriptor",
    "LayerFlags",
    "LayerParametersLSTM",
    "NDArrayDescriptor",
    "NDArrayFlags",
    "__version__",
    "direct_apply_lstm_batch_training_caching",
    "error_codes",
    "info",
    "validate",
]


def validate(params: LayerParametersLSTM, filter_params: FilterParameters | None = None) -> None:
    """Check a structure without computing anything.

    Args:
        params: The layer and its arrays.
        filter_params: How it is to be run, if that is to be checked too.

    Raises:
        DescriptorError: With every problem of the structure, in reading order.

    Example:
        >>> import bnns_lstm as bl
        >>> params = bl.LayerParametersLSTM(3, 4, 1, 1, 10, dropout=2.0)
        >>> try:
        ...     bl.validate(params)
        ... except bl.DescriptorError as error:
        ...     print(error.issues[0].message)
        dropout: expected a ratio in [0, 1), found 2 [invalid_dropout]
    """
    _native.validate(params, filter_params)


def direct_apply_lstm_batch_training_caching(
    params: LayerParametersLSTM, filter_params: FilterParameters | None = None
) -> None:
    """Compute the layer: read the input and the gates, write the outputs.

    `BNNSDirectApplyLSTMBatchTrainingCaching` without a cache. Arrays are borrowed for the length of the
    call, and the interpreter lock is released. Dropout has no effect without training.

    Args:
        params: The layer and its arrays; `output_descriptor`'s arrays are written.
        filter_params: Threads.

    Raises:
        DescriptorError: With every problem of the structure; nothing was written.
        ComputeError: Out of memory, or threads that do not start; nothing was written.

    Example:
        A layer of one unit with linear gates that adds up its inputs:

        >>> import bnns_lstm as bl, numpy as np
        >>> def gate(weight, bias):
        ...     number = lambda value: np.full((1, 1), value, np.float32)
        ...     return bl.LSTMGateDescriptor(
        ...         iw_desc=number(weight), hw_desc=number(0), b_desc=number(bias)[0],
        ...         activation=bl.Activation.identity())
        >>> x, y = np.float32([1, 2, 3]).reshape(3, 1, 1), np.empty((3, 1, 1), np.float32)
        >>> params = bl.LayerParametersLSTM(
        ...     1, 1, 1, 1, 3,
        ...     input_descriptor=bl.LSTMDataDescriptor(x), output_descriptor=bl.LSTMDataDescriptor(y),
        ...     input_gate=gate(0, 1), forget_gate=gate(0, 1), candidate_gate=gate(1, 0),
        ...     output_gate=gate(0, 1), hidden_activation=bl.Activation.identity())
        >>> bl.direct_apply_lstm_batch_training_caching(params)
        >>> y.ravel()
        array([1., 3., 6.], dtype=float32)
    """
    _native.direct_apply_lstm_batch_training_caching(params, filter_params)


def info() -> dict[str, object]:
    """What computes: version, SIMD level in use and levels of this machine, threads, versions.

    Raises:
        ConfigurationError: If `BNNSLSTM_LEVEL` names a level that this machine does not have.

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
