"""The module itself.

In: the arguments of a constructor. Out: an LSTM, its streams, its structures. `calls` computes, `files` has the
ways to and from others, `stateful` holds the weights; `structure` makes what is handed out as a structure.

Weights and calls: `parameters` hands out views that may be written, so that reading it marks the weights as
changed, and the next call packs them anew. Whoever keeps a view and writes it later calls `update()`; until
then calls use the weights that were packed last. `load_state_dict` does so by itself, and training calls
always take the weights as they are.
"""

from __future__ import annotations

from typing import Any
from warnings import warn

import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm.config import LSTMConfig, Merge, Peephole, activations_of, truth
from bnns_lstm.descriptors import LayerParametersLSTM
from bnns_lstm.errors import ArgumentError, Issue
from bnns_lstm.module.arguments import (
    bias_of,
    gathered,
    generator,
    refuse,
    refuse_derived,
    threads,
)
from bnns_lstm.module.calls import Calls
from bnns_lstm.module.stream import Stream
from bnns_lstm.module.structure import check_functions, structure_of
from bnns_lstm.typing import Activations, Floats, InputLike, StateLike
from bnns_lstm.variants import Coupled, Direction

__all__ = ["LSTM"]


class LSTM(Calls):
    """A stack of LSTM layers with weights of its own.

    Args:
        input_size: Values per step that the lowest layer reads.
        hidden_size: Units of each layer and direction.
        num_layers: Layers, one upon the other.
        bias: Whether gates have biases.
        batch_first: Whether inputs and outputs are `[batch, steps, values]`. States never are.
        dropout: Share of the values dropped between layers in training calls. With one layer there is
            nothing between layers, which a `UserWarning` says.
        bidirectional: Whether each layer reads the sequence in both directions.
        peephole: None, `"diagonal"` (each unit's gates see its cell state) or `"full"` (all of them).
        activations: Functions of `input`, `forget`, `candidate` and `output` gate and of the `hidden` state
            that differ from the default ones, by name (`"hard_sigmoid"`) or as :class:`Activation`.
        merge: What the two directions of the last layer become in the output: side by side (`"concat"`), their
            `"sum"`, average (`"ave"`) or product (`"mul"`), or a pair of arrays (None). It concerns the output
            alone: layers below, states and cell states keep both. Others than `"concat"` need `bidirectional`.
        cell_clip: New cell states are limited to ± this before the output gate's peephole and the function of
            the hidden state see them, and are carried on limited; None for no limit. Its gradient is 0 where it
            acted.
        gate_clip: The arguments of all functions are limited to ± this, as by ONNX' `clip`; cell states are
            carried on as they are. None for no limit. Its gradient is 0 where it acted.
        gate_clip_hidden: False leaves the argument of the hidden state's function without the limit of
            `gate_clip`, as ONNX Runtime and Core ML do.
        direction: `"reverse"`: every layer reads each sample from its own last step to its first. Outputs stand
            in the order of time, and final states are those after step 0. Not with `bidirectional`, and
            without streams.
        coupled: `"forget"`: the forget gate is 1 minus the input gate, as by ONNX' `input_forget`; `"input"`:
            the input gate is 1 minus the forget gate. The gate that is computed has no weights, bias, peephole
            and function; arrays have the blocks of the three others, in their order.
        proj_size: Values of the hidden state, from 1 to `hidden_size`, that the matrix `weight_hr_l0` makes of
            what the units give, as `proj_size` of PyTorch's, which takes less than `hidden_size` alone.
            Outputs, hidden states and what layers above read have this width, cell states `hidden_size`. 0 for
            no projection.
        seed: What the initial weights and the seeds of dropout depend on; None draws one.
        num_threads: Threads to use at most; None leaves the choice to the library.
        forget_bias: Added to the forget gates' initial biases; refused where there are none.
        convert: Convert other types of numbers to float32 instead of refusing them.

    Weights begin uniform in ±1/sqrt(hidden_size), as PyTorch's (but not the same numbers).

    Raises:
        ArgumentError: With every argument that is wrong.
        ComputeError: If there is no memory for the weights.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> lstm = bl.LSTM(3, 4, seed=0)
        >>> y, state = lstm(np.zeros((5, 2, 3), np.float32))
        >>> y.shape, state.h.shape
        ((5, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        peephole: Peephole = None,
        activations: Activations | None = None,
        merge: Merge = "concat",
        cell_clip: float | None = None,
        gate_clip: float | None = None,
        gate_clip_hidden: bool = True,
        direction: Direction = "forward",
        coupled: Coupled = None,
        proj_size: int = 0,
        seed: int | None = None,
        num_threads: int | None = None,
        forget_bias: float = 0.0,
        convert: bool = False,
    ) -> None:
        """Check the configuration and draw weights."""
        issues: list[Issue] = []
        functions: Any = ()
        with gathered(issues):
            functions = activations_of(activations)
        config = None
        with gathered(issues):
            config = LSTMConfig(
                input_size, hidden_size, num_layers, bias=bias, batch_first=batch_first, dropout=dropout,
                bidirectional=bidirectional, peephole=peephole, activations=functions, merge=merge,
                cell_clip=cell_clip, gate_clip=gate_clip, gate_clip_hidden=gate_clip_hidden,
                direction=direction, coupled=coupled, proj_size=proj_size,
            )  # fmt: skip
        number = threads(num_threads, issues)
        is_converting = truth("convert", convert, issues)
        self._random = generator(seed, issues)
        added = bias_of(forget_bias, issues, has_bias=bias)
        if config is not None:
            refuse_derived(config.coupled, activations, added, issues)
        refuse(issues)
        assert config is not None  # noqa: S101  # or there was a finding
        check_functions(config)
        if config.dropout and config.num_layers == 1:
            why = "it acts between layers only, and num_layers is 1"
            warn(f"dropout={config.dropout} has no effect: {why}", UserWarning, stacklevel=2)
        weights = self._set_up(config, number, convert=is_converting)
        weights.draw(self._random, config.hidden_size**-0.5, added)

    def stream(self, batch_size: int = 1, state: StateLike | None = None) -> Stream:
        """A stream: samples come step by step, states are carried in place.

        Raises:
            ArgumentError: For a bidirectional LSTM, or one with `direction="reverse"`: they need the end of the
                sequence first.
            ComputeError: If there is no memory for so many streams.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> stream = bl.LSTM(3, 4, seed=0).stream()
            >>> stream.step(np.zeros(3, np.float32)).shape
            (4,)
        """
        return Stream(self, batch_size, state)

    def layer_parameters(
        self,
        x: InputLike,
        state: StateLike | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        y: Floats | None = None,
    ) -> LayerParametersLSTM:
        """The structure that a call with these arguments computes, over these weights.

        Its arrays are new, but for the weights, which are this LSTM's own; `b_desc` holds the sums of the two
        biases as they are now. Rows are sorted by length. The outputs are in `output_descriptor`; `y` is
        where the output sequence goes, `[steps, batch, directions * hidden]`.

        Raises:
            ArgumentError: With every argument that is wrong, and for an LSTM whose `merge` is not "concat":
                structures give both directions side by side.
            ComputeError: If there is no memory for the call.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> params = bl.LSTM(3, 4, seed=0).layer_parameters(np.zeros((5, 2, 3), np.float32))
            >>> bl.direct_apply_lstm_batch_training_caching(params)
            >>> params.output_descriptor.data_desc.shape
            (5, 2, 4)
        """
        issues: list[Issue] = []
        if self.config.merge != "concat":
            expected = 'an LSTM with merge="concat": structures have both directions side by side'
            actual = f"merge={self.config.merge!r}"
            issues.append(Issue("merge", codes.UNSUPPORTED_HERE, expected, actual))
        batch, _ = self._read(x, state, (lengths, None), None, issues)
        if batch.is_idle:
            name, code = (
                ("lengths", codes.SEQUENCE_EMPTY) if batch.x.size else ("x", codes.ZERO_SIZE)
            )
            expected = "at least one step of one sample: a structure without one cannot be computed"
            raise ArgumentError((Issue(name, code, expected, "nothing to do"),))
        params, _ = structure_of(self._engine.weights, batch, self.config.dropout)
        if y is not None:
            params.output_descriptor.data_desc = y
        return params
