"""Keras' LSTM layers to :class:`StoredLSTM`.

In: arrays, or a file and names of layers. Out: one network, or why there is none. Lists of arrays need
nothing, files need h5py: `pip install bnns-lstm[keras]`. What files hold is known to `files`, what layers hold
to `cells`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import Any

from bnns_lstm import codes
from bnns_lstm._look import is_a, sequence
from bnns_lstm.formats.convert import as_array, fail, to_float32
from bnns_lstm.formats.files import is_path, path_of
from bnns_lstm.formats.keras.arrays import check, one_layer
from bnns_lstm.formats.keras.cells import cells_of
from bnns_lstm.formats.keras.choice import choose
from bnns_lstm.formats.keras.config import Config
from bnns_lstm.formats.keras.files import layers_in
from bnns_lstm.formats.separate import separated
from bnns_lstm.formats.stack import FOLDED, stacked
from bnns_lstm.formats.stored import StoredLSTM

__all__ = ["read_keras", "read_keras_stack"]


def read_keras(
    source: str | os.PathLike[str] | Sequence[Any], layer: str | Sequence[str] | None = None
) -> StoredLSTM:
    """Take over an LSTM layer of Keras, or several as a stack.

    A layer is an `LSTM`, an `RNN` of one `LSTMCell` or several (which are layers here), a `Bidirectional` of
    these, or a `TimeDistributed` of any of them. Where the file holds the model, its graph is read: each layer
    of a stack must read the one below, with nothing between but what changes nothing at inference (Dropout,
    noise, Masking, `Activation("linear")`). Files of weights alone say nothing of what stands between layers,
    of merge modes, functions and directions: there nothing can be checked, and that the named layers are
    a stack of the default kind is the caller's to know.

    A layer with `go_backwards=True` is read as one with `direction="reverse"`. Keras gives its outputs in the
    order of reading: with `return_sequences` they are those of the network, flipped in time; without, its
    one output is the network's final hidden state. In a stack of layers it is refused by name. Files of
    weights alone do not say `go_backwards`.

    Args:
        source: The path of a `.keras`, `.weights.h5` or `.h5` file; or the arrays of one layer as
            `get_weights()` returns them: kernel, recurrent kernel and, unless it has none, bias; for
            `Bidirectional` those of the layer forward, then those of the layer backward. Those of an `RNN` of
            several cells may look the same: give them one cell at a time.
        layer: The layer's name in the file; several names, the lowest first, for a stack. Not needed if there
            is one LSTM layer. A layer in a model in the model is `"encoder/lstm"`; its own name alone is
            enough where no other has it.

    Returns:
        The network, with `batch_first`, as Keras has it. Activations, `merge` and `direction` are those of
        the configuration; lists of arrays and files of weights alone have none, and sigmoid, tanh, "concat"
        and "forward" are assumed.

    Raises:
        ExtraError: If h5py is needed and not installed.
        WeightsError: Naming everything that cannot be taken over.
        OSError: If the file cannot be read.

    Example:
        >>> import bnns_lstm as bl
        >>> from bnns_lstm.formats import read_keras
        >>> (arrays,) = bl.LSTM(3, 4, seed=0).to_keras()
        >>> read_keras(arrays).hidden_size
        4
    """
    layers, apart = _read(source, layer, FOLDED)
    names = None if is_a(layer, str) else sequence(layer)
    instead = "a list of the arrays of one cell can be read"
    if names is not None and len(names) > 1:
        instead = f"layer={layers[0][0]!r} reads that layer alone"
    return stacked(layers, apart, reader="bl.Stack.from_keras", instead=instead)


def read_keras_stack(
    source: str | os.PathLike[str] | Sequence[Any], layer: str | Sequence[str] | None = None
) -> list[StoredLSTM]:
    """Take over layers of Keras that may differ, each (of an RNN each cell) as a network of one layer.

    Args:
        source: As for :func:`read_keras`, as `layer`.
        layer: Which layers.

    Returns:
        The networks, the lowest first, each with the `merge` of its layer.

    Raises:
        ExtraError: If h5py is needed and not installed.
        WeightsError: Naming everything that cannot be taken over.
        OSError: If the file cannot be read.

    Example:
        >>> from bnns_lstm.formats import read_keras_stack
        >>> stack = read_keras_stack("model.keras", ["lstm", "lstm_1"])  # doctest: +SKIP
    """
    return separated(*_read(source, layer, {*FOLDED, "mul"}))


def _read(
    source: Any, layer: str | Sequence[str] | None, merges: Collection[str]
) -> tuple[list[tuple[str, StoredLSTM]], set[int]]:
    """The layers that are meant with their names, and the numbers of those whose directions go on alone.

    `merges` are those that may stand below another layer.
    """
    if layer is not None and not is_a(layer, str) and sequence(layer) is None:
        raise fail(
            "layer", "a name, a sequence of names or None", type(layer).__name__, codes.WRONG_TYPE
        )
    if is_path(source):
        path = path_of(source, "source")
        with layers_in(path) as found:
            return cells_of(choose(str(path), found, layer), merges)
    arrays = sequence(source)
    if arrays is None:
        expected = "a path, or a list of arrays as get_weights() returns it"
        raise fail("source", expected, type(source).__name__, codes.WRONG_TYPE)
    return [("source", _listed(arrays, layer))], set()


def _listed(source: Sequence[Any], layer: object) -> StoredLSTM:
    """The network of the arrays of one layer."""
    if layer is not None:
        raise fail(
            "layer", "None, as a list of arrays is one layer", repr(layer), codes.UNKNOWN_CHOICE
        )
    if len(source) not in {2, 3, 4, 6}:
        expected = "2 or 3 arrays, or 4 or 6 for both directions"
        raise fail("source", expected, str(len(source)), codes.SIZE_MISMATCH)
    arrays = [as_array(f"source[{i}]", array) for i, array in enumerate(source)]
    paths = [f"source[{i}]" for i in range(len(arrays))]
    check(paths, [array.shape for array in arrays])
    return one_layer(
        paths, [to_float32(*pair) for pair in zip(paths, arrays, strict=True)], Config()
    )
