"""`bnns_lstm.LSTM`: a stack of LSTM layers with weights of its own, as users of PyTorch know it.

In: sizes, arrays. Out: outputs, states, gradients. Everything is computed by the structure level below it.

`lstm` is the module itself, `calls` what it computes, `stateful` and `files` its weights and where they come
from and go to; `parameters` holds them. A call is read by `arguments` and `inputs`, which sorts samples by
length (`floats`, `lengths` and `packed` read its parts); `samples` takes arrays there and back, `outputs`
reads gradients, `merge` makes of both directions what the caller wants. `engine` prepares and computes, over
structures that `structure` makes, and `training` over `training_arrays` and `weight_gradients`; usual calls
take a shorter way, `quick` and `quick_training`, for which `training_kinds` knows how arrays lie; `idle` knows
calls without a step; `bridge` turns structures of users into LSTMs. `stream` is for samples that come one by
one.

`stack` puts LSTMs that differ upon each other; `stack_arguments`, `stack_stateful`, `stack_files`,
`stack_results` and `stack_stream` are to it what the modules without `stack_` are to an LSTM; `entries` reads
weights by name for both. These are imported when `Stack` or one of its results is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bnns_lstm._lazy import attribute
from bnns_lstm.config import LSTMConfig
from bnns_lstm.module.lstm import LSTM
from bnns_lstm.module.results import Gradients, LSTMState, Tape
from bnns_lstm.module.stream import Stream

if TYPE_CHECKING:
    from bnns_lstm.module.stack import Stack
    from bnns_lstm.module.stack_results import StackGradients, StackTape
    from bnns_lstm.module.stack_stream import StackStream

__all__ = [
    "LSTM",
    "Gradients",
    "LSTMConfig",
    "LSTMState",
    "Stack",
    "StackGradients",
    "StackStream",
    "StackTape",
    "Stream",
    "Tape",
]

PLACES = {
    "Stack": "stack",
    "StackGradients": "stack_results",
    "StackStream": "stack_stream",
    "StackTape": "stack_results",
}


def __getattr__(name: str) -> Any:
    """One of :data:`PLACES`, from the module that it stands in."""
    return attribute(__name__, PLACES, name)


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
