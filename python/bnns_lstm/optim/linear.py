"""A linear layer with its gradient: what stands above an LSTM. In: arrays. Out: arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bnns_lstm import codes
from bnns_lstm._look import flag
from bnns_lstm._show import shown
from bnns_lstm.errors import Issue
from bnns_lstm.module.arguments import generator, refuse
from bnns_lstm.module.entries import read_entries
from bnns_lstm.module.memory import memory_for
from bnns_lstm.optim.arrays import floats_of
from bnns_lstm.optim.numbers import count
from bnns_lstm.typing import Floats

__all__ = ["Linear", "LinearGradients"]


@dataclass(frozen=True)
class LinearGradients:
    """Gradients of a loss, in the shapes of what they belong to.

    Attributes:
        input: With respect to the input.
        parameters: With respect to the weights, by the names of `Linear.parameters`.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> head = bl.optim.Linear(4, 2, seed=0)
        >>> gradients = head.backward(np.ones((5, 4), np.float32), np.ones((5, 2), np.float32))
        >>> gradients.input.shape, gradients.parameters["bias"].tolist()
        ((5, 4), [5.0, 5.0])
    """

    input: Floats
    parameters: Mapping[str, Floats] = field(repr=False)


class Linear:
    """x · weightᵀ + bias over the last axis, as `torch.nn.Linear`.

    Args:
        in_features: Values of the last axis that come in.
        out_features: Values that go out.
        bias: Whether there is a bias.
        seed: What the initial weights depend on; None draws one.

    Weights begin uniform in ±1/sqrt(in_features), as PyTorch's (but not the same numbers).

    Raises:
        ArgumentError: With every argument that is wrong.
        ComputeError: If there is no memory for the weights.

    Example:
        >>> import bnns_lstm as bl, numpy as np
        >>> head = bl.optim.Linear(16, 3, seed=0)
        >>> head.weight.shape, head(np.zeros((7, 2, 16), np.float32)).shape
        ((3, 16), (7, 2, 3))
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, seed: Any = None
    ) -> None:
        issues: list[Issue] = []
        self.in_features = count("in_features", in_features, issues)
        self.out_features = count("out_features", out_features, issues)
        has_bias = flag(bias)
        if has_bias is None:
            issues.append(Issue("bias", codes.WRONG_TYPE, "True or False", shown(bias)))
        random = generator(seed, issues)
        refuse(issues)
        shapes = {"weight": (self.out_features, self.in_features), "bias": (self.out_features,)}
        if not has_bias:
            del shapes["bias"]
        bound = self.in_features**-0.5
        with memory_for(f"the weights of {self.in_features} features and {self.out_features}"):
            self._named: dict[str, Floats] = {
                name: random.uniform(-bound, bound, shape).astype(np.float32)
                for name, shape in shapes.items()
            }

    @property
    def parameters(self) -> dict[str, Floats]:
        """The weights by name; written in place, the next call sees it.

        Example:
            >>> import bnns_lstm as bl
            >>> {name: array.shape for name, array in bl.optim.Linear(4, 2).parameters.items()}
            {'weight': (2, 4), 'bias': (2,)}
        """
        return dict(self._named)

    @property
    def weight(self) -> Floats:
        """`[out_features, in_features]`; what is assigned is copied."""
        return self._named["weight"]

    @weight.setter
    def weight(self, given: npt.ArrayLike) -> None:
        self.load_state_dict({**self._named, "weight": given})

    @property
    def bias(self) -> Floats | None:
        """`[out_features]`, or None; what is assigned is copied."""
        return self._named.get("bias")

    @bias.setter
    def bias(self, given: npt.ArrayLike) -> None:
        self.load_state_dict({**self._named, "bias": given})

    def state_dict(self) -> dict[str, Floats]:
        """Copies of the weights, by PyTorch's names.

        Example:
            >>> import bnns_lstm as bl
            >>> list(bl.optim.Linear(4, 2, bias=False).state_dict())
            ['weight']
        """
        return {name: array.copy() for name, array in self._named.items()}

    def load_state_dict(self, given: Mapping[str, Any]) -> None:
        """Take the weights of a mapping with exactly these names and shapes.

        Raises:
            ArgumentError: For every missing, surplus or misshapen entry; nothing was changed then.

        Example:
            >>> import bnns_lstm as bl
            >>> head = bl.optim.Linear(4, 2)
            >>> head.load_state_dict(bl.optim.Linear(4, 2).state_dict())
        """
        for name, array in read_entries(self._named, given, ()).items():
            self._named[name][...] = array

    def update(self) -> None:
        """Nothing is prepared here: the weights are read in every call. LSTMs have it, too.

        Example:
            >>> import bnns_lstm as bl
            >>> bl.optim.Linear(4, 2).update()
        """

    def __call__(self, x: npt.ArrayLike) -> Floats:
        """The outputs `[..., out_features]` of inputs `[..., in_features]`.

        Raises:
            ArgumentError: For an input that does not fit.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> head = bl.optim.Linear(2, 1)
            >>> head.weight, head.bias = np.float32([[2, 3]]), np.float32([1])
            >>> head(np.array([1, 10], np.float32)).tolist()
            [33.0]
        """
        issues: list[Issue] = []
        floats = _floats("x", x, self.in_features, issues)
        refuse(issues)
        y: Floats = floats @ self.weight.T
        return y if self.bias is None else y + self.bias

    def backward(self, x: npt.ArrayLike, dy: npt.ArrayLike) -> LinearGradients:
        """The gradients of a loss, from that with respect to the output.

        Args:
            x: The input of the call, `[..., in_features]`.
            dy: Gradient with respect to its output, `[..., out_features]`.

        Raises:
            ArgumentError: For arrays that do not fit.

        Example:
            >>> import bnns_lstm as bl, numpy as np
            >>> head = bl.optim.Linear(2, 1, seed=0)
            >>> x = np.array([[1, 2], [3, 4]], np.float32)
            >>> head.backward(x, np.ones((2, 1), np.float32)).parameters["weight"].tolist()
            [[4.0, 6.0]]
        """
        issues: list[Issue] = []
        floats = _floats("x", x, self.in_features, issues)
        slopes = _floats("dy", dy, self.out_features, issues)
        if not issues and floats.shape[:-1] != slopes.shape[:-1]:
            expected = str([*floats.shape[:-1], self.out_features])
            issues.append(Issue("dy", codes.SIZE_MISMATCH, expected, str(list(slopes.shape))))
        refuse(issues)
        rows = slopes.reshape(-1, self.out_features)
        gradients = {"weight": rows.T @ floats.reshape(-1, self.in_features)}
        if self.bias is not None:
            gradients["bias"] = rows.sum(axis=0)
        return LinearGradients(slopes @ self.weight, gradients)

    def __repr__(self) -> str:
        """As it could be made again, but for the weights."""
        suffix = "" if self.bias is not None else ", bias=False"
        return f"Linear({self.in_features}, {self.out_features}{suffix})"


def _floats(name: str, given: Any, size: int, issues: list[Issue]) -> Floats:
    """An array of float32 with `size` values along its last axis."""
    array = floats_of(given, name, issues)
    if array is None:
        return np.empty((0, size), np.float32)
    if not array.ndim or array.shape[-1] != size:
        actual = str(list(array.shape))
        issues.append(Issue(name, codes.SIZE_MISMATCH, f"[..., {size}]", actual))
    return array
