"""An LSTM to and from other libraries, files and structures.

In: models and files of others, structures of the level below. Out: an LSTM; for files also the way back. The
formats themselves are in `formats`, which is imported where it is needed; structures are read by `bridge`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bnns_lstm.descriptors import LayerParametersLSTM
from bnns_lstm.module import bridge
from bnns_lstm.module.results import LSTMState
from bnns_lstm.module.stateful import Stateful

if TYPE_CHECKING:
    from typing_extensions import Self

    from bnns_lstm.formats import StoredLSTM

__all__ = ["Files"]


class Files(Stateful):
    """The part of an LSTM that reads and writes others' formats."""

    @classmethod
    def _from_stored(cls, stored: StoredLSTM, num_threads: int | None, *, convert: bool) -> Self:
        made = cls._empty(stored.config, num_threads=num_threads, convert=convert)
        made._engine.weights.fill(stored.parameters)
        if stored.state is not None:
            made.initial_state = LSTMState(*stored.state)
        made.lengths = stored.lengths
        return made

    def _stored(self) -> StoredLSTM:
        from bnns_lstm.formats import StoredLSTM

        return StoredLSTM.from_config(
            self.config, self.state_dict(), self.initial_state, self.lengths
        )

    @classmethod
    def from_torch(
        cls,
        source: Any,
        prefix: str | Sequence[str] = "",
        *,
        num_threads: int | None = None,
        convert: bool = False,
    ) -> Self:
        """An LSTM with the weights of PyTorch's: a module, a state dict, or a safetensors file.

        Args:
            source: An `nn.LSTM` or an `nn.LSTMCell`; a mapping of names to tensors or arrays, or a checkpoint
                with one inside; the path of a safetensors file; or several of these as a stack, the lowest
                first. PyTorch is not imported.
            prefix: What stands before the LSTM's own names, such as `"encoder.lstm."`, or before the numbers
                of a list of cells, such as `"cells."`; several prefixes, the lowest first, are a stack.
            num_threads: See the constructor, as `convert`.
            convert: Whether calls convert other types of numbers.

        Raises:
            WeightsError: Naming everything that is missing, surplus, of another shape or not supported.

        Example:
            >>> import bnns_lstm as bl
            >>> entries = bl.LSTM(3, 4, seed=0).state_dict()
            >>> bl.LSTM.from_torch({"lstm." + name: weight for name, weight in entries.items()}, "lstm.")
            LSTM(3, 4)
        """
        from bnns_lstm.formats import read_torch

        return cls._from_stored(read_torch(source, prefix), num_threads, convert=convert)

    @classmethod
    def from_onnx(
        cls,
        source: Any,
        node: str | Sequence[str] | None = None,
        *,
        inputs: Mapping[str, Any] | None = None,
        num_threads: int | None = None,
        convert: bool = False,
    ) -> Self:
        """An LSTM with the weights of one LSTM node of an ONNX model, or of a chain that forms a stack.

        `Stack.from_onnx` reads chains of nodes that differ.

        Args:
            source: The path of a model, or an `onnx.ModelProto`. Needs the extra `onnx`.
            node: Which one, where there are several.
            inputs: Values of inputs of the graph by their names, where weights, initial states or lengths come
                from such inputs.
            num_threads: See the constructor, as `convert`.
            convert: Whether calls convert other types of numbers.

        Raises:
            WeightsError: Naming everything that cannot be taken over.
            ExtraError: If the package `onnx` is not installed.

        Example:
            >>> import bnns_lstm as bl, os, tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = os.path.join(folder, "model.onnx")
            ...     bl.LSTM(3, 4, num_layers=2, seed=0).to_onnx(path)
            ...     bl.LSTM.from_onnx(path)
            LSTM(3, 4, 2)
        """
        from bnns_lstm.formats import read_onnx

        stored = read_onnx(source, node, inputs=inputs)
        return cls._from_stored(stored, num_threads, convert=convert)

    @classmethod
    def from_keras(
        cls,
        source: Any,
        layer: str | Sequence[str] | None = None,
        *,
        num_threads: int | None = None,
        convert: bool = False,
    ) -> Self:
        """An LSTM with the weights of an LSTM layer of Keras, or of several as a stack.

        `Stack.from_keras` reads layers that differ.

        Args:
            source: The arrays of `get_weights()`, or the path of a `.keras`, `.weights.h5` or `.h5` file, which
                needs the extra `keras`. Files of the CuDNN layer are recognised.
            layer: The layer's name, or several, the lowest first; not needed where there is one. In a model in
                the model `"encoder/lstm"`. What may stand between several, and that nothing can be checked in
                files of weights alone, stands in :func:`bnns_lstm.formats.read_keras`.
                A layer with `go_backwards` becomes `direction="reverse"`: Keras' output is this one's flipped
                in time, and the same with `return_sequences=False`, where it is `state.h`; in a stack it is
                refused.
            num_threads: See the constructor, as `convert`.
            convert: Whether calls convert other types of numbers.

        Raises:
            WeightsError: Naming everything that cannot be taken over.
            ExtraError: If h5py is needed and not installed.

        Example:
            >>> import bnns_lstm as bl
            >>> (arrays,) = bl.LSTM(3, 4, seed=0).to_keras()
            >>> bl.LSTM.from_keras(arrays)
            LSTM(3, 4, batch_first=True)
        """
        from bnns_lstm.formats import read_keras

        return cls._from_stored(read_keras(source, layer), num_threads, convert=convert)

    @classmethod
    def from_coreml(
        cls,
        path: str | PathLike[str],
        layer: str | Sequence[str] | None = None,
        *,
        num_threads: int | None = None,
        convert: bool = False,
    ) -> Self:
        """An LSTM with the weights of an LSTM layer of a Core ML model, or of several as a stack.

        `Stack.from_coreml` reads layers that differ.

        Args:
            path: A `.mlmodel` file or a `.mlpackage` folder, with a neural network or an ML program. Needs the
                extra `coreml`.
            layer: The layer's name, or several, the lowest first; not needed where all LSTM layers are one
                stack.
            num_threads: See the constructor, as `convert`.
            convert: Whether calls convert other types of numbers.

        Raises:
            WeightsError: Naming everything that cannot be taken over.
            ExtraError: If the package `protobuf` is not installed.

        Example:
            >>> import bnns_lstm as bl
            >>> lstm = bl.LSTM.from_coreml("model.mlmodel", "lstm")  # doctest: +SKIP
        """
        from bnns_lstm.formats import read_coreml

        return cls._from_stored(read_coreml(path, layer), num_threads, convert=convert)

    @classmethod
    def load(
        cls, path: str | PathLike[str], *, num_threads: int | None = None, convert: bool = False
    ) -> Self:
        """An LSTM that `save` has written.

        Args:
            path: The file.
            num_threads: See the constructor, as `convert`.
            convert: Whether calls convert other types of numbers.

        Raises:
            WeightsError: For a file of something else, or a damaged one, with the reason.
            OSError: If the file cannot be read.

        Example:
            >>> import bnns_lstm as bl, os, tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = os.path.join(folder, "model.safetensors")
            ...     bl.LSTM(3, 4, peephole="diagonal", seed=0).save(path)
            ...     bl.LSTM.load(path)
            LSTM(3, 4, peephole='diagonal')
        """
        from bnns_lstm.formats import load_lstm

        return cls._from_stored(load_lstm(path), num_threads, convert=convert)

    def save(self, path: str | PathLike[str]) -> None:
        """Write configuration and weights as a safetensors file.

        Raises:
            WeightsError: For a path that is none.
            OSError: If the file cannot be written.

        Example:
            >>> import bnns_lstm as bl, os, tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = os.path.join(folder, "model.safetensors")
            ...     bl.LSTM(3, 4, peephole="diagonal", seed=0).save(path)
            ...     bl.LSTM.load(path)
            LSTM(3, 4, peephole='diagonal')
        """
        from bnns_lstm.formats import save_lstm

        save_lstm(path, self._stored())

    def to_onnx(self, path: str | PathLike[str], *, lengths: bool = False) -> None:
        """Write an ONNX model: dynamic batch and time axes, states as inputs and outputs, a node a layer.

        Args:
            path: Where.
            lengths: Give the model an input for the samples' lengths.

        Raises:
            WeightsError: For what ONNX cannot say: full or candidate peepholes, some activations, a `merge`
                other than "concat", `cell_clip`, `gate_clip_hidden=False`, `coupled="input"`, a projection.
            ExtraError: If the package `onnx` is not installed.

        Example:
            >>> import bnns_lstm as bl, os, tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = os.path.join(folder, "model.onnx")
            ...     bl.LSTM(3, 4, bidirectional=True, seed=0).to_onnx(path)
            ...     bl.LSTM.from_onnx(path)
            LSTM(3, 4, bidirectional=True)
        """
        from bnns_lstm.formats import write_onnx

        write_onnx(path, self._stored(), lengths=lengths)

    def to_keras(self) -> list[list[NDArray[np.float32]]]:
        """The weights as Keras' layers take them, without Keras: `keras_layer.set_weights(lstm.to_keras()[0])`.

        Returns:
            A list for each layer, the lowest first: kernel, recurrent kernel and, if there are biases, their
            sum; for `Bidirectional` those forward, then those backward. How the layers must be made
            stands in :func:`bnns_lstm.formats.write_keras`.

        Raises:
            WeightsError: For what Keras cannot say: peepholes, some activations, limits, coupled gates,
                a projection, several layers with `direction="reverse"`. One such layer needs
                `go_backwards=True` there, and its outputs are these, flipped in time.

        Example:
            >>> import bnns_lstm as bl
            >>> (arrays,) = bl.LSTM(3, 4, seed=0).to_keras()
            >>> [array.shape for array in arrays]
            [(3, 16), (4, 16), (16,)]
        """
        from bnns_lstm.formats import write_keras

        return write_keras(self._stored())

    @classmethod
    def from_layer_parameters(
        cls, params: LayerParametersLSTM, *, num_threads: int | None = None, convert: bool = False
    ) -> Self:
        """An LSTM with the configuration and copies of the weights of a structure.

        Args:
            params: The structure.
            num_threads: See the constructor, as `convert`.
            convert: Whether calls convert other types of numbers.

        Raises:
            DescriptorError: For a structure that does not hold.
            ArgumentError: For a form of weights that a module has no name for.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> params = bl.LSTM(3, 4, seed=0).layer_parameters(np.zeros((5, 2, 3), np.float32))
            >>> bl.LSTM.from_layer_parameters(params)
            LSTM(3, 4)
        """
        config, gates, projection = bridge.read(params)
        made = cls._empty(config, num_threads=num_threads, convert=convert)
        bridge.copy(gates, projection, made._engine.weights)
        return made
