"""`bnns_lstm.torch.LSTM`: a module of PyTorch's that stands where `torch.nn.LSTM` stood, on CPU tensors.

    import bnns_lstm.torch
    lstm = bnns_lstm.torch.LSTM(3, 16, num_layers=2)   # the arguments of torch.nn.LSTM
    y, (h, c) = lstm(x)                                 # tensors, and gradients by autograd

In: tensors, or a PackedSequence. Out: the same as `torch.nn.LSTM` gives. Everything is computed by the
structure level of this package; PyTorch keeps the parameters and the graph of gradients.

`module` is the module, over `stateful`, which holds parameters; `replace` puts it into models, `function` is
the node of PyTorch's graph. `weights` knows where parameters lie, `tensors` reads tensors, `packed` packed
sequences; `training`, over `planned`, and `inference` call the level below; `compiled` knows PyTorch's
compilers, `errors` what is raised. PyTorch is imported when a name of this package is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bnns_lstm._lazy import attribute
from bnns_lstm.formats.extras import need

if TYPE_CHECKING:
    from bnns_lstm.torch.errors import TensorError
    from bnns_lstm.torch.module import LSTM
    from bnns_lstm.torch.replace import Replaced, replace_lstms

__all__ = ["LSTM", "Replaced", "TensorError", "replace_lstms"]

PLACES = {
    "LSTM": "module",
    "Replaced": "replace",
    "TensorError": "errors",
    "replace_lstms": "replace",
}


def __getattr__(name: str) -> Any:
    """One of :data:`PLACES`, from the module that it stands in.

    Raises:
        ExtraError: If PyTorch is not installed, with the command that installs it.
    """
    if name in PLACES:
        need("torch", "torch")
    return attribute(__name__, PLACES, name)


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
