"""A stack of LSTMs to and from other libraries and files.

In: models and files of others. Out: a stack, with an LSTM for each of their layers; and the way back. The
formats themselves are in `formats`, which is imported where it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from bnns_lstm.module.lstm import LSTM
from bnns_lstm.module.samples import Floats
from bnns_lstm.module.stack_stateful import StackStateful

if TYPE_CHECKING:
    from typing_extensions import Self

    from bnns_lstm.formats import StoredLSTM

__all__ = ["StackFiles"]


class StackFiles(StackStateful):
    """The part of a stack that reads and writes others' formats."""

    @classmethod
    def _from_stored(
        cls, stack: Sequence[StoredLSTM], num_threads: int | None, *, convert: bool
    ) -> Self:
        made = cls.__new__(cls)
        made.lstms = tuple(LSTM._from_stored(one, num_threads, convert=convert) for one in stack)
        return made

    def _stored(self) -> list[StoredLSTM]:
        return [lstm._stored() for lstm in self.lstms]

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
        """A stack with an LSTM for each node of a chain of LSTM nodes of an ONNX model, which may differ.

        Nodes that are alike stay an LSTM each; `LSTM.from_onnx` makes one LSTM of several layers of them.

        Args:
            source: The path of a model, or an `onnx.ModelProto`. Needs the extra `onnx`.
            node: Which chain, where there are several: the name of one of its nodes, or the names of all.
            inputs: Values of inputs of the graph by their names, where weights, initial states or lengths come
                from such inputs.
            num_threads: See the constructor of an LSTM, as `convert`.
            convert: Whether calls convert other types of numbers.

        Raises:
            WeightsError: Naming everything that cannot be taken over.
            ExtraError: If the package `onnx` is not installed.

        Example:
            >>> import bnns_lstm as bl, os, tempfile
            >>> stack = bl.Stack([bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)])
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = os.path.join(folder, "model.onnx")
            ...     stack.to_onnx(path)
            ...     [lstm.config.hidden_size for lstm in bl.Stack.from_onnx(path).lstms]
            [8, 4]
        """
        from bnns_lstm.formats import read_onnx_stack

        stack = read_onnx_stack(source, node, inputs=inputs)
        return cls._from_stored(stack, num_threads, convert=convert)

    @classmethod
    def from_keras(
        cls,
        source: Any,
        layer: str | Sequence[str] | None = None,
        *,
        num_threads: int | None = None,
        convert: bool = False,
    ) -> Self:
        """A stack with an LSTM for each of several LSTM layers of Keras, which may differ.

        Layers that are alike stay an LSTM each, and so does each cell of an `RNN` of several;
        `LSTM.from_keras` makes one LSTM of several layers of them.

        Args:
            source: The path of a `.keras`, `.weights.h5` or `.h5` file, which needs the extra `keras`; or the
                arrays of `get_weights()` of one layer.
            layer: The names of the layers, the lowest first; see `LSTM.from_keras`. A layer with `go_backwards`
                is refused where others are named with it.
            num_threads: See the constructor of an LSTM, as `convert`.
            convert: Whether calls convert other types of numbers.

        Raises:
            WeightsError: Naming everything that cannot be taken over.
            ExtraError: If h5py is needed and not installed.

        Example:
            >>> import bnns_lstm as bl
            >>> stack = bl.Stack.from_keras("model.keras", ["lstm", "lstm_1"])  # doctest: +SKIP
        """
        from bnns_lstm.formats import read_keras_stack

        return cls._from_stored(read_keras_stack(source, layer), num_threads, convert=convert)

    @classmethod
    def from_coreml(
        cls,
        path: str | PathLike[str],
        layer: str | Sequence[str] | None = None,
        *,
        num_threads: int | None = None,
        convert: bool = False,
    ) -> Self:
        """A stack with an LSTM for each of several LSTM layers of a Core ML model, which may differ.

        Layers that are alike stay an LSTM each; `LSTM.from_coreml` makes one LSTM of several layers of them.

        Args:
            path: A `.mlmodel` file or a `.mlpackage` folder, with a neural network or an ML program. Needs the
                extra `coreml`.
            layer: The names of the layers, the lowest first; see `LSTM.from_coreml`.
            num_threads: See the constructor of an LSTM, as `convert`.
            convert: Whether calls convert other types of numbers.

        Raises:
            WeightsError: Naming everything that cannot be taken over.
            ExtraError: If the package `protobuf` is not installed.

        Example:
            >>> import bnns_lstm as bl
            >>> stack = bl.Stack.from_coreml("model.mlmodel")  # doctest: +SKIP
        """
        from bnns_lstm.formats import read_coreml_stack

        return cls._from_stored(read_coreml_stack(path, layer), num_threads, convert=convert)

    @classmethod
    def load(
        cls, path: str | PathLike[str], *, num_threads: int | None = None, convert: bool = False
    ) -> Self:
        """A stack that `save` has written.

        Args:
            path: The file.
            num_threads: See the constructor of an LSTM, as `convert`.
            convert: Whether calls convert other types of numbers.

        Raises:
            WeightsError: For a file of something else, or a damaged one, with the reason.
            OSError: If the file cannot be read.

        Example:
            >>> import bnns_lstm as bl, os, tempfile
            >>> stack = bl.Stack([bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)])
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = os.path.join(folder, "model.safetensors")
            ...     stack.save(path)
            ...     len(bl.Stack.load(path).lstms)
            2
        """
        from bnns_lstm.formats import load_stack

        return cls._from_stored(load_stack(path), num_threads, convert=convert)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the configurations and weights of all LSTMs as a safetensors file.

        Raises:
            WeightsError: For a path that is none.
            OSError: If the file cannot be written.

        Example:
            >>> import bnns_lstm as bl, os, tempfile
            >>> stack = bl.Stack([bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)])
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = os.path.join(folder, "model.safetensors")
            ...     stack.save(path)
            ...     len(bl.Stack.load(path).lstms)
            2
        """
        from bnns_lstm.formats import save_stack

        save_stack(path, self._stored())

    def to_onnx(self, path: str | PathLike[str], *, lengths: bool = False) -> None:
        """Write an ONNX model: dynamic batch and time axes, a node a layer, each LSTM's states in and out.

        Inputs are `x`, `0.h0`, `0.c0`, `1.h0` and so on, and `lengths` if wanted; outputs `y`, `0.hn`, `0.cn`
        and so on.

        Args:
            path: Where.
            lengths: Give the model an input for the samples' lengths.

        Raises:
            WeightsError: By the number of the LSTM, for what ONNX cannot say: see `LSTM.to_onnx`.
            ExtraError: If the package `onnx` is not installed.

        Example:
            >>> import bnns_lstm as bl, os, tempfile
            >>> stack = bl.Stack([bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)])
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = os.path.join(folder, "model.onnx")
            ...     stack.to_onnx(path)
            ...     [lstm.config.hidden_size for lstm in bl.Stack.from_onnx(path).lstms]
            [8, 4]
        """
        from bnns_lstm.formats import write_onnx_stack

        write_onnx_stack(path, self._stored(), lengths=lengths)

    def to_keras(self) -> list[list[Floats]]:
        """The weights as Keras' layers take them: the lists of `LSTM.to_keras` of each LSTM, the lowest first.

        Raises:
            WeightsError: By the number of the LSTM, for what Keras cannot say: see `LSTM.to_keras`.

        Example:
            >>> import bnns_lstm as bl
            >>> stack = bl.Stack([bl.LSTM(3, 8, seed=0), bl.LSTM(8, 4, seed=1)])
            >>> [[array.shape for array in arrays] for arrays in stack.to_keras()]
            [[(3, 32), (8, 32), (32,)], [(8, 16), (4, 16), (16,)]]
        """
        from bnns_lstm.formats import write_keras_stack

        return write_keras_stack(self._stored())
