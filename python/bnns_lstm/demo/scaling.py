"""Between a series' values and the model's scale, on which it computes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnns_lstm.typing import Floats

__all__ = ["Scaling"]

# Standard deviations of the training values' roots that make 1 on the model's scale. Values within +-1 keep
# the gates where they are nearly linear, and there a model errs less on values it has not met in training.
DEVIATIONS = 3.0
# The least divisor, as a part of the roots' size: a series that does not change must not be blown up.
LEAST_DIVISOR = 1e-3


@dataclass(frozen=True)
class Scaling:
    """The scale sqrt(value) / divisor - offset.

    Attributes:
        divisor: More than 0.
        offset: Any number. Both are float32 numbers, so that saving them changes nothing.
    """

    divisor: float
    offset: float

    @classmethod
    def of(cls, values: Floats) -> Scaling:
        """The scaling that brings values, which are not negative, to mean 0 and about -1 to 1."""
        roots = np.sqrt(values.astype(np.float64))
        size = float(np.sqrt(np.mean(roots**2)))
        divisor = max(DEVIATIONS * float(roots.std()), LEAST_DIVISOR * size) or 1.0
        return cls(float(np.float32(divisor)), float(np.float32(roots.mean() / divisor)))

    def to_model(self, values: Floats) -> Floats:
        """Values to the model's scale."""
        scaled: Floats = np.sqrt(values) / np.float32(self.divisor) - np.float32(self.offset)
        return scaled

    def from_model(self, scaled: Floats) -> Floats:
        """The model's scale to values; below the scale's end the value is 0."""
        roots = np.maximum(scaled + np.float32(self.offset), np.float32(0))
        values: Floats = (np.float32(self.divisor) * roots) ** 2
        return values
