"""A module of PyTorch's that holds the parameters of an LSTM.

In: the arguments of a constructor. Out: parameters by PyTorch's names in one memory, and what is computed with
them. `torch.nn.LSTM`, of which it is a subclass, checks its own arguments, makes the parameters and prints
itself. It knows no call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from bnns_lstm import codes
from bnns_lstm.config import LSTMConfig, Peephole, activations_of
from bnns_lstm.errors import Issue
from bnns_lstm.formats.stored import shapes
from bnns_lstm.module.structure import check_functions
from bnns_lstm.torch.errors import refuse
from bnns_lstm.torch.inference import Inference
from bnns_lstm.torch.tensors import check
from bnns_lstm.torch.weights import Home
from bnns_lstm.typing import Activations

__all__ = ["Stateful"]

DEVICES = ("cpu", "meta")


class Stateful(torch.nn.LSTM):
    """The part of the module that holds parameters."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
        *,
        peephole: Peephole = None,
        activations: Activations | None = None,
    ) -> None:
        """Check the configuration, make parameters as PyTorch does, and put them into one memory."""
        refuse_other_tensors(device, dtype)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size,
            device, dtype,
        )  # fmt: skip
        self._settle(peephole, activations)
        for name, shape in self._shapes.items():
            if name not in self._parameters:
                empty = torch.empty(shape, dtype=torch.float32, device=device)
                self.register_parameter(name, torch.nn.Parameter(empty))
                bound = hidden_size**-0.5
                torch.nn.init.uniform_(self._parameters[name], -bound, bound)
        self.flatten_parameters()

    def _settle(self, peephole: Peephole, activations: Activations | None) -> None:
        """Know what is computed, of the attributes that `torch.nn.LSTM` has and two that it has not."""
        config = LSTMConfig(
            self.input_size, self.hidden_size, self.num_layers, bias=self.bias, dropout=self.dropout,
            bidirectional=self.bidirectional, proj_size=self.proj_size, peephole=peephole,
            activations=activations_of(activations),
        )  # fmt: skip
        check_functions(config)
        self.peephole = peephole
        self.activations = dict(activations or {})
        self._home = Home(replace(config, dropout=0.0))
        self._inference = Inference()
        self._shapes = shapes(
            config.input_size, config.hidden_size, config.num_layers, bias=config.bias,
            bidirectional=config.bidirectional, peephole=peephole, proj_size=config.proj_size,
        )  # fmt: skip
        self._names = tuple(self._shapes)

    @property
    def config(self) -> LSTMConfig:
        """What is computed, as :attr:`bnns_lstm.LSTM.config` says it.

        Example:
            >>> import bnns_lstm.torch
            >>> bnns_lstm.torch.LSTM(3, 4, batch_first=True).config.batch_first
            True
        """
        config = self._home.config
        return replace(config, batch_first=self.batch_first, dropout=self.dropout)

    def flatten_parameters(self) -> None:
        """Move the parameters into one memory, in which they are computed without a copy.

        It happens by itself when a module is made, copied or moved. Where a parameter is shared with another
        process or is a part of a larger tensor, all stay where they are, and calls compute from a copy.

        Example:
            >>> import bnns_lstm.torch
            >>> bnns_lstm.torch.LSTM(3, 4).flatten_parameters()
        """
        # PyTorch's constructor asks before there is one.
        home: Home | None = self.__dict__.get("_home")
        if home is not None and all(name in self._parameters for name in self._shapes):
            tensors = {name: self._parameters[name] for name in self._shapes}
            if not any(self._weight_issues(tensors)):
                home.adopt(tensors)

    def _weight_issues(self, tensors: Mapping[str, Any]) -> list[Issue]:
        """Findings for parameters that are no longer those of this module."""
        issues: list[Issue] = []
        for name, shape in self._shapes.items():
            check(tensors[name], name, issues)
            found = getattr(tensors[name], "shape", shape)
            if found != shape:
                issues.append(Issue(name, codes.SIZE_MISMATCH, str(list(shape)), str(list(found))))
        return issues

    def extra_repr(self) -> str:
        """PyTorch's words, and the two arguments that it has not."""
        words: list[str] = [super().extra_repr()]
        if self.peephole is not None:
            words.append(f"peephole={self.peephole!r}")
        if self.activations:
            words.append("activations={...}")
        return ", ".join(words)

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """A copy's parameters go into a memory of its own."""
        super().__setstate__(state)
        self.flatten_parameters()


def refuse_other_tensors(device: Any, dtype: Any) -> None:
    """Refuse parameters that could not be computed.

    Raises:
        TensorError: For another device than the CPU and `meta`, and another type than float32.
    """
    issues: list[Issue] = []
    with torch.no_grad():
        kind = torch.device(device) if device is not None else torch.get_default_device()
    if kind.type not in DEVICES:
        expected = "the CPU (or meta): no other device is computed on"
        issues.append(Issue("device", codes.UNSUPPORTED_HERE, expected, str(kind)))
    found = torch.get_default_dtype() if dtype is None else dtype
    if found != torch.float32:
        is_default = dtype is None
        expected = "torch.float32, the only type that is computed"
        actual = f"{found}{', the default type: pass dtype=torch.float32' if is_default else ''}"
        issues.append(Issue("dtype", codes.UNSUPPORTED_DATA_TYPE, expected, actual))
    refuse(issues)
