"""The module that stands where `torch.nn.LSTM` stood.

In: tensors, which may be wrong. Out: what `torch.nn.LSTM` gives for them. Shapes are checked by PyTorch's own
methods, with its own errors; `stateful` holds the parameters. It knows no arrays.
"""

from __future__ import annotations

from typing import Any, NoReturn

import torch

from bnns_lstm import codes
from bnns_lstm.errors import Issue
from bnns_lstm.torch.calls import MOST_THREADS, Call
from bnns_lstm.torch.compiled import refuse_tracing, scripting, undisturbed
from bnns_lstm.torch.errors import refuse
from bnns_lstm.torch.function import Node, is_watched, recorded
from bnns_lstm.torch.packed import (
    PackedSequence,
    Packing,
    packing_of,
    permuted,
)
from bnns_lstm.torch.stateful import Stateful
from bnns_lstm.torch.tensors import check, is_half, pair_of
from bnns_lstm.torch.weights import Whole

__all__ = ["LSTM"]

State = tuple[torch.Tensor, torch.Tensor]
Tensors = tuple[torch.Tensor, ...]


class LSTM(Stateful):
    """`torch.nn.LSTM`, computed by this package.

    Args:
        input_size: Values per step that the lowest layer reads.
        hidden_size: Units of each layer and direction.
        num_layers: Layers, one upon the other.
        bias: Whether gates have biases, two of them, as in PyTorch.
        batch_first: Whether inputs and outputs are `[batch, steps, values]`. States never are.
        dropout: Share of the values dropped between layers while training, below 1.
        bidirectional: Whether each layer reads the sequence in both directions.
        proj_size: Values of the hidden state where a matrix makes it; 0 for no projection.
        device: The CPU; or `meta`, for weights that are loaded later.
        dtype: `torch.float32`.
        peephole: None, `"diagonal"` (each unit's gates see its cell state) or `"full"` (all of them); the
            weights are called `weight_ch_l0` and so on.
        activations: Functions of `input`, `forget`, `candidate` and `output` gate and of the `hidden` state
            that differ from the default ones, by name (`"hard_sigmoid"`) or as :class:`bnns_lstm.Activation`.

    Raises:
        TypeError, ValueError: As `torch.nn.LSTM`, for the arguments that it has.
        ArgumentError: For functions and peepholes that do not exist, and a dropout of 1.
        TensorError: For another device or type.

    Example:
        >>> import bnns_lstm.torch, torch
        >>> lstm = bnns_lstm.torch.LSTM(3, 4, num_layers=2)
        >>> y, (h, c) = lstm(torch.zeros(5, 2, 3))
        >>> y.shape, h.shape, lstm
        (torch.Size([5, 2, 4]), torch.Size([2, 2, 4]), LSTM(3, 4, num_layers=2))
    """

    def forward(self, input: Any, hx: State | None = None) -> tuple[Any, State]:  # noqa: A002 - PyTorch's name
        """Outputs of all steps and the states after them.

        Args:
            input: `[steps, batch, input]`, with `batch_first` `[batch, steps, input]`, or `[steps, input]`; or
                a `PackedSequence`.
            hx: Initial states (h_0, c_0), `[layers * directions, batch, values]` each; None for zeros.

        Returns:
            The output, a `PackedSequence` for one, and the final states (h_n, c_n).

        Raises:
            TensorError: With every tensor that lies on another device or has another type than float32, and
                where the module is traced or exported.
            RuntimeError, ValueError: As `torch.nn.LSTM`, for other shapes.
            ComputeError: If there is no memory for the call.

        Example:
            >>> import bnns_lstm.torch, torch
            >>> lstm = bnns_lstm.torch.LSTM(3, 4, batch_first=True)
            >>> y, (h, c) = lstm(torch.zeros(2, 5, 3))
            >>> y.shape, h.shape
            (torch.Size([2, 5, 4]), torch.Size([1, 2, 4]))
        """
        found: tuple[Any, State] = undisturbed(LSTM._checked)(self, input, hx)
        return found

    def _checked(self, given: Any, hx: Any) -> tuple[Any, State]:
        """A call whose arguments may be anything."""
        refuse_tracing()
        is_usual = not self.batch_first and not self.dropout
        if is_usual and not torch.is_grad_enabled():
            at_once = self._inference.at_once(self._home, self._parameters, given, hx)
            if at_once is not None:
                return at_once[0], (at_once[1], at_once[2])
        sequence = given if isinstance(given, PackedSequence) else None
        x = given if sequence is None else sequence.data
        issues: list[Issue] = []
        state = pair_of(hx, issues)
        # As operations of PyTorch's that autocast leaves in float32.
        if torch.is_autocast_enabled("cpu"):
            x, *both = (each.float() if is_half(each) else each for each in (x, *(state or ())))
            state = (both[0], both[1]) if both else None
        check(x, "input" if sequence is None else "input.data", issues)
        for name, each in zip(("hx[0]", "hx[1]"), state or (), strict=False):
            check(each, name, issues)
        weights: Tensors | None = self._home.whole(self._parameters)
        if weights is None:
            tensors = {name: getattr(self, name, None) for name in self._shapes}
            issues += self._weight_issues(tensors)
            weights = tuple(tensors.values())
        if not 0 <= self.dropout < 1:
            issues.append(
                Issue("dropout", codes.INVALID_DROPOUT, "a ratio in [0, 1)", str(self.dropout))
            )
        refuse(issues)
        if sequence is not None:
            return self._of_packed(sequence, x, state, weights)
        return self._of_padded(x, state, weights)

    def _of_packed(
        self, sequence: PackedSequence, data: Any, state: State | None, weights: Tensors
    ) -> tuple[PackedSequence, State]:
        """Outputs are packed as the input is; states stand in the caller's order."""
        self._check_shapes(data, state, sequence.batch_sizes)
        packing = packing_of(sequence, len(data))
        order, back = sequence.sorted_indices, sequence.unsorted_indices
        is_usual = packing.order is not None or (order is None and back is None)
        if state is not None and not is_usual:
            state = permuted(state, order)
        y, *last = self._computed(data, state, weights, packing, batch_first=False)
        final = last[0], last[1]
        found = PackedSequence(y, sequence.batch_sizes, order, back)
        return found, final if is_usual else permuted(final, back)

    def _of_padded(self, x: Any, state: State | None, weights: Tensors) -> tuple[Any, State]:
        """As the input is: with an axis for the batch, or without."""
        if x.dim() not in (2, 3):
            raise ValueError(f"LSTM: Expected input to be 2D or 3D, got {x.dim()}D instead")
        is_alone = x.dim() == 2
        if state is not None and any(each.dim() != x.dim() for each in state):
            kind = "unbatched 2-D" if is_alone else "batched 3-D"
            raise RuntimeError(
                f"For {kind} input, hx and cx should also be {x.dim()}-D but got "
                f"({state[0].dim()}-D, {state[1].dim()}-D) tensors"
            )
        if is_alone:
            x = x.unsqueeze(0 if self.batch_first else 1)
            state = None if state is None else (state[0].unsqueeze(1), state[1].unsqueeze(1))
        self._check_shapes(x, state, None)
        y, h, c = self._computed(x, state, weights, None, batch_first=self.batch_first)
        if is_alone:
            return y.squeeze(0 if self.batch_first else 1), (h.squeeze(1), c.squeeze(1))
        return y, (h, c)

    def _check_shapes(self, x: Any, state: State | None, batch_sizes: Any) -> None:
        """PyTorch's own checks, with its own errors."""
        if state is not None:
            self.check_forward_args(x, state, batch_sizes)
        # The usual one at once, as in `check`.
        elif x.dim() + (batch_sizes is not None) != 3 or x.shape[-1] != self.input_size:
            self.check_input(x, batch_sizes)
        if batch_sizes is None and not x.shape[1 if self.batch_first else 0]:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")

    def _computed(
        self,
        x: Any,
        state: State | None,
        weights: Tensors,
        packing: Packing | None,
        *,
        batch_first: bool,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Output and final states; a node of the graph is made where somebody wants gradients."""
        drops = self.training and self.dropout > 0 and self.num_layers > 1
        call = Call(
            self._home.config,
            batch_first,
            packing,
            self.dropout if drops else 0.0,
            # Any number of 63 bits, from the generator that torch.manual_seed sets.
            int(torch.empty((), dtype=torch.int64, device="cpu").random_()) if drops else 0,
            min(torch.get_num_threads(), MOST_THREADS),
        )
        if drops or is_watched((x, *(state or ()), *weights)):
            node = Node(call, self._home, self._names, type(weights) is Whole)
            return recorded(node, (x, *(state or (None, None))), weights)
        return self._inference(call, self._home, (self._names, weights), x, state)

    def __prepare_scriptable__(self) -> NoReturn:
        """Asked by `torch.jit.script`, which cannot compile what is computed here."""
        raise scripting()
