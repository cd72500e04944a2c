"""The functions of BNNS on structures of NumPy arrays.

In: structures from :mod:`bnns_lstm.descriptors`. Out: results in their arrays. All work happens in the
native module; the signatures and their explanations stand here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bnns_lstm import _native
from bnns_lstm.descriptors import FilterParameters, LayerParametersLSTM

__all__ = [
    "compute_lstm_training_cache_capacity",
    "direct_apply_lstm_batch_backward",
    "direct_apply_lstm_batch_training_caching",
    "dropout_mask",
    "prepare",
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


def compute_lstm_training_cache_capacity(
    params: LayerParametersLSTM, filter_params: FilterParameters | None = None
) -> int:
    """Bytes of the training cache, `BNNSComputeLSTMTrainingCacheCapacity`.

    The formula and a table stand in docs/training.md.

    Args:
        params: The layer and its arrays, as for the forward call.
        filter_params: As for the forward call.

    Raises:
        DescriptorError: With every problem of the structure, in reading order.
    """
    return _native.compute_lstm_training_cache_capacity(params, filter_params)


def direct_apply_lstm_batch_training_caching(
    params: LayerParametersLSTM,
    filter_params: FilterParameters | None = None,
    cache: npt.NDArray[np.uint8] | None = None,
) -> None:
    """Compute the layer: read the input and the gates, write the outputs.

    `BNNSDirectApplyLSTMBatchTrainingCaching`. Arrays are borrowed for the length of the call, and the
    interpreter lock is released. Dropout acts where a cache is given and nowhere else, so do not give one
    for inference with a layer that has dropout.

    Args:
        params: The layer and its arrays; `output_descriptor`'s arrays are written.
        filter_params: Threads, and the seed of dropout.
        cache: Filled with what :func:`direct_apply_lstm_batch_backward` needs: bytes `[n]` at any address,
            where n is at least :func:`compute_lstm_training_cache_capacity`. None: inference.

    Raises:
        DescriptorError: With every problem of the structure; nothing was written.
        CacheError: The cache is too small; nothing was written.
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
    _native.direct_apply_lstm_batch_training_caching(params, filter_params, cache)


def direct_apply_lstm_batch_backward(
    params: LayerParametersLSTM,
    delta_params: LayerParametersLSTM,
    filter_params: FilterParameters | None = None,
    cache: npt.NDArray[np.uint8] | None = None,
) -> None:
    """Compute gradients, `BNNSDirectApplyLSTMBatchBackward`.

    Every gradient is optional. Those with respect to inputs of inactive samples are 0. Results are the
    same to the last bit with and without a cache, and for any number of threads; where a library computes
    the matrix products, but for rounding (docs/using.md).

    Args:
        params: The layer and its arrays, as in the forward call. Outputs are not needed; initial states
            must still hold what the forward call read.
        delta_params: A structure of the same sizes. Its `output_descriptor` holds the gradients with
            respect to the outputs (None: zeros; at least one is needed). Its `input_descriptor` and its
            gates receive the gradients with respect to the input, the initial states and the weights
            (None: not wanted), which overwrite what is there, or are added to it if the descriptor's
            `flags` are `NDArrayFlags.BACKPROP_ACCUMULATE`.
        filter_params: As in the forward call.
        cache: What the forward call filled. None: the forward pass is computed again, with dropout.

    Raises:
        DescriptorError: With every problem of both structures, their paths beginning with `params` or
            `delta_params`; nothing was written.
        CacheError: The cache was not filled, or not by this layer, or the weights were changed since;
            nothing was written.
        ComputeError: Out of memory, or threads that do not start; nothing was written.

    Example:
        The gradient of the last output of the accumulator with respect to its inputs:

        >>> import bnns_lstm as bl, numpy as np
        >>> def gate(weight, bias):
        ...     number = lambda value: np.full((1, 1), value, np.float32)
        ...     return bl.LSTMGateDescriptor(
        ...         iw_desc=number(weight), hw_desc=number(0), b_desc=number(bias)[0],
        ...         activation=bl.Activation.identity())
        >>> x, dx = np.ones((3, 1, 1), np.float32), np.empty((3, 1, 1), np.float32)
        >>> dy = np.float32([0, 0, 1]).reshape(3, 1, 1)
        >>> params = bl.LayerParametersLSTM(
        ...     1, 1, 1, 1, 3, input_descriptor=bl.LSTMDataDescriptor(x),
        ...     input_gate=gate(0, 1), forget_gate=gate(0, 1), candidate_gate=gate(2, 0),
        ...     output_gate=gate(0, 1), hidden_activation=bl.Activation.identity())
        >>> delta_params = bl.LayerParametersLSTM(
        ...     1, 1, 1, 1, 3, input_descriptor=bl.LSTMDataDescriptor(dx),
        ...     output_descriptor=bl.LSTMDataDescriptor(dy))
        >>> bl.direct_apply_lstm_batch_backward(params, delta_params)
        >>> dx.ravel()
        array([2., 2., 2.], dtype=float32)
    """
    _native.direct_apply_lstm_batch_backward(params, delta_params, filter_params, cache)


def dropout_mask(
    params: LayerParametersLSTM, filter_params: FilterParameters | None = None
) -> npt.NDArray[np.float32]:
    """The factors by which training multiplies what each layer but the last passes up.

    A factor is 0, or 1 / (1 - dropout). It depends on the seed, the layer, the step, the sample and the
    unit, and on nothing else: bits come from Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random
    numbers: as easy as 1, 2, 3", SC'11).

    Args:
        params: The layer and its arrays, as for the forward call.
        filter_params: The seed.

    Returns:
        `[num_layers - 1, seq_len, batch_size, directions * hidden_size]`, all 1 without dropout; where
        the layer has a projection, hidden_size is projection_size.

    Raises:
        DescriptorError: With every problem of the structure.
    """
    return _native.dropout_mask(params, filter_params)


def prepare(
    params: LayerParametersLSTM,
    filter_params: FilterParameters | None = None,
    weights: _native.PackedWeights | None = None,
) -> _native.PreparedLayer:
    """Check, plan and pack a layer once, to compute it many times.

    `layer.forward()` computes it from whatever its arrays hold then: refill the input, or carry states in
    place. The arrays that `params` names now are kept and used, whatever is done to `params` later; results
    are those of :func:`direct_apply_lstm_batch_training_caching` to the last bit. Weights were copied:
    after changing them in place call `layer.update_weights()`, without it the old ones are used.
    `layer.explain()` tells what was decided. Calls from several threads take turns.

    Args:
        params: The layer and its arrays.
        filter_params: Threads.
        weights: `layer.weights` of the same layer, prepared for another batch or length: one packed copy
            serves both, and those of `params` are checked but not packed. `update_weights()` of any layer
            packs them anew for all. None: packed here.

    Raises:
        DescriptorError: With every problem of the structure, in reading order. `forward` raises it for an
            array that another call is using at that moment.
        ComputeError: Out of memory, or weights of another layer.

    Example:
        A running sum, one value at a time:

        >>> import bnns_lstm as bl, numpy as np
        >>> def gate(weight, bias):
        ...     number = lambda value: np.full((1, 1), value, np.float32)
        ...     return bl.LSTMGateDescriptor(
        ...         iw_desc=number(weight), hw_desc=number(0), b_desc=number(bias)[0],
        ...         activation=bl.Activation.identity())
        >>> x, h, c = (np.zeros((1, 1, 1), np.float32) for _ in range(3))
        >>> layer = bl.prepare(bl.LayerParametersLSTM(
        ...     1, 1, 1, 1, 1,
        ...     input_descriptor=bl.LSTMDataDescriptor(x, h, c),
        ...     output_descriptor=bl.LSTMDataDescriptor(None, h, c),
        ...     input_gate=gate(0, 1), forget_gate=gate(0, 1), candidate_gate=gate(1, 0),
        ...     output_gate=gate(0, 1), hidden_activation=bl.Activation.identity()))
        >>> for x[:] in (1, 2, 3):
        ...     layer.forward()
        >>> h.item()
        6.0
    """
    return _native.prepare(params, filter_params, weights)
