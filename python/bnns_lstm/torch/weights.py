"""Where the parameters of a module lie.

In: parameters by name. Out: :class:`Weights` over the parameters' own memory, where that is one memory, and
over a copy otherwise.

The structure wants the arrays of a gate in one memory for all layers and directions. So parameters are moved
into one (`Home.adopt`), each a view of it with a storage of its own: PyTorch saves, shares and updates it as
any other. A parameter that somebody put elsewhere later (another tensor was assigned,
`load_state_dict(assign=True)`, a parametrization, a parameter that two modules share) is computed as well,
from a copy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch

from bnns_lstm.config import LSTMConfig
from bnns_lstm.module.parameters import Weights
from bnns_lstm.torch.planned import Planned
from bnns_lstm.torch.tensors import array, tensor_of

__all__ = ["Home", "Tensors", "Whole", "copied", "differs"]

Tensors = Mapping[str, torch.Tensor]


class Whole(tuple[torch.Tensor, ...]):
    """Tensors of which a :class:`Home` has just found that they are all there."""

    __slots__ = ()


class Home:
    """One memory for all parameters of a module.

    Attributes:
        config: What the module computes, without dropout and in the structure's order of axes.
        weights: The memory; None before parameters were moved into it.
        planned: Training calls over it; None as long as there is none.
        places: Of each parameter the name, the address and the shape; empty as long as there is no memory.
    """

    def __init__(self, config: LSTMConfig) -> None:
        """Nothing lies here yet."""
        self.config = config
        self.weights: Weights | None = None
        self.planned: Planned | None = None
        self.places: list[tuple[str, int, torch.Size]] = []

    def has(self, tensors: Collection[torch.Tensor]) -> bool:
        """Whether these tensors, one for each name, are all here, each in its place."""
        if type(tensors) is Whole:
            return True
        if len(tensors) != len(self.places):
            return False
        for tensor, (_, address, _) in zip(tensors, self.places, strict=True):
            if tensor.data_ptr() != address or not tensor.is_contiguous():
                return False
        return True

    def whole(self, parameters: Mapping[str, Any]) -> Whole | None:
        """A module's parameters, if all are here and just as they came; None if one needs to be looked at."""
        found = []
        for name, address, shape in self.places:
            tensor: Any = parameters.get(name)
            if type(tensor) is not torch.nn.Parameter or tensor.layout is not torch.strided:
                return None
            if tensor.data_ptr() != address or tensor.shape != shape:
                return None
            if tensor.dtype is not torch.float32 or not tensor.is_contiguous():
                return None
            found.append(tensor)
        return Whole(found) if found else None

    def adopt(self, tensors: Tensors) -> None:
        """Move parameters here, unless one of them cannot be moved; those that are here stay."""
        if self.has(tensors.values()) or not all(map(is_movable, tensors.values())):
            return
        if len({tensor.data_ptr() for tensor in tensors.values()}) != len(tensors):
            return  # one parameter in two places
        weights = copied(self.config, tensors)
        for name, tensor in tensors.items():
            tensor.data = tensor_of(weights.named[name])
        self.places = [(name, each.data_ptr(), each.shape) for name, each in tensors.items()]
        self.weights, self.planned = weights, Planned(weights)

    def weights_of(
        self, names: tuple[str, ...], tensors: tuple[torch.Tensor, ...]
    ) -> tuple[Weights, Planned | None]:
        """These tensors as weights: the memory itself with what is planned over it, or a copy."""
        if self.weights is not None and self.has(tensors):
            return self.weights, self.planned
        return copied(self.config, dict(zip(names, tensors, strict=True))), None

    def __deepcopy__(self, _: dict[int, Any]) -> Home:
        """A home that is empty: copies of parameters lie elsewhere."""
        return Home(self.config)

    def __reduce__(self) -> tuple[type[Home], tuple[LSTMConfig]]:
        """As a deep copy."""
        return Home, (self.config,)


def is_movable(tensor: torch.Tensor) -> bool:
    """Whether nobody else sees a tensor's memory: it is not shared, and the whole of its storage."""
    return (
        tensor.device.type == "cpu"
        and tensor.dtype == torch.float32
        and tensor.layout == torch.strided
        and not tensor.is_shared()
        and tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
    )


def copied(config: LSTMConfig, tensors: Tensors) -> Weights:
    """A copy of tensors that have the names and shapes of weights."""
    weights = Weights.made(config)
    weights.fill({name: array(tensor) for name, tensor in tensors.items()})
    return weights


def differs(weights: Weights, tensors: Tensors) -> bool:
    """Whether a weight has other bits than the tensor of its name."""
    return any(
        not np.array_equal(weights.named[name].view(np.uint32), array(tensor).view(np.uint32))
        for name, tensor in tensors.items()
    )
