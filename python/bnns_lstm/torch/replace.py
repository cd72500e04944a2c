"""Every LSTM of a model.

In: a model. Out: the same model with modules of this package where `torch.nn.LSTM` stood, and a report of what
was replaced and what was left, with the reason. It computes nothing; parameters stay the objects that they
are, so that optimisers go on with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from bnns_lstm import codes
from bnns_lstm.errors import Issue
from bnns_lstm.torch.errors import TensorError
from bnns_lstm.torch.module import LSTM

__all__ = ["Replaced", "replace_lstms"]

# The name of the model itself in a report.
ROOT = "(the model)"


@dataclass(frozen=True)
class Replaced:
    """What :func:`replace_lstms` did.

    Attributes:
        model: The model; another object than was given only where that was an LSTM itself.
        replaced: The names of the LSTMs that were replaced, as `named_modules` has them.
        left: The names of those that were left, with the reason.

    Example:
        >>> import bnns_lstm.torch, torch
        >>> model = torch.nn.ModuleDict({"rnn": torch.nn.LSTM(3, 4), "gru": torch.nn.GRU(3, 4)})
        >>> bnns_lstm.torch.replace_lstms(model).replaced
        ('rnn',)
    """

    model: torch.nn.Module
    replaced: tuple[str, ...]
    left: dict[str, str]

    def __str__(self) -> str:
        """A line for each LSTM."""
        lines = [f"{name}: replaced" for name in self.replaced]
        lines += [f"{name}: left, {reason}" for name, reason in self.left.items()]
        return "\n".join(lines) or "no LSTM"


def replace_lstms(model: torch.nn.Module) -> Replaced:
    """Replace every `torch.nn.LSTM` of a model by :class:`LSTM`, in place.

    Parameters are the same objects afterwards, and hooks, attributes and the training mode go along. An LSTM
    that stands in several places of the model stands in all of them afterwards.

    Args:
        model: Any module; where it is an LSTM itself, the report's `model` replaces it.

    Returns:
        What was replaced, and what was left: subclasses of `torch.nn.LSTM` (parametrized ones among them),
        LSTMs on other devices or of other types than float32, and those that drop everything between layers.

    Raises:
        TensorError: For what is no module.

    Example:
        >>> import bnns_lstm.torch, torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.LSTM(3, 4))
        >>> print(bnns_lstm.torch.replace_lstms(model))
        1: replaced
    """
    if not isinstance(model, torch.nn.Module):
        issue = Issue("model", codes.WRONG_TYPE, "a torch.nn.Module", type(model).__name__)
        raise TensorError((issue,))
    made: dict[int, LSTM] = {}
    replaced: list[str] = []
    left: dict[str, str] = {}
    root = model
    for name, owner, key, lstm in list(_found(model)):
        reason = _reason(lstm)
        if reason is not None:
            left[name] = reason
            continue
        if id(lstm) not in made:
            made[id(lstm)] = _twin(lstm)
        if owner is None:
            root = made[id(lstm)]
        else:
            owner._modules[key] = made[id(lstm)]
        replaced.append(name)
    return Replaced(root, tuple(replaced), left)


def _found(model: Any) -> Iterator[tuple[str, Any, str, Any]]:
    """Each place of a `torch.nn.LSTM` that is none of ours: its name, its owner, its name there, the LSTM."""
    if _is_foreign(model):
        yield ROOT, None, "", model
    for name, owner in model.named_modules():
        for key, child in owner._modules.items():
            if _is_foreign(child):
                yield f"{name}.{key}" if name else key, owner, key, child


def _is_foreign(module: Any) -> bool:
    return isinstance(module, torch.nn.LSTM) and not isinstance(module, LSTM)


def _reason(lstm: Any) -> str | None:
    """Why an LSTM cannot be replaced; None where it can."""
    if type(lstm) is not torch.nn.LSTM:
        return f"{type(lstm).__name__} is a subclass of torch.nn.LSTM, which may compute something else"
    if "forward" in vars(lstm):
        return "its forward was replaced"
    weights = {name: getattr(lstm, name) for names in lstm._all_weights for name in names}
    for name, weight in weights.items():
        if weight.device.type != "cpu":
            return f"{name} lies on {weight.device}, and only the CPU is computed on"
        if weight.dtype != torch.float32:
            return f"{name} is {weight.dtype}, and only torch.float32 is computed"
    if lstm.dropout >= 1:
        return f"dropout={lstm.dropout} drops everything between layers, and only ratios below 1 are computed"
    return None


def _twin(lstm: torch.nn.LSTM) -> LSTM:
    """A module of ours with everything that an LSTM has."""
    twin = LSTM.__new__(LSTM)
    twin.__dict__.update(vars(lstm))
    twin._settle(None, None)
    twin.flatten_parameters()
    return twin
