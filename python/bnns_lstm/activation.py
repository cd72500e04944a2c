"""Which function a gate applies."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import pi, sqrt
from typing import Any

from bnns_lstm._show import show
from bnns_lstm.enums import ActivationFunction

__all__ = ["Activation"]


@dataclass(slots=True)
class Activation:
    """`BNNSActivation`: a function and its parameters.

    There is a class method for each function that a gate can have. Functions ignore the parameters that
    their formula does not mention.

    Attributes:
        function: Which one, an :class:`ActivationFunction`.
        alpha: First parameter.
        beta: Second parameter.
        iscale: Integer functions only; must be 0, as must `ioffset` and `ishift`.
        iscale_per_channel: Per-channel functions only; must be None, as must the two others.

    Example:
        >>> import bnns_lstm as bl
        >>> bl.Activation.hard_sigmoid()
        Activation(HARD_SIGMOID, alpha=0.2, beta=0.5)
        >>> lstm = bl.LSTM(3, 4, activations={"hidden": bl.Activation.relu(), "output": "hard_sigmoid"})
    """

    function: ActivationFunction | int
    alpha: float = 1.0
    beta: float = 1.0
    iscale: int = field(default=0, kw_only=True)
    ioffset: int = field(default=0, kw_only=True)
    ishift: int = field(default=0, kw_only=True)
    iscale_per_channel: Any = field(default=None, kw_only=True)
    ioffset_per_channel: Any = field(default=None, kw_only=True)
    ishift_per_channel: Any = field(default=None, kw_only=True)

    def __repr__(self) -> str:
        """The function's name and parameters, and the integer fields only if they are set."""
        function = getattr(self, "function", None)
        shown = [function.name if isinstance(function, ActivationFunction) else show(function)]
        for item in fields(self)[1:]:
            value = getattr(self, item.name, None)
            is_default = value is None or (isinstance(value, int) and value == item.default)
            if item.name in {"alpha", "beta"} or not is_default:
                shown.append(f"{item.name}={show(value)}")
        return f"Activation({', '.join(shown)})"

    @classmethod
    def identity(cls) -> Activation:
        """x."""
        return cls(ActivationFunction.IDENTITY)

    @classmethod
    def rectified_linear(cls) -> Activation:
        """max(x, 0)."""
        return cls(ActivationFunction.RECTIFIED_LINEAR)

    @classmethod
    def relu(cls) -> Activation:
        """max(x, 0): another name of :meth:`rectified_linear`."""
        return cls.rectified_linear()

    @classmethod
    def leaky_rectified_linear(cls, alpha: float = 0.01) -> Activation:
        """alpha·x below 0, else x."""
        return cls(ActivationFunction.LEAKY_RECTIFIED_LINEAR, alpha)

    @classmethod
    def sigmoid(cls) -> Activation:
        """1 / (1 + exp(-x))."""
        return cls(ActivationFunction.SIGMOID)

    @classmethod
    def tanh(cls) -> Activation:
        """tanh x."""
        return cls(ActivationFunction.TANH)

    @classmethod
    def scaled_tanh(cls, alpha: float, beta: float) -> Activation:
        """alpha·tanh(beta·x)."""
        return cls(ActivationFunction.SCALED_TANH, alpha, beta)

    @classmethod
    def abs(cls) -> Activation:
        """|x|."""
        return cls(ActivationFunction.ABS)

    @classmethod
    def linear(cls, alpha: float) -> Activation:
        """alpha·x."""
        return cls(ActivationFunction.LINEAR, alpha)

    @classmethod
    def clamp(cls, alpha: float, beta: float) -> Activation:
        """min(max(x, alpha), beta)."""
        return cls(ActivationFunction.CLAMP, alpha, beta)

    @classmethod
    def gelu_approximation(cls, alpha: float = sqrt(2 / pi), beta: float = 0.044715) -> Activation:
        """x/2·(1 + tanh(alpha·(x + beta·x³))); defaults from Hendrycks and Gimpel, arXiv 1606.08415."""
        return cls(ActivationFunction.GELU_APPROXIMATION, alpha, beta)

    @classmethod
    def hard_sigmoid(cls, alpha: float = 0.2, beta: float = 0.5) -> Activation:
        """max(0, min(1, alpha·x + beta)); defaults from ONNX's HardSigmoid."""
        return cls(ActivationFunction.HARD_SIGMOID, alpha, beta)

    @classmethod
    def softplus(cls, alpha: float = 1.0, beta: float = 1.0) -> Activation:
        """alpha·log(1 + exp(beta·x))."""
        return cls(ActivationFunction.SOFTPLUS, alpha, beta)

    @classmethod
    def softsign(cls) -> Activation:
        """x / (1 + |x|)."""
        return cls(ActivationFunction.SOFTSIGN)

    @classmethod
    def elu(cls, alpha: float = 1.0) -> Activation:
        """alpha·(exp(x) - 1) below 0, else x."""
        return cls(ActivationFunction.ELU, alpha)

    @classmethod
    def clamped_leaky_rectified_linear(cls, alpha: float, beta: float) -> Activation:
        """min(alpha·x, beta) below 0, else min(x, beta)."""
        return cls(ActivationFunction.CLAMPED_LEAKY_RECTIFIED_LINEAR, alpha, beta)

    @classmethod
    def linear_with_bias(cls, alpha: float, beta: float) -> Activation:
        """alpha·x + beta."""
        return cls(ActivationFunction.LINEAR_WITH_BIAS, alpha, beta)

    @classmethod
    def log_sigmoid(cls) -> Activation:
        """Logarithm of the sigmoid of x."""
        return cls(ActivationFunction.LOG_SIGMOID)

    @classmethod
    def selu(cls) -> Activation:
        """Scaled ELU with the two constants of Klambauer et al., arXiv 1706.02515."""
        return cls(ActivationFunction.SELU)

    @classmethod
    def celu(cls, alpha: float = 1.0) -> Activation:
        """alpha·(exp(x / alpha) - 1) below 0, else x."""
        return cls(ActivationFunction.CELU, alpha)

    @classmethod
    def hard_shrink(cls, alpha: float = 0.5) -> Activation:
        """0 where |x| < |alpha|, else x."""
        return cls(ActivationFunction.HARD_SHRINK, alpha)

    @classmethod
    def soft_shrink(cls, alpha: float = 0.5) -> Activation:
        """0 where |x| < |alpha|, else x - copysign(alpha, x)."""
        return cls(ActivationFunction.SOFT_SHRINK, alpha)

    @classmethod
    def tanh_shrink(cls) -> Activation:
        """x - tanh x."""
        return cls(ActivationFunction.TANH_SHRINK)

    @classmethod
    def threshold(cls, alpha: float, beta: float) -> Activation:
        """beta where x <= alpha, else x."""
        return cls(ActivationFunction.THRESHOLD, alpha, beta)

    @classmethod
    def hard_swish(cls) -> Activation:
        """x·min(max(x + 3, 0), 6) / 6."""
        return cls(ActivationFunction.HARD_SWISH)

    @classmethod
    def silu(cls) -> Activation:
        """x·sigmoid(x)."""
        return cls(ActivationFunction.SILU)
