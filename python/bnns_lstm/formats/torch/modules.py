"""PyTorch's modules, by what they have: PyTorch is never imported.

In: a module. Out: its entries, and what it says about the LSTM that a prefix leads to. It does not know what
the entries' names mean.
"""

from __future__ import annotations

from typing import Any

from bnns_lstm import codes
from bnns_lstm._look import attempt, is_a, mapping, reason, whole
from bnns_lstm._show import shown
from bnns_lstm.activation import Activation
from bnns_lstm.config import FUNCTIONS, LSTMConfig
from bnns_lstm.formats.convert import fail

__all__ = [
    "entries_of",
    "functions_of",
    "is_module",
    "module_at",
    "options_of",
    "refuse_other_projection",
]


def is_module(given: object) -> bool:
    """Whether something has a `state_dict()`."""
    return callable(_attribute(given, "state_dict", None))


def entries_of(module: Any) -> dict[Any, Any]:
    """The entries that a module's `state_dict()` gives.

    Raises:
        WeightsError: If it gives no mapping.
    """
    given = attempt(module.state_dict)
    entries = mapping(given)
    if entries is None:
        found = reason(given) if isinstance(given, Exception) else type(given).__name__
        raise fail("source.state_dict()", "a mapping of names to tensors", found, codes.WRONG_TYPE)
    return entries


def module_at(module: object, prefix: str) -> object:
    """The module that a prefix leads to; None if there is none."""
    for step in prefix.removesuffix(".").split(".") if prefix else ():
        module = _attribute(module, step, None)
    return module


def options_of(module: object, prefix: str) -> tuple[bool, float]:
    """`batch_first` and `dropout` of the LSTM that a prefix leads to; False and 0 where it does not say.

    Raises:
        WeightsError: If it is no LSTM.
    """
    lstm = module_at(module, prefix)
    mode = _attribute(lstm, "mode", "LSTM")
    if mode != "LSTM":
        raise fail("source.mode", "'LSTM'", shown(mode), codes.UNSUPPORTED_HERE)
    batch_first = _attribute(lstm, "batch_first", None)
    dropout = _attribute(lstm, "dropout", 0.0)
    if batch_first is None:  # Paddle says the opposite
        time_major = _attribute(lstm, "time_major", True)
        batch_first = not time_major if is_a(time_major, bool) else False
    # Other modules may have such attributes for other purposes.
    if not is_a(batch_first, bool) or not is_a(dropout, (float, int)):
        return False, 0.0
    return batch_first, float(dropout)


def functions_of(module: object, prefix: str) -> dict[str, Activation] | None:
    """The functions of a module of this package, `bnns_lstm.torch.LSTM`; None for PyTorch's own ones."""
    config = _attribute(module_at(module, prefix), "config", None)
    if not is_a(config, LSTMConfig) or not config.activations:
        return None
    return {name: config.activation(name) for name in FUNCTIONS}


def refuse_other_projection(module: object, prefix: str, proj_size: int) -> None:
    """Nothing, where the LSTM that a prefix leads to has the projection that its entries have.

    Raises:
        WeightsError: If it says that it has another one.
    """
    projection = _attribute(module_at(module, prefix), "proj_size", proj_size)
    if whole(projection) != proj_size:
        expected = f"{proj_size}, as its entries have {'it' if proj_size else 'no weight_hr_l0'}"
        raise fail("source.proj_size", expected, shown(projection), codes.SIZE_MISMATCH)


def _attribute(owner: object, name: str, default: Any) -> Any:
    """An attribute, or the default where there is none or it cannot be read."""
    found = attempt(lambda: getattr(owner, name))
    return default if isinstance(found, Exception) else found
